"""The outside world of reporting: who vouches for people."""
