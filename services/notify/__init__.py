"""Tells citizens and officers: deadlines, messages, receipts."""
