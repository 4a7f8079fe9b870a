"""Which tests are no part of a run on this machine, and why: their marker says what they need."""

import sys
from collections.abc import Callable, Mapping, Sequence

import pytest

from support import control_groups, ray_cluster

NEEDS: Mapping[str, tuple[Callable[[], bool], str]] = {
    "linux": (lambda: sys.platform == "linux", "about Linux's own kernel"),
    "control_groups": (
        control_groups.can_be_made,
        "needs root and a place where control groups can be made",
    ),
    "own_hostname": (
        ray_cluster.hostnames_can_be_given,
        "needs root and namespaces, for a hostname of its own",
    ),
}
"""Marker → whether what it needs is here, and what that is."""


def sorted_out(
    items: Sequence[pytest.Item], needs: Mapping[str, tuple[Callable[[], bool], str]] = NEEDS
) -> tuple[list[pytest.Item], dict[str, list[pytest.Item]]]:
    """Return the tests that can run here, and the others by the reason.

    Nothing is tried that no test needs.
    """
    kept, left_out = list(items), dict[str, list[pytest.Item]]()
    for marker, (is_here, why) in needs.items():
        found = [item for item in kept if item.get_closest_marker(marker)]
        if found and not is_here():
            left_out[why] = found
            kept = [item for item in kept if item not in found]
    return kept, left_out
