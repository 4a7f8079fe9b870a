"""What the installed engine understands, as data that the control plane can check against:
its arguments, its model architectures, and where the demo model lies.

`python -m vllm_manager_engine.arguments [FILE]` writes it to FILE, or prints it.
"""

import argparse
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# vLLM reads `--help` from sys.argv when imported, to decide whether to gather help texts.
_ASK_FOR_HELP = ["vllm", "--help"]
_PARSER_MODULES = ("vllm.entrypoints.launchers.cli_args", "vllm.entrypoints.openai.cli_args")


def describe(action: argparse.Action) -> dict[str, Any] | None:
    """Return one option as JSON-able data; None for `--help` and positional arguments."""
    flags = [f for f in action.option_strings if f.startswith("--")]
    if not flags or action.dest == "help":
        return None
    return {
        "name": action.dest,
        "flag": flags[0],
        "aliases": [f for f in action.option_strings if f != flags[0]],
        "type": kind(action),
        "choices": _choices(action),
        "default": None if action.default == argparse.SUPPRESS else _plain(action.default),
        "help": (action.help or "").replace("%%", "%").strip() or None,
    }


def kind(action: argparse.Action) -> str:
    """Return `boolean`, `list`, `json`, `integer`, `number` or `string`.

    vLLM wraps its converters in closures, so what one accepts tells more than what it is called.
    """
    if isinstance(action, argparse.BooleanOptionalAction) or action.nargs == 0:
        return "boolean"
    if action.nargs in ("+", "*") or isinstance(action.nargs, int) or _appends(action):
        return "list"
    convert = action.type
    if not callable(convert):
        return "string"
    if not isinstance(_converted(convert, "{}"), str | None):
        return "json"
    for text, found, name in (("7", int, "integer"), ("0.5", float, "number")):
        if type(_converted(convert, text)) is found:
            return name
    return "string" if isinstance(_converted(convert, "word"), str) else "json"


def _choices(action: argparse.Action) -> list[Any] | None:
    """Return what may be chosen; None in vLLM's lists only says that the option may be left out."""
    if action.choices is None:
        return None
    return _plain([choice for choice in action.choices if choice is not None])


def _appends(action: argparse.Action) -> bool:
    return type(action).__name__ == "_AppendAction"


def _converted(convert: Any, text: str) -> Any:
    try:
        return convert(text)
    except Exception:
        return None


def _plain(value: Any) -> Any:
    """Return `value` where JSON can hold it, else None."""
    if isinstance(value, tuple | set | frozenset):
        value = sorted(value, key=str)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return value  # pyright: ignore[reportUnknownVariableType]


def listing(
    parser: argparse.ArgumentParser, version: str, architectures: Iterable[str]
) -> dict[str, Any]:
    """Return the whole document for `parser`, sorted by name."""
    actions: list[argparse.Action] = vars(parser)["_actions"]
    found = [d for d in map(describe, actions) if d is not None]
    return {
        "engine": "vllm",
        "version": version,
        "demo": str(Path(__file__).parent / "demo"),
        "architectures": sorted(architectures),
        "arguments": sorted(found, key=lambda d: str(d["name"])),
    }


def installed() -> dict[str, Any]:
    """Ask the installed vLLM. Takes as long as importing it, ten seconds on a small machine.

    Raises:
        ModuleNotFoundError: there is no vLLM in this environment.
    """
    sys.argv[1:] = _ASK_FOR_HELP[1:]
    vllm: Any = importlib.import_module("vllm")
    make_arg_parser = _parser_maker()
    parser_class: Any = importlib.import_module("vllm.utils.argparse_utils").FlexibleArgumentParser
    registry: Any = importlib.import_module("vllm.model_executor.models.registry").ModelRegistry
    parser = make_arg_parser(parser_class(add_help=False))
    return listing(parser, str(vllm.__version__), registry.get_supported_archs())


def _parser_maker() -> Any:
    for name in _PARSER_MODULES[:-1]:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name).make_arg_parser
    return importlib.import_module(_PARSER_MODULES[-1]).make_arg_parser


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    # vLLM's import talks on standard output: keep it out of the document.
    with contextlib.redirect_stdout(sys.stderr):
        text = json.dumps(installed(), indent=1) + "\n"
    if target is None:
        sys.stdout.write(text)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(target)


if __name__ == "__main__":
    main()
