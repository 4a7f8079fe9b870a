"""The five figures of a limit on the command line: their options, reading and printing."""

from typing import Annotated

import typer

from vllm_manager.cli.client import Json

Value = str | None
_HELP = "A number, or `none` for no limit."

RequestsOption = Annotated[Value, typer.Option("--requests-per-minute", help=_HELP)]
TokensOption = Annotated[Value, typer.Option("--tokens-per-minute", help=_HELP)]
ConcurrentOption = Annotated[Value, typer.Option("--concurrent-requests", help=f"At once. {_HELP}")]
DailyOption = Annotated[Value, typer.Option("--tokens-per-day", help=_HELP)]
MonthlyOption = Annotated[Value, typer.Option("--tokens-per-month", help=_HELP)]

_SHORT = {
    "requests_per_minute": "requests/min",
    "tokens_per_minute": "tokens/min",
    "concurrent_requests": "at once",
    "tokens_per_day": "tokens/day",
    "tokens_per_month": "tokens/month",
}


def given(
    requests_per_minute: Value,
    tokens_per_minute: Value,
    concurrent_requests: Value,
    tokens_per_day: Value,
    tokens_per_month: Value,
) -> Json:
    """Return the figures that were given; those to be taken away are null.

    Raises:
        typer.BadParameter: something is neither a number nor `none`.
    """
    texts = {
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "concurrent_requests": concurrent_requests,
        "tokens_per_day": tokens_per_day,
        "tokens_per_month": tokens_per_month,
    }
    return {name: _figure(name, text) for name, text in texts.items() if text is not None}


def describe(limits: Json) -> str:
    """Return the limits that are set, for people; a dash where there are none."""
    set_ = [f"{limits[name]:,} {unit}" for name, unit in _SHORT.items() if limits[name] is not None]
    return ", ".join(set_) or "–"


def _figure(name: str, text: str) -> int | None:
    if text.lower() == "none":
        return None
    digits = text.replace("_", "").replace(",", "")
    if not digits.isdecimal():
        option = "--" + name.replace("_", "-")
        raise typer.BadParameter(f"{option}: “{text}” is neither a number nor `none`")
    return int(digits)
