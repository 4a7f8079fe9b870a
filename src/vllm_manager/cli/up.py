"""`up` and `down`: the whole product on this machine, started and stopped."""

import time
from contextlib import nullcontext
from typing import Annotated

import typer
from rich.markup import escape

from vllm_manager.cli.client import Client, Json, administrator, connect
from vllm_manager.cli.deployments import age
from vllm_manager.cli.follow import follow_until_ready, look, start_of
from vllm_manager.cli.output import elapsed, err, out, print_problem, problem_of, state
from vllm_manager.cli.runner import (
    RunFiles,
    ServiceRecord,
    check_ports,
    ensure_steward,
    run_steward,
)
from vllm_manager.cli.runner import (
    down as stop_everything,
)
from vllm_manager.cli.runner.records import Wanted
from vllm_manager.cli.tls import check_certificate, local_url
from vllm_manager.kit import logs
from vllm_manager.kit.errors import Cause, Problem, Remedy
from vllm_manager.settings import Settings

DEMO = "demo"
_TITLES = {"ray": "Ray", "control-plane": "Control plane", "gateway": "Gateway"}
_START_SECONDS = 300.0
_GIVE_UP_FAILURES = 4
_SEED_SECONDS = 10.0


def _names(settings: Settings) -> list[str]:
    names = ["control-plane", "gateway"]
    return names if settings.ray_address else ["ray", *names]


def _crash(record: ServiceRecord) -> Problem:
    return Problem(
        "service_crashes",
        f"The {_TITLES[record.name]} does not start: {record.reason}. It is tried again in the "
        "background.",
        status=500,
        causes=[Cause(message="its log says", evidence=line) for line in record.log_tail[-3:]],
        remediation=[
            Remedy(label=f"Read {record.log}"),
            Remedy(label="See what is wrong: vllm-manager doctor"),
        ],
    )


def _await_service(files: RunFiles, name: str, started: float) -> None:
    """Wait until a service answers, showing the time.

    Raises:
        Problem: it ended several times in a row, or did not answer in time.
    """
    title = _TITLES[name]
    with err.status(f"{title} …") if err.is_terminal else nullcontext():
        while True:
            record = files.service(name)
            leader = record.leader if record else None
            if record and record.state == "running" and leader and leader.is_alive():
                break
            if record and record.failures >= _GIVE_UP_FAILURES:
                raise _crash(record)
            if time.monotonic() - started > _START_SECONDS:
                raise _crash(record or ServiceRecord(name=name, reason="no sign of it"))
            time.sleep(0.1)
    again = f" (started again: {record.reason})" if record.restarts and record.reason else ""
    out.print(f"[green]✓[/green] {title:<14} {elapsed(time.monotonic() - started)}{again}")


def _check_same(settings: Settings, files: RunFiles) -> bool:
    """Tell whether it runs already.

    Raises:
        Problem: it runs, but on other ports than are asked for now.
    """
    wanted = files.wanted()
    if wanted is None or files.steward() is None:
        return False
    if wanted != Wanted.of(settings, foreground=wanted.foreground):
        raise Problem(
            "running_otherwise",
            f"It runs already, on port {wanted.port} (control plane {wanted.control_port}, Ray "
            f"{wanted.ray_dashboard_port}); the ports asked for now are others. "
            "To change them: vllm-manager down, then up again.",
            status=409,
        )
    return True


def _greet(settings: Settings, *, first: bool) -> None:
    known = administrator(settings)
    out.print(f"\n  Open      [bold]{local_url(settings)}[/bold]")
    out.print(f"  API       {local_url(settings)}/v1  (OpenAI-compatible)")
    secrets = settings.secrets_dir / "admin.json"
    if known and first:
        out.print(f"  User      {escape(str(known['username']))}")
        out.print(f"  Password  {escape(str(known['password']))}  (shown once; kept in {secrets})")
    elif known:
        out.print(f"  User      {escape(str(known['username']))} (password and key: {secrets})")
    out.print()


def _demo_appears(client: Client) -> Json | None:
    """Return the demo deployment, which the control plane makes on its very first start."""
    end = time.monotonic() + _SEED_SECONDS
    while (found := look(client, DEMO)) is None and time.monotonic() < end:
        time.sleep(0.2)
    return found


def _await_demo(settings: Settings, *, first: bool) -> bool:
    """Wait for the demo model; False where it failed."""
    with connect(None, None) as client:
        found = _demo_appears(client) if first else look(client, DEMO)
        if found is None:
            return True
        if found["desired"] == "stopped":
            out.print(f"· Demo model is stopped; to start it: vllm-manager start {DEMO}")
            return True
        if found["phase"] != "ready":
            out.print(f"  Demo model “{DEMO}” (Ctrl-C leaves it starting)")
        begin = time.monotonic()
        try:
            found = follow_until_ready(client, DEMO)
        except KeyboardInterrupt:
            out.print("  It goes on starting in the background: vllm-manager ls")
            return True
    if found is None or found["phase"] == "stopped":
        return True
    if found["phase"] != "ready":
        out.print(f"  Demo model is {state(found['phase'])}")
        if problem := problem_of(found.get("last_error")):
            print_problem(problem)
        return False
    took = time.monotonic() - begin
    since = f"after {elapsed(took)}" if took > 1 else f"since {age(found['since'])}"
    out.print(f"[green]✓[/green] Demo model is ready, {since}")
    if how := start_of(found):
        out.print(f"  {escape(how)}", style="dim")
    out.print(f'\n  Try       vllm-manager chat {DEMO} "What is vLLM Manager?"')
    return True


def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and stop everything on SIGTERM or Ctrl-C.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the demo model.")] = True,
) -> None:
    """Start what is missing of Ray, control plane and gateway; print where it is."""
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = RunFiles(settings.run_dir)
    first = administrator(settings) is None
    running = _check_same(settings, files)
    if not running:
        check_ports(settings, files)
        check_certificate(settings)
        files.want(Wanted.of(settings, foreground=foreground))
    if foreground:
        logs.configure("steward", settings.log_level, settings.log_format, settings.logs_dir)
        if running or not run_steward(settings, foreground=True):
            raise Problem("already_running", "It runs already. To stop it: vllm-manager down")
        return
    started = time.monotonic()
    ensure_steward(settings)
    for name in _names(settings):
        _await_service(files, name, started)
    _greet(settings, first=first)
    if settings.demo and wait and not _await_demo(settings, first=first):
        raise typer.Exit(1)


def down() -> None:
    """Stop gateway, control plane, engines and Ray, in this order. What is deployed stays so."""

    def report(name: str, seconds: float) -> None:
        out.print(f"[green]✓[/green] {_TITLES[name]:<14} stopped in {elapsed(seconds)}")

    with err.status("Stopping …") if err.is_terminal else nullcontext():
        stopped = stop_everything(Settings(), report)
    if not stopped:
        out.print("Nothing was running.")
