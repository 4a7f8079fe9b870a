"""The `doctor` verb: runs every check and prints what was found."""

from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.markup import escape

from vllm_manager.cli.client import JsonOption
from vllm_manager.cli.doctor import installation, machine, running
from vllm_manager.cli.doctor.finding import Finding
from vllm_manager.cli.output import out, print_json
from vllm_manager.settings import Settings

_MARKS = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: "[dim]·[/dim]"}


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what each check finds, in the order in which things are built on each other."""
    yield from machine.check(settings)
    yield from installation.check(settings)
    yield from running.check(settings)


def doctor(as_json: JsonOption = False) -> None:
    """Check every piece on this machine and say what to do about each that is wrong."""
    findings: list[Finding] = []
    for finding in examine(Settings()):
        findings.append(finding)
        if not as_json:
            _print(finding)
    wrong = [finding for finding in findings if finding.ok is False]
    if as_json:
        print_json({"ok": not wrong, "findings": [asdict(finding) for finding in findings]})
    else:
        out.print(f"\n{len(wrong)} to mend" if wrong else "\nAll is in order")
    raise typer.Exit(1 if wrong else 0)


def _print(finding: Finding) -> None:
    out.print(f"{_MARKS[finding.ok]} {finding.name:<18} {escape(finding.detail)}")
    if finding.ok is False and finding.remedy:
        out.print(f"    → {escape(finding.remedy)}")
