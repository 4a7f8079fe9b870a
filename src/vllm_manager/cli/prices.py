"""`usage prices`: what tokens of models cost, from which day on."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlencode

import typer
from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import out, print_json, print_table

app = typer.Typer(
    name="prices", help="What tokens of models cost: ls, set, rm.", no_args_is_help=True
)

_PATH = "/api/v1/usage/prices"
_DAY = ["%Y-%m-%d"]

ModelArgument = Annotated[
    str, typer.Argument(help="The name that requests ask for.", show_default=False)
]
DayOption = Annotated[datetime | None, typer.Option("--from", formats=_DAY)]


@app.command()
def ls(
    model: Annotated[str | None, typer.Argument(help="Only of this model.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List prices by model, the newest first. The one that counts today is marked."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200, model=model))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print(
            "There are no prices. Set one: vllm-manager usage prices set MODEL --in 0.50 --out 1.50"
        )
    else:
        heads = ("MODEL", "FROM", "IN", "CACHED", "OUT", "PER MILLION", "")
        print_table(heads, (_row(price) for price in found))


@app.command("set")
def set_price(
    model: ModelArgument,
    input_: Annotated[float, typer.Option("--in", min=0, help="Of a million tokens in.")],
    output: Annotated[float, typer.Option("--out", min=0, help="Of a million tokens out.")],
    cached: Annotated[
        float | None,
        typer.Option("--cached", min=0, help="Of a million tokens in that were cached."),
    ] = None,
    since: DayOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set what a million tokens cost, from today (UTC) or the day given on.

    Earlier days keep the price of then.
    """
    body = {
        "input_per_million": input_,
        "cached_input_per_million": cached,
        "output_per_million": output,
        "valid_from": _day(since),
    }
    with connect(url, token) as client:
        price = client.put(f"{_PATH}/{quote(model, safe='')}", body)
    if as_json:
        print_json(price)
        return
    figures = (
        f"{_figure(price['input_per_million'])} in, {_figure(price['output_per_million'])} out"
    )
    since_day = f"from {price['valid_from']} on"
    out.print(f"[green]✓[/green] {escape(model)}: {figures} ({price['currency']}), {since_day}.")


@app.command()
def rm(
    model: ModelArgument,
    since: DayOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take the price that begins on a day away; without a day, all prices of the model."""
    query = f"?{urlencode({'valid_from': _day(since)})}" if since is not None else ""
    with connect(url, token) as client:
        client.delete(f"{_PATH}/{quote(model, safe='')}{query}")
    out.print("[green]✓[/green] That price counts no more.")


def _row(price: Json) -> list[str]:
    cached = price["cached_input_per_million"]
    return [
        escape(price["model"]),
        price["valid_from"],
        _figure(price["input_per_million"]),
        _figure(price["input_per_million"] if cached is None else cached),
        _figure(price["output_per_million"]),
        price["currency"],
        "today" if price["is_current"] else "",
    ]


def _figure(value: float) -> str:
    """Return a price with two decimals, or as many as it has."""
    text = f"{value:.9f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}"


def _day(at: datetime | None) -> str | None:
    return None if at is None else at.date().isoformat()
