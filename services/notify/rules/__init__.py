"""Decisions of notify: values in, a decision out."""
