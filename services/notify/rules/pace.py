"""How many messages a provider with a rate limit may be given now (a token bucket)."""

BURST_SECONDS = 1.0


def tokens(left: float, seconds: float, rate: float) -> float:
    """What is in the bucket after some seconds; it holds a second's worth, and at least one."""
    full = max(1.0, rate * BURST_SECONDS)
    return min(full, left + max(0.0, seconds) * rate)


def seconds_to_next(left: float, rate: float) -> float:
    """How long until there is a whole token."""
    return max(0.0, (1.0 - left) / rate)
