"""Where set-up puts things, all inside the clone."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
TOOLS = ROOT / ".tools"
LOGS = ROOT / ".cache" / "setup"
CONTROL_ENV = ROOT / ".venv"
ENGINE_ENV = ROOT / ".venv-engine"
ENGINE_SOURCE = ROOT / "engine"
FRONTEND = ROOT / "frontend"
UI_BUILD = ROOT / "src" / "vllm_manager" / "api" / "static"


def python_in(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / "bin" / "python"


def purelib(environment: Path, version: str) -> Path:
    """Return the site-packages folder of an environment made with Python `version` (`3.11`)."""
    return environment / "lib" / f"python{version}" / "site-packages"
