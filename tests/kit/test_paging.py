"""Cursors come back as they were made; anything else is refused with its field."""

import base64

import pytest

from vllm_manager.kit.errors import Problem
from vllm_manager.kit.paging import cut, decode_cursor, encode_cursor


@pytest.mark.parametrize("key", ["demo", "", "op_01k9", "2026-01-01|replica-1|000000000012", "é"])
def test_a_cursor_gives_its_key_back(key: str):
    assert decode_cursor(encode_cursor(key)) == key


def test_no_cursor_is_the_first_page():
    assert decode_cursor(None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "!!!",
        "a",
        "é",
        "_w",
        base64.urlsafe_b64encode(b"a\0b").decode(),
        base64.urlsafe_b64encode(b"a\nb").decode(),
        "' OR 1=1 --",
    ],
)
def test_what_is_no_cursor_is_refused_with_its_field(cursor: str):
    with pytest.raises(Problem) as caught:
        decode_cursor(cursor)
    assert caught.value.details.status == 422
    assert [error.field for error in caught.value.details.errors] == ["cursor"]


def test_a_full_page_ends_with_the_cursor_of_its_last_row():
    rows = ["a", "b", "c"]
    page, cursor = cut(rows, 2, rows)
    assert page == ["a", "b"]
    assert decode_cursor(cursor) == "b"


def test_the_last_page_has_no_cursor():
    assert cut(["a", "b"], 2, ["a", "b"]) == (["a", "b"], None)
