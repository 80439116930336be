"""Keeps read models without personal data: reports, exports, dashboard."""
