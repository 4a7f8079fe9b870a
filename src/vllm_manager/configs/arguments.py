"""The installed engine's own argument list: names, types and choices, checked and rendered."""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from vllm_manager.configs.reserved import RESERVED, SAFE_LOAD_FORMATS
from vllm_manager.kit.errors import FieldError, Problem, Remedy

_LIMIT_CHARACTERS = 20_000


class ArgumentInfo(BaseModel):
    """One argument of the engine, as the engine itself describes it."""

    name: str
    flag: str
    aliases: list[str] = Field(default_factory=list[str])
    type: Literal["integer", "number", "string", "boolean", "json", "list"]
    choices: list[Any] | None = None
    default: Any = None
    help: str | None = None
    reserved: str | None = Field(default=None, description="Why it can't be set; null if it can.")


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
        except (OSError, ValueError, KeyError, ValidationError) as error:
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
        return [error for error in errors if error is not None]

    def render(self, arguments: Mapping[str, Any]) -> list[str]:
        """Return the command line for checked `arguments`; null values are left out."""
        words: list[str] = []
        if not arguments:
            return words
        known = self.known()
        for name, value in arguments.items():
            if value is not None:
                words += _render(known[_canonical(name)], value)
        return words

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
        problem = None if value is None else _value_problem(info, value)
        if problem is None:
            return None
        return FieldError(field=field, message=f"`{canonical}` {problem}")


def _canonical(name: str) -> str:
    """Accept `--max-model-len` and `max-model-len` for `max_model_len`."""
    return name.strip().lstrip("-").replace("-", "_")


def _unknown(
    field: str, name: str, known: Mapping[str, ArgumentInfo], version: str | None
) -> FieldError:
    candidates = [n for n in known if n not in RESERVED]
    nearest = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    message = f"vLLM {version or ''} knows no argument `{name}`.{hint}".replace("  ", " ")
    return FieldError(field=field, message=message, suggestion=nearest[0] if nearest else None)


def _value_problem(info: ArgumentInfo, value: Any) -> str | None:
    """Return what is wrong with a value, to be read after the argument's name."""
    if len(str(value)) > _LIMIT_CHARACTERS:
        return f"is longer than {_LIMIT_CHARACTERS} characters."
    if info.name == "load_format" and value not in SAFE_LOAD_FORMATS:
        return f"must be one of {', '.join(SAFE_LOAD_FORMATS)}: other formats can run code."
    if _mentions_remote_code(value):
        return "may not turn on trust_remote_code: it runs code from the model's repository."
    if any("\0" in word for word in _words(value)):
        return "may not contain NUL characters."
    problem = _type_problem(info, value)
    if problem is None and info.choices and not isinstance(value, (list, dict, bool)):
        allowed = [str(choice) for choice in info.choices]
        if str(value) not in allowed:
            return f"must be one of {', '.join(allowed)}."
    return problem


def _type_problem(info: ArgumentInfo, value: Any) -> str | None:
    match info.type:
        case "boolean":
            return None if isinstance(value, bool) else "is true or false."
        case "integer":
            return _integer_problem(value)
        case "number":
            fine = isinstance(value, (int, float)) and not isinstance(value, bool)
            return None if fine else "is a number."
        case "string":
            fine = isinstance(value, (str, int, float)) and not isinstance(value, bool)
            return None if fine else "is a text."
        case "list":
            return _list_problem(value)
        case "json":
            return None if not isinstance(value, bool) else "is a JSON object."


def _integer_problem(value: Any) -> str | None:
    if isinstance(value, str) and value.rstrip("kKmMgG").replace(".", "", 1).isdigit():
        return None  # vLLM reads 1k, 2M, 25.6k
    if not isinstance(value, int) or isinstance(value, bool):
        return "is a whole number."
    if not -1 <= value <= 2**53:
        return f"is out of range: {value}."
    return None


def _list_problem(value: Any) -> str | None:
    if not isinstance(value, (list, str)):
        return "is a list of texts."
    if any(word.startswith("-") for word in _words(value)):
        return "may not hold entries that begin with “-”: they would be read as other arguments."
    return None


def _words(value: Any) -> Sequence[str]:
    if isinstance(value, list):
        return [str(entry) for entry in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return [str(value)]


def _mentions_remote_code(value: Any) -> bool:
    text = value if isinstance(value, str) else json.dumps(value)
    return "trust_remote_code" in text.replace("-", "_").lower()


def _render(info: ArgumentInfo, value: Any) -> list[str]:
    if info.type == "boolean":
        if value:
            return [info.flag]
        negated = f"--no-{info.flag.removeprefix('--')}"
        return [negated] if negated in info.aliases else []
    if info.type == "list":
        return [info.flag, *_words(value)]
    if isinstance(value, (dict, list)):
        return [f"{info.flag}={json.dumps(value)}"]
    return [f"{info.flag}={value}"]
