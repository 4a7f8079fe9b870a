"""Moments on the command line: from now on or ago, as `90d`, or as a date and time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
SPANS = "`30m`, `24h`, `90d` from now, or a date such as 2027-01-31 or 2027-01-31T12:00:00Z."
_SPANS_AGO = SPANS.replace("from now", "ago")


FromOption = Annotated[
    str | None, typer.Option("--from", help="`7d` ago, or a date such as 2027-01-31.")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Until then, written as --from.")]


def moment(text: str | None) -> str | None:
    """Return a moment as RFC 3339; a span is from now on.

    Raises:
        typer.BadParameter: it is neither a span nor a date.
    """
    return _moment(text, 1, SPANS)


def past_moment(text: str | None) -> str | None:
    """Return a moment as RFC 3339; a span is so long ago.

    Raises:
        typer.BadParameter: it is neither a span nor a date.
    """
    return _moment(text, -1, _SPANS_AGO)


def _moment(text: str | None, direction: int, spans: str) -> str | None:
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    if span:
        length = timedelta(**{_UNITS[span[2]]: int(span[1])})
        return (datetime.now(UTC) + direction * length).isoformat(timespec="seconds")
    try:
        then = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"“{text}” is no moment. Write {spans}") from error
    return (then if then.tzinfo else then.astimezone()).isoformat()
