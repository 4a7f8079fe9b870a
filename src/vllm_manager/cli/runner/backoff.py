"""How long to wait before a service that ended is started again."""

LONGEST_SECONDS = 30.0
STEADY_SECONDS = 60.0


def failures_after(failures: int, healthy_seconds: float) -> int:
    """Return the ends in a row, this one included; a healthy minute wipes out those before."""
    return 1 if healthy_seconds >= STEADY_SECONDS else failures + 1


def delay_seconds(failures: int) -> float:
    """Return 0 for the first end (heal at once), then 1, 2, 4 … up to 30 s."""
    if failures <= 1:
        return 0.0
    return min(2.0 ** (failures - 2), LONGEST_SECONDS)
