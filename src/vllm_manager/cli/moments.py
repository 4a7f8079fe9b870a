"""Moments on the command line: from now on, as `90d`, or as a date and time."""

import re
from datetime import UTC, datetime, timedelta

import typer

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
SPANS = "`30m`, `24h`, `90d` from now, or a date such as 2027-01-31 or 2027-01-31T12:00:00Z."


def moment(text: str | None) -> str | None:
    """Return a moment as RFC 3339.

    Raises:
        typer.BadParameter: it is neither a span nor a date.
    """
    if text is None:
        return None
    span = _SPAN.fullmatch(text)
    if span:
        then = datetime.now(UTC) + timedelta(**{_UNITS[span[2]]: int(span[1])})
        return then.isoformat(timespec="seconds")
    try:
        then = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"“{text}” is no moment. Write {SPANS}") from error
    return (then if then.tzinfo else then.astimezone()).isoformat()
