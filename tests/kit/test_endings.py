"""What requests count as when they are over."""

import pytest

from vllm_manager.kit.endings import status_class


@pytest.mark.parametrize(
    ("status", "outcome", "counts_as"),
    [
        (200, "ok", "2xx"),
        (429, "refused", "4xx"),
        (503, "refused", "5xx"),
        (200, "upstream_failed", "5xx"),
        (200, "cancelled", "cancelled"),
        (409, "cancelled", "cancelled"),
        (499, "client_left", "client_left"),
        (0, "ok", "5xx"),  # nobody answered it
        (503, "a word of another version", "5xx"),
    ],
)
def test_how_a_request_ended_decides_what_it_counts_as(
    status: int, outcome: str, counts_as: str
) -> None:
    assert status_class(status, outcome) == counts_as
