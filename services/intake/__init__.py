"""Takes events in: checks, splits off personal data, stores, publishes."""
