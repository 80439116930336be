"""What the four services have in common: contract, units, plans, clock, stores, messaging, command line."""
