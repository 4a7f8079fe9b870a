"""`diagnostics`: one redacted archive for support, also where nothing runs."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vllm_manager.cli.client import TokenOption, UrlOption, connect
from vllm_manager.cli.doctor import examine
from vllm_manager.cli.output import out
from vllm_manager.kit.errors import Problem
from vllm_manager.monitoring.bundle import LIVE_FOLDER, Part, build, live_parts
from vllm_manager.settings import Settings

_PATH = "/api/v1/diagnostics"


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
            live = list(_live(Path(folder) / "live.tar.gz", token))
        build(output, settings, [*live, _doctor(settings)])
    size = output.stat().st_size
    out.print(f"[green]✓[/green] {output} ({size:,} bytes). Look into it before you send it.")


def _live(file: Path, token: str | None) -> Iterator[Part]:
    """Yield what the server of this machine says; why not, where it does not answer."""
    try:
        with connect(None, token) as client:
            client.save(_PATH, file)
    except Problem as problem:
        yield Part(LIVE_FOLDER, None, problem.details.detail)
        return
    yield from live_parts(file)


def _doctor(settings: Settings) -> Part:
    findings = [asdict(finding) for finding in examine(settings)]
    return Part("doctor.json", json.dumps(findings, indent=2))
