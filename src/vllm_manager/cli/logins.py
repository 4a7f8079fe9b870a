"""The logins of the command line, one per server, in `secrets/logins.json` (mode 0600)."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter, ValidationError

from vllm_manager.kit.private_files import write_private
from vllm_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Login:
    """A session that a server opened: who it is, its cookies, and its CSRF token."""

    username: str
    cookies: dict[str, str]
    csrf_token: str

    def headers(self) -> dict[str, str]:
        """Return what a request sends with it."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"cookie": cookies, "x-csrf-token": self.csrf_token}


_LOGIN = TypeAdapter(Login)


def login_at(settings: Settings, url: str) -> Login | None:
    """Return the login at the server with this address; None where there is none."""
    found = _read(_path(settings)).get(_origin(url))
    try:
        return _LOGIN.validate_python(found)
    except ValidationError:  # none, or written by another version
        return None


def keep_login(settings: Settings, url: str, login: Login) -> None:
    """Remember a login for the verbs that follow."""
    _write(settings, {**_read(_path(settings)), _origin(url): asdict(login)})


def forget_login(settings: Settings, url: str) -> bool:
    """Forget the login at a server; return whether there was one."""
    logins = _read(_path(settings))
    was_there = logins.pop(_origin(url), None) is not None
    if was_there:
        _write(settings, logins)
    return was_there


def _path(settings: Settings) -> Path:
    return settings.secrets_dir / "logins.json"


def _origin(url: str) -> str:
    return url.rstrip("/").lower()


def _read(path: Path) -> dict[str, object]:
    try:
        found: object = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _write(settings: Settings, logins: dict[str, object]) -> None:
    write_private(_path(settings), json.dumps(logins, indent=2) + "\n")
