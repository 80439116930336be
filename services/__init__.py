"""The four services: each takes its own road, none imports another."""
