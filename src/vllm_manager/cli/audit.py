"""`audit`: who did what; take the log out, and prove that nobody changed it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from vllm_manager.audit.chain import MEMBERS, Walk
from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    as_object,
    connect,
)
from vllm_manager.cli.moments import FromOption, ToOption, past_moment
from vllm_manager.cli.output import out, print_json, print_table
from vllm_manager.kit.errors import Problem

app = typer.Typer(name="audit", help="The audit log: ls, export, verify.", no_args_is_help=True)

_PATH = "/api/v1/audit"
_PAGE = 1000
_COLOURS = {"done": "green", "refused": "yellow", "failed": "red", "unknown": "yellow"}


@app.command()
def ls(
    actor: Annotated[str | None, typer.Option(help="Name or id of a user.")] = None,
    action: Annotated[str | None, typer.Option(help="Such as `revokeKey` or `login`.")] = None,
    subject: Annotated[str | None, typer.Option(help="What it was done to.")] = None,
    since: FromOption = None,
    until: ToOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 50,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was done and tried, the newest first."""
    query = {
        "actor": actor,
        "action": action,
        "subject": subject,
        "from": past_moment(since),
        "to": past_moment(until),
    }
    with connect(url, token) as client:
        found, cursor = _newest(client, query, limit)
    if as_json:
        print_json({"items": found, "next_cursor": cursor})
        return
    print_table(["When", "Who", "Did", "To", "From", "Result"], [_row(entry) for entry in found])


@app.command()
def export(
    format: Annotated[
        Literal["ndjson", "csv"], typer.Option(help="One entry per line.")
    ] = "ndjson",
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write the whole log to standard output: `vllm-manager audit export > audit.ndjson`."""
    with (
        connect(url, token) as client,
        client.lines("GET", f"{_PATH}/export?format={format}") as it,
    ):
        for line in it:
            sys.stdout.write(line + "\n")


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export (NDJSON) to verify without a server.")
    ] = None,
    head: Annotated[
        str | None, typer.Option(help="A hash noted earlier: the log must still hold it.")
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that no entry was changed, taken out or put in."""
    if file is not None:
        report = _verified(file, head)
    else:
        with connect(url, token) as client:
            report = client.get(f"{_PATH}/verify")
            if head is not None and report["ok"] and not _holds(client, head):
                report |= _cut_off(head)
    if as_json:
        print_json(report)
    elif report["ok"]:
        out.print(f"[green]✓[/green] {report['entries']} entries are as they were written.")
        out.print(f"  newest hash: {report['head'] or 'none yet'}", style="dim")
    if not report["ok"]:
        raise _broken(report)


def _broken(report: Json) -> Problem:
    at = report["broken_at"]
    where = (
        f"The log was changed at entry {at}; what was written before it is whole. " if at else ""
    )
    advice = " Compare it with an export or a backup that was kept elsewhere."
    return Problem("audit_broken", f"{where}{report['reason']}{advice}", status=409)


def _row(entry: Json) -> list[str]:
    colour = _COLOURS[entry["outcome"]]
    code = f" ({entry['code']})" if entry["code"] else ""
    return [
        entry["at"][:19].replace("T", " "),
        escape(entry["actor"] or "–"),
        escape(entry["action"]),
        escape(entry["subject"] or "–"),
        escape(entry["address"] or "–"),
        f"[{colour}]{entry['outcome']}[/{colour}]{escape(code)}",
    ]


def _newest(client: Client, query: Json, limit: int) -> tuple[list[Json], str | None]:
    """Return so many entries, and where the list goes on; None where it ends."""
    found: list[Json] = []
    cursor: str | None = None
    while True:
        left = min(limit - len(found), _PAGE)
        page = client.get(_PATH, **query, limit=left, cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None or len(found) >= limit:
            return found, cursor


def _verified(file: Path, head: str | None) -> Json:
    """Walk along an export. Where it begins later than the log did, that is taken for granted."""
    walk = Walk(None)
    seen = {link["hash"] for link in _links(file)} if head is not None else set[str]()
    walk.take(_links(file))
    found = walk.verdict
    report: Json = {
        "ok": found.ok,
        "entries": found.entries,
        "first_seq": found.first_seq,
        "last_seq": found.last_seq,
        "head": found.head,
        "broken_at": found.broken_at,
        "reason": found.reason,
    }
    return report | _cut_off(head) if head is not None and found.ok and head not in seen else report


def _links(file: Path) -> Iterator[Json]:
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                link = as_object(json.loads(line))
                if link is None or not {*MEMBERS, "hash"} <= link.keys():
                    raise typer.BadParameter(f"{file}, line {number}: not an entry of an export")
                yield link
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}. It must be an export as NDJSON.") from error


def _holds(client: Client, head: str) -> bool:
    with client.lines("GET", f"{_PATH}/export") as lines:
        return any(json.loads(line)["hash"] == head for line in lines)


def _cut_off(head: str) -> Json:
    reason = f"No entry has the hash {head} that was noted: the end of the log was cut off."
    return {"ok": False, "reason": reason, "broken_at": None}
