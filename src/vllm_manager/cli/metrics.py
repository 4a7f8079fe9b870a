"""`metrics` and `figures`: what is measured, what it is now, and what it was."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import elapsed, err, out, print_json, print_table, size

_PATH = "/api/v1/metrics"
_BARS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"
_WIDTH = 60


class Function(StrEnum):
    """What can be asked of a figure."""

    VALUE = "value"
    RATE = "rate"
    QUANTILE = "quantile"
    MEAN = "mean"


Only = Annotated[list[str] | None, typer.Option(help="Only of this one; repeat it for several.")]


def figures(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List what is measured."""
    with connect(url, token) as client:
        found = list(client.pages(f"{_PATH}/figures"))
    if as_json:
        print_json({"items": found, "next_cursor": None})
        return
    rows = (
        [f["name"], f["kind"], f["unit"], escape(", ".join(f["labels"])), escape(f["about"])]
        for f in found
    )
    print_table(("FIGURE", "KIND", "UNIT", "LABELS", "WHAT IT IS"), rows)


def metrics(
    figure: Annotated[
        str | None, typer.Argument(help="Its name; see `figures`. Left out: all, as they are now.")
    ] = None,
    span: Annotated[str, typer.Option("--range", help="How far back: 15m, 1h, 7d.")] = "1h",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="A label to tell lines apart by, or `none`; repeat it."),
    ] = None,
    function: Annotated[Function | None, typer.Option(help="What of it; see `figures`.")] = None,
    quantile: Annotated[float, typer.Option(min=0, max=1, help="Of histograms.")] = 0.95,
    deployment: Only = None,
    replica: Only = None,
    node: Only = None,
    gpu: Only = None,
    process: Only = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a figure over time, or all figures as they are now."""
    only = {
        "deployment": deployment,
        "replica": replica,
        "node": node,
        "gpu": gpu,
        "process": process,
    }
    where = {label: values for label, values in only.items() if values}
    if figure is None:
        _latest(where, url, token, as_json)
        return
    asked: Json = {"figure": figure, "range": span, "points": _WIDTH, "quantile": quantile, **where}
    if by:
        asked["by"] = [label for label in by if label != "none"] or [""]
    if function is not None:
        asked["function"] = function.value
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/query", **asked)
    if as_json:
        print_json(found)
    elif not found["series"]:
        out.print("Nothing is known of it in this span.")
    else:
        _print_series(found)


def _latest(where: Json, url: str | None, token: str | None, as_json: bool) -> None:
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/latest", **where)
    if as_json:
        print_json(found)
        return
    rows = (
        [item["figure"], _labels(item["labels"]), shown(item["value"], item["unit"])]
        for item in found["items"]
    )
    print_table(("FIGURE", "OF", "NOW"), rows)


def _print_series(found: Json) -> None:
    unit, step = found["unit"], elapsed(found["step_seconds"])
    what = found["function"] if found["quantile"] is None else f"p{100 * found['quantile']:g}"
    out.print(f"{found['figure']}, {what}, a sign for each {step} (from {found['source']})")
    rows: list[list[str]] = []
    for series in found["series"]:
        values = [value for _, value in series["points"]]
        known = [value for value in values if value is not None]
        tops = [value for value in series["highest"] or known if value is not None]
        rows.append(
            [
                _labels(series["labels"]) or "all",
                sparkline(values),
                shown(min(known), unit),
                shown(sum(known) / len(known), unit),
                shown(max(tops), unit),
                shown(known[-1], unit),
            ]
        )
    print_table(("OF", "", "LOWEST", "MEAN", "HIGHEST", "LAST"), rows)
    for series in found["series"]:
        if series["stale_since"] is not None:
            since = datetime.fromisoformat(series["stale_since"]).astimezone()
            labels = _labels(series["labels"]) or "all"
            err.print(f"[yellow]![/yellow] {labels}: silent since {since:%Y-%m-%d %H:%M:%S}")


def sparkline(values: Sequence[float | None]) -> str:
    """Return a sign for each value, from 0 (or the lowest below it) to the highest."""
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    span = (high - low) or 1.0
    return "".join(
        _UNKNOWN if value is None else _BARS[min(7, int(8 * (value - low) / span))]
        for value in values
    )


def shown(value: float, unit: str) -> str:
    """Return a value in the unit that people read."""
    if unit == "bytes":
        return size(round(value))
    if unit == "bytes_per_second":
        return f"{size(round(value))}/s"
    if unit == "ratio":
        return f"{100 * value:.1f} %"
    if unit == "seconds":
        return f"{1000 * value:.0f} ms" if value < 1 else elapsed(value)
    signs = {"celsius": " °C", "watts": " W", "per_second": "/s", "cores": " cores"}
    return f"{value:,.4g}{signs.get(unit, '')}"


def _labels(labels: dict[str, str]) -> str:
    return escape(" ".join(labels.values()))
