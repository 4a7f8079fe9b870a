"""Cursor paging: lists are `{"items": [...], "next_cursor": null}`."""

import base64
import binascii
from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel

from vllm_manager.kit.errors import FieldError, invalid

T = TypeVar("T")

MAX_LIMIT = 1000


class Page(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(key: str) -> str:
    """Return an opaque cursor that stands after the row with sort key `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """Return the sort key in `cursor`.

    Raises:
        Problem: the cursor was not made by `encode_cursor` (422, field `cursor`).
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        if not key.isprintable():  # no sort key holds such; PostgreSQL refuses NUL with an error
            raise ValueError("control characters")
        return key
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        message = "Not a cursor of this API. Leave it out to start from the first page."
        raise invalid([FieldError(field="cursor", message=message, suggestion=None)]) from error


def cut(rows: Sequence[T], limit: int, keys: Sequence[str]) -> tuple[list[T], str | None]:
    """Split `limit + 1` fetched rows into a page and its next cursor (`keys` are the sort keys)."""
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), encode_cursor(keys[limit - 1])
