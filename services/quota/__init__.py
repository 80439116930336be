"""Counts events against plans: targets, progress, stipends."""
