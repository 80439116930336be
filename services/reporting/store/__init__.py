"""Every query of reporting: what a batch reads and writes, and what a report reads."""
