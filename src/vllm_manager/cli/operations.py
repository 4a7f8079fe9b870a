"""`operations`: long work that was accepted: how far it is, or how it ended."""

from typing import Annotated

import typer
from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.deployments import age
from vllm_manager.cli.output import out, print_json, print_table, state


def operations(
    status: Annotated[
        str | None,
        typer.Option(help="`pending`, `running`, `paused`, `succeeded`, `failed`, `cancelled`."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many at most.")] = 20,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List starts, stops, downloads and other long work, the newest first."""
    with connect(url, token) as client:
        page = client.get("/api/v1/operations", limit=limit, status=status)
    found: list[Json] = page["items"]
    if as_json:
        print_json(page)
    elif not found:
        out.print("There is none.")
    else:
        columns = ("OPERATION", "OF", "STATUS", "DONE", "BEGAN", "MESSAGE")
        print_table(columns, (_row(operation) for operation in found), keeps_first=True)


def _row(operation: Json) -> list[str]:
    progress = operation["progress"]
    return [
        escape(operation["kind"]),
        escape(operation["subject"]),
        state(operation["status"]),
        "–" if progress is None else f"{progress:.0%}",
        f"{age(operation['created_at'])} ago",
        escape(operation["message"] or ""),
    ]
