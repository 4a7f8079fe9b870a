"""What differs between two recipes."""

from typing import Any

import pytest

from vllm_manager.configs.differences import differences


def found(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    return [(c.path, c.kind, c.before, c.after) for c in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "changed", 1, 2)]),
        ({"a": 1}, {"a": True}, [("a", "changed", 1, True)]),
        ({"a": None}, {"a": 3}, [("a", "added", None, 3)]),
        ({"a": 3}, {"a": None}, [("a", "removed", 3, None)]),
        ({}, {"a": None}, [("a", "added", None, None)]),
        (
            {"a": {"b": 1, "c": 2}},
            {"a": {"c": 3, "d": 4}},
            [("a.b", "removed", 1, None), ("a.c", "changed", 2, 3), ("a.d", "added", None, 4)],
        ),
        ({"l": [1, 2]}, {"l": [1, 3, 4]}, [("l[1]", "changed", 2, 3), ("l[2]", "added", None, 4)]),
        (
            {"l": [{"p": 1}, 2]},
            {"l": [{"p": 2}]},
            [("l[0].p", "changed", 1, 2), ("l[1]", "removed", 2, None)],
        ),
        ({"a": [1]}, {"a": {"b": 1}}, [("a", "changed", [1], {"b": 1})]),
    ],
)
def test_each_difference_is_named_once_with_its_path(
    before: Any, after: Any, expected: list[Any]
) -> None:
    assert found(before, after) == expected
