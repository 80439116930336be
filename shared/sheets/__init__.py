"""Spreadsheets and CSV files as offices keep them, read as rows of values."""
