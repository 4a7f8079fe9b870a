"""`diagnostics`: one redacted archive for support, also where nothing runs."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vllm_manager.cli.client import TokenOption, UrlOption, connect
from vllm_manager.cli.doctor import examine
from vllm_manager.cli.output import out
from vllm_manager.kit.errors import Problem
from vllm_manager.monitoring.bundle import LIVE_FOLDER, Part, build, extend
from vllm_manager.settings import Settings

_PATH = "/api/v1/diagnostics"
_SEALED = Part(
    "sealed-values",
    None,
    "Without the server, secret values of the engines' variables can't be opened, and so were not "
    "looked for one by one: engines take them out of what they print themselves.",
)


def diagnostics(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "vllm-manager-diagnostics.tar.gz"
    ),
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write one archive with what support needs; secrets are taken out of it."""
    if url is not None:
        with connect(url, token) as client:
            client.save(_PATH, output)
    else:
        settings = Settings()
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "told.tar.gz"
            missing = _unless_told(told, token)
            if missing:
                build(output, settings, [*missing, _doctor(settings)])
            else:
                extend(output, told, settings, [_doctor(settings)])
    size = output.stat().st_size
    out.print(f"[green]✓[/green] {output} ({size:,} bytes). Look into it before you send it.")


def _unless_told(file: Path, token: str | None) -> list[Part]:
    """Save the bundle of this machine's server; return what is missing where it does not answer.

    Its own is taken whole, since it alone can open the secrets that are kept sealed.
    """
    try:
        with connect(None, token) as client:
            client.save(_PATH, file)
    except Problem as problem:
        return [Part(LIVE_FOLDER, None, problem.details.detail), _SEALED]
    return []


def _doctor(settings: Settings) -> Part:
    findings = [asdict(finding) for finding in examine(settings)]
    return Part("doctor.json", json.dumps(findings, indent=2))
