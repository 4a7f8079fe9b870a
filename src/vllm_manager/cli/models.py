"""`models`: find models on the hub, see what is popular, and judge one."""

from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli import library
from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import elapsed, err, out, print_json, print_table, size

app = typer.Typer(name="models", help="Models: on the hub and on disk.", no_args_is_help=True)
library.register(app)

_PATH = "/api/v1/catalog"
_GATES = {"open": "", "automatic": "licence", "manual": "licence"}

LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many.")]


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words in the model's id.")] = "",
    task: Annotated[str | None, typer.Option(help="For example `text-generation`.")] = None,
    library: Annotated[str | None, typer.Option(help="For example `transformers`.")] = None,
    license: Annotated[str | None, typer.Option(help="For example `apache-2.0`.")] = None,
    min_parameters: Annotated[
        str | None, typer.Option(help="At least so many: `500M`, `7B`.")
    ] = None,
    max_parameters: Annotated[str | None, typer.Option(help="At most so many.")] = None,
    sort: Annotated[str, typer.Option(help="trending, downloads, likes or updated.")] = "trending",
    limit: LimitOption = 20,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the model hub."""
    query = {
        "q": text or None,
        "task": task,
        "library": library,
        "license": license,
        "min_parameters": _count(min_parameters),
        "max_parameters": _count(max_parameters),
        "sort": sort,
        "limit": limit,
    }
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/search", **query)
    _print_page(found, as_json)


@app.command()
def popular(
    limit: Annotated[int, typer.Option("--limit", min=1, max=50, help="How many.")] = 20,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is trending on the model hub."""
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/popular", limit=limit)
    _print_page(found, as_json)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="`organisation/name` on the hub.")],
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit.")] = None,
    card: Annotated[bool, typer.Option("--card", help="Print what its makers say of it.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of a model, and what keeps it from being served."""
    path = f"{_PATH}/models/{quote(model, safe='/')}" + ("/card" if card else "")
    with connect(url, token) as client:
        found = client.get(path, revision=revision)
    if as_json:
        print_json(found)
    elif card:
        out.print(escape(str(found["text"])))
    else:
        _print_model(found)


def _count(text: str | None) -> int | None:
    """Read `7B`, `500M` or a plain number."""
    if text is None:
        return None
    units = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    unit = units.get(text[-1:].upper())
    try:
        return int(float(text[:-1]) * unit) if unit else int(text)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text} is no number of parameters, such as 500M or 7B"
        ) from error


def _print_page(found: Json, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    columns = ("MODEL", "PARAMETERS", "DTYPE", "LICENCE", "DOWNLOADS", "LIKES", "NOTES")
    print_table(columns, (_row(item) for item in found["items"]))
    if not found["items"]:
        out.print("Nothing was found.")
    _print_age(found)


def _row(item: Json) -> tuple[str, ...]:
    return (
        escape(item["repo"]),
        _short(item["parameters"]),
        escape(item["dtypes"][0] if item["dtypes"] else "–"),
        escape(item["license"] or "–"),
        _short(item["downloads"]),
        _short(item["likes"]),
        "[yellow]" + escape(", ".join(_notes(item))) + "[/yellow]" if _notes(item) else "",
    )


def _notes(item: Json) -> list[str]:
    told = [
        _GATES.get(item["gate"] or "open", ""),
        "unsupported" if item["supported"] is False else "",
        "own code" if item["needs_own_code"] else "",
        "no safetensors" if item["has_safetensors"] is False else "",
    ]
    return [note for note in told if note]


def _short(count: float | None) -> str:
    """Return a count as people say it: 1.2B, 340M, 5.1k; a dash where unknown."""
    if count is None:
        return "–"
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g}{name}"
    return f"{count:g}"


def _print_age(found: Json) -> None:
    if found["source"] == "shipped":
        err.print("[yellow]![/yellow] The hub can't be asked: this list came with this version.")
    elif found["problem"]:
        age = elapsed(found["age_seconds"])
        err.print(f"[yellow]![/yellow] The hub can't be asked: this is what it said {age} ago.")
    if found["problem"]:
        err.print(f"  because: {escape(found['problem']['detail'])}")


def _print_model(found: Json) -> None:
    model = found["model"]
    out.print(f"[bold]{escape(model['repo'])}[/bold]  {escape(found['url'])}")
    dtypes = ", ".join(model["dtypes"]) or "–"
    context = found["context_tokens"]
    lines = {
        "Commit": f"{found['commit']} ({found['revision']})",
        "Licence": (model["license"] or "–") + (" (to be accepted)" if _is_gated(model) else ""),
        "Task": model["task"] or "–",
        "Parameters": f"{_short(model['parameters'])} ({dtypes})",
        "Weights": f"{size(found['weights_bytes'])} ({found['weight_format']})",
        "Files": f"{found['files_count']}, {size(found['files_bytes'])} in all",
        "Architecture": ", ".join(model["architectures"]) or "–",
        "Context": f"{context:,} tokens" if context else "–",
        "Downloads": f"{_short(model['downloads'])}, {_short(model['likes'])} likes",
    }
    for name, value in lines.items():
        out.print(f"  {name:<13}{escape(value)}")
    for finding in found["findings"]:
        out.print(f"[yellow]![/yellow] {escape(finding['detail'])}")
        for remedy in finding["remediation"]:
            out.print(f"  → {escape(remedy['label'])}")
    _print_age(found)


def _is_gated(model: Json) -> bool:
    return model["gate"] not in (None, "open")
