"""The installed engine's own argument list: names, types and choices, checked and rendered."""

import difflib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vllm_manager.configs.reserved import RESERVED
from vllm_manager.configs.schemas import ArgumentInfo
from vllm_manager.configs.values import value_problem, whole_number, words
from vllm_manager.kit.errors import FieldError, Problem, Remedy


class EngineArguments:
    """Checks arguments against the list that the engine environment wrote at set-up.

    The file is read again when it changes, so that an engine upgrade needs no restart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: int | None = None
        self._known: dict[str, ArgumentInfo] = {}
        self.version: str | None = None

    def known(self) -> Mapping[str, ArgumentInfo]:
        """Return every argument by name.

        Raises:
            Problem: the engine environment has not been set up (503).
        """
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._read_at:
                self._read(json.loads(self._path.read_bytes()))
                self._read_at = changed
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise Problem(
                "engine_arguments_missing",
                f"The engine's argument list can't be read from {self._path} ({error}). "
                "Run `make up` again to set the engine environment up.",
                status=503,
                remediation=[Remedy(label="Run `vllm-manager doctor`")],
            ) from error
        return self._known

    def check(self, arguments: Mapping[str, Any]) -> list[FieldError]:
        """Return what is wrong with `arguments`, one error per argument; empty if all are fine."""
        if not arguments:
            return []
        known = self.known()
        errors = (self._check_one(name, value, known) for name, value in arguments.items())
        return [error for error in (*errors, *_given_twice(arguments)) if error is not None]

    def render(self, arguments: Mapping[str, Any]) -> list[str]:
        """Return the command line for checked `arguments`; null values are left out."""
        line: list[str] = []
        if not arguments:
            return line
        known = self.known()
        for name, value in arguments.items():
            if value is not None:
                line += _render(known[_canonical(name)], value)
        return line

    def _read(self, document: Any) -> None:
        infos = [ArgumentInfo.model_validate(entry) for entry in document["arguments"]]
        for info in infos:
            info.reserved = RESERVED.get(info.name)
        self._known = {info.name: info for info in infos}
        self.version = document.get("version")

    def _check_one(
        self, name: str, value: Any, known: Mapping[str, ArgumentInfo]
    ) -> FieldError | None:
        field = f"arguments.{name}"
        canonical = _canonical(name)
        if canonical in RESERVED:
            message = f"`{canonical}` can't be set on a deployment. {RESERVED[canonical]}"
            return FieldError(field=field, message=message)
        info = known.get(canonical)
        if info is None:
            return _unknown(field, canonical, known, self.version)
        problem = None if value is None else value_problem(info, value)
        if problem is None:
            return None
        return FieldError(field=field, message=f"`{canonical}` {problem}")


def _canonical(name: str) -> str:
    """Accept `--max-model-len` and `max-model-len` for `max_model_len`."""
    return name.strip().lstrip("-").replace("-", "_")


def _given_twice(arguments: Mapping[str, Any]) -> list[FieldError]:
    counts = Counter(_canonical(name) for name in arguments)
    return [
        FieldError(field=f"arguments.{name}", message=f"`{name}` is given {count} times.")
        for name, count in counts.items()
        if count > 1
    ]


def _unknown(
    field: str, name: str, known: Mapping[str, ArgumentInfo], version: str | None
) -> FieldError:
    candidates = [n for n in known if n not in RESERVED]
    nearest = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    message = f"vLLM {version or ''} knows no argument `{name}`.{hint}".replace("  ", " ")
    return FieldError(field=field, message=message, suggestion=nearest[0] if nearest else None)


def _render(info: ArgumentInfo, value: Any) -> list[str]:
    if info.type == "boolean":
        if value:
            return [info.flag]
        negated = f"--no-{info.flag.removeprefix('--')}"
        return [negated] if negated in info.aliases else []
    if info.type == "list":
        return [info.flag, *words(value)]
    if info.type == "integer" and isinstance(value, str):
        value = whole_number(value) or value
    if isinstance(value, (dict, list)):
        return [f"{info.flag}={json.dumps(value)}"]
    return [f"{info.flag}={value}"]
