"""`alerts`: what needs attention, who sees to it, times of quiet, and who is told."""

import re
from typing import Annotated, Literal
from urllib.parse import quote

import typer
from rich.markup import escape

from vllm_manager.cli.client import (
    Client,
    Json,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
    deployment_path,
)
from vllm_manager.cli.deployments import WaitOption
from vllm_manager.cli.explain import DoOption, YesOption
from vllm_manager.cli.keys import find, rotate_one
from vllm_manager.cli.moments import moment
from vllm_manager.cli.output import out, print_json, print_table
from vllm_manager.cli.remedies import (
    address_of,
    chosen,
    mend,
    print_remedies,
    show_address,
)
from vllm_manager.kit.errors import Problem, not_found

app = typer.Typer(
    name="alerts",
    help="What needs attention: ls, explain, ack, silence, silences, unsilence, rules, receivers.",
    no_args_is_help=True,
)
receivers = typer.Typer(
    name="receivers",
    help="Who is told of alerts: ls, add, set, test, rm.",
    no_args_is_help=True,
)
app.add_typer(receivers)

_PATH = "/api/v1/alerts"
_SPAN = re.compile(r"(\d{1,4})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}

State = Literal["active", "resolved", "all"]
Severity = Literal["critical", "warning", "info"]
AlertArgument = Annotated[str, typer.Argument(help="Id of an alert.", show_default=False)]
ReceiverArgument = Annotated[
    str, typer.Argument(help="Name or id of a receiver.", show_default=False)
]
LeastOption = Annotated[Severity | None, typer.Option("--least", help="Nothing milder than this.")]
SecretOption = Annotated[
    str | None,
    typer.Option(
        envvar="VLLM_MANAGER_ALERT_SECRET",
        help="Signs what a webhook gets. Prefer the environment variable: arguments are seen by "
        "other users.",
    ),
]


@app.command()
def ls(
    state: Annotated[State, typer.Option(help="Which ones.")] = "active",
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what needs attention."""
    with connect(url, token) as client:
        found = list(client.pages(_PATH, limit=200, state=state))
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("Nothing needs attention." if state == "active" else "There are no alerts.")
    for alert in [] if as_json else found:
        _print(alert)
        if alert["resolved_at"] is None and alert["remediation"]:
            out.print(f"  [dim]What mends it: vllm-manager alerts explain {alert['id']}[/dim]")


@app.command()
def explain(
    alert: AlertArgument,
    do: DoOption = None,
    yes: YesOption = False,
    wait: WaitOption = True,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong and what mends it; with --do, do it."""
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/{quote(alert, safe='')}")
        if do is not None:
            _mend(client, found, do, yes=yes, wait=wait, as_json=as_json)
            return
    if as_json:
        print_json(found)
        return
    _print(found)
    if found["resolved_at"] is None:
        print_remedies(found["remediation"])


def _mend(
    client: Client, alert: Json, number: int, *, yes: bool, wait: bool, as_json: bool
) -> None:
    if alert["resolved_at"] is not None:
        detail = f"“{alert['title']}” is over: there is nothing to mend."
        raise Problem("nothing_to_mend", detail, status=409)
    remedy = chosen(alert["remediation"], number)
    address = address_of(client, remedy)
    if address is not None:
        show_address(remedy, address, as_json=as_json)
    elif remedy["action"] == "rotate":
        told = remedy["arguments"]
        asked = {"old_until": None, "expires_at": moment(f"{told['days']}d")}
        rotate_one(client, find(client, str(told["key_id"])), asked, as_json=as_json)
    else:
        deployment = client.get(deployment_path(alert["deployment"]))
        mend(client, deployment, remedy, yes=yes, wait=wait, as_json=as_json)


@app.command()
def ack(
    alert: AlertArgument,
    note: Annotated[str | None, typer.Option(help="What is being done about it.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say that you see to it."""
    with connect(url, token) as client:
        said = client.post(f"{_PATH}/{quote(alert, safe='')}/acknowledge", {"note": note})
    out.print(
        f"[green]✓[/green] {escape(said['title'])}: {escape(said['acknowledged_by'])} sees to it."
    )


@app.command()
def rules(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List what is watched."""
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/rules")
    if as_json:
        print_json(found)
        return
    rows = (
        [rule["name"], f"{rule['hold_seconds']:.0f} s", rule["about"]] for rule in found["items"]
    )
    print_table(("RULE", "AFTER", "ABOUT"), rows)


@app.command()
def silence(
    reason: Annotated[str, typer.Option(help="Why.")],
    length: Annotated[str, typer.Option("--for", help="How long: `30m`, `2h`, `7d`.")],
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Tell nobody for a time; without rule and subject, of nothing at all."""
    asked = {"rule": rule, "subject": subject, "seconds": _seconds(length), "reason": reason}
    with connect(url, token) as client:
        made = client.post(f"{_PATH}/silences", asked)
    out.print(f"[green]✓[/green] Nobody is told until {made['ends_at']} ({made['id']}).")


@app.command()
def silences(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List the silences in force."""
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/silences")
    if as_json:
        print_json(found)
    elif not found["items"]:
        out.print("There is no silence.")
    else:
        print_table(
            ("RULE", "SUBJECT", "UNTIL", "REASON", "BY", "ID"),
            (
                [
                    each["rule"] or "every",
                    escape(each["subject"] or "everything"),
                    each["ends_at"],
                    escape(each["reason"]),
                    escape(each["created_by"]),
                    each["id"],
                ]
                for each in found["items"]
            ),
        )


@app.command()
def unsilence(
    silence_id: Annotated[str, typer.Argument(help="Id of a silence.", show_default=False)],
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """End a silence before its time."""
    with connect(url, token) as client:
        client.delete(f"{_PATH}/silences/{quote(silence_id, safe='')}")
    out.print("[green]✓[/green] The silence is over.")


@receivers.command("ls")
def list_receivers(
    url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False
) -> None:
    """List who is told, and whether that works."""
    with connect(url, token) as client:
        found = client.get(f"{_PATH}/receivers")
    if as_json:
        print_json(found)
    elif not found["items"]:
        out.print("Nobody is told. Add somebody: vllm-manager alerts receivers add NAME …")
    else:
        rows = (_receiver_row(each) for each in found["items"])
        print_table(("NAME", "KIND", "TO", "LEAST", "STATE", "ID"), rows)


@receivers.command()
def add(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and dashes.")],
    webhook: Annotated[str | None, typer.Option(help="Address to post to.")] = None,
    email: Annotated[str | None, typer.Option(help="Address of mail.")] = None,
    secret: SecretOption = None,
    least: LeastOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Add somebody to be told."""
    if (webhook is None) == (email is None):
        raise typer.BadParameter("Give --webhook or --email.")
    kind = "webhook" if webhook is not None else "email"
    asked = {"name": name, "kind": kind, "target": webhook or email, "secret": secret}
    with connect(url, token) as client:
        client.post(f"{_PATH}/receivers", {**asked, "least_severity": least or "warning"})
    out.print(f"[green]✓[/green] {name} is told. Try it: vllm-manager alerts receivers test {name}")


@receivers.command("set")
def set_receiver(
    receiver: ReceiverArgument,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Told, or not for now.")] = None,
    target: Annotated[str | None, typer.Option(help="Another address.")] = None,
    secret: SecretOption = None,
    least: LeastOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Change who is told of what."""
    asked = {"is_enabled": on, "target": target, "secret": secret, "least_severity": least}
    with connect(url, token) as client:
        path = _at(client, receiver)
        client.patch(path, {name: value for name, value in asked.items() if value is not None})
    out.print(f"[green]✓[/green] {escape(receiver)} is changed.")


@receivers.command("test")
def try_out(receiver: ReceiverArgument, url: UrlOption = None, token: TokenOption = None) -> None:
    """Send a test message."""
    with connect(url, token) as client:
        client.post(f"{_at(client, receiver)}/test")
    out.print(f"[green]✓[/green] {escape(receiver)} took it.")


@receivers.command()
def rm(receiver: ReceiverArgument, url: UrlOption = None, token: TokenOption = None) -> None:
    """Tell a receiver nothing any more."""
    with connect(url, token) as client:
        client.delete(_at(client, receiver))
    out.print(f"[green]✓[/green] {escape(receiver)} is told nothing any more.")


def _at(client: Client, receiver: str) -> str:
    """Return the path of the receiver of this name or id.

    Raises:
        Problem: `receiver_not_found` (404).
    """
    for each in client.get(f"{_PATH}/receivers")["items"]:
        if receiver in (each["name"], each["id"]):
            return f"{_PATH}/receivers/{each['id']}"
    raise not_found("receiver", receiver)


def _seconds(length: str) -> int:
    span = _SPAN.fullmatch(length)
    if span is None:
        raise typer.BadParameter(f"“{length}” is no time. Write `30m`, `2h` or `7d`.")
    return int(span[1]) * _SECONDS[span[2]]


def _print(alert: Json) -> None:
    colour = _COLOURS[alert["severity"]]
    known = "" if alert["is_known"] else " [dim](not known now whether it still is so)[/dim]"
    out.print(f"[{colour}]●[/{colour}] [bold]{escape(alert['title'])}[/bold]{known}")
    out.print(f"  {escape(alert['detail'])}")
    told = [f"since {alert['since']}", alert["rule"], alert["id"]]
    if alert["resolved_at"]:
        told.insert(1, f"over since {alert['resolved_at']}")
    if alert["acknowledged_by"]:
        note = f" ({alert['note']})" if alert["note"] else ""
        told.append(f"{alert['acknowledged_by']} sees to it{note}")
    if alert["silenced_until"]:
        told.append(f"silent until {alert['silenced_until']}")
    out.print(f"  [dim]{escape(' · '.join(told))}[/dim]")


def _receiver_row(each: Json) -> list[str]:
    state = "off" if not each["is_enabled"] else "works" if each["delivered_at"] else "not tried"
    if each["last_error"]:
        state = f"fails: {each['last_error']}"
    if each["waiting"]:
        state += f" ({each['waiting']} waiting)"
    return [
        each["name"],
        each["kind"],
        escape(each["target"]),
        each["least_severity"],
        escape(state),
        each["id"],
    ]
