"""Broker, database and services as children of one process, for a machine that has neither."""
