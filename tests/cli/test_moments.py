"""Moments: a span lies ahead or behind, a date is what it says, anything else is refused."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from vllm_manager.cli.moments import moment, past_moment


def away(text: str | None) -> timedelta:
    assert text is not None
    return datetime.fromisoformat(text) - datetime.now(UTC)


def test_a_span_lies_ahead_or_behind() -> None:
    assert timedelta(days=6, hours=23) < away(moment("7d")) <= timedelta(days=7)
    assert timedelta(days=-7, hours=-1) < away(past_moment("7d")) <= timedelta(days=-7)


def test_a_date_is_what_it_says() -> None:
    for read in (moment, past_moment):
        assert read("2027-01-31T12:00:00Z") == "2027-01-31T12:00:00+00:00"
        assert (read("2027-01-31") or "").startswith("2027-01-31T00:00:00")
        assert read(None) is None


def test_anything_else_is_refused_with_what_would_do() -> None:
    with pytest.raises(typer.BadParameter, match="`90d` ago"):
        past_moment("yesterday")
