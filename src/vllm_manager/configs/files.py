"""Config files: one config, or many, as people write and keep them."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import ValidationError

import vllm_manager
from vllm_manager.configs.reading import Document, Path, UnreadableError, read_json
from vllm_manager.configs.recipe import FORMAT, Recipe
from vllm_manager.configs.schemas import ConfigFile, ConfigFiles, ConfigVersion
from vllm_manager.kit.errors import FieldError, Problem, Remedy

Check = Callable[[str, Recipe], Sequence[FieldError]]
"""Says what is wrong with a recipe of this name."""

_SHOWN: Final = 5
_WRAPPING: Final = frozenset({"format", "configs", "$schema"})


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """One config of a file."""

    name: str
    recipe: Recipe


def read_file(text: str, check: Check) -> list[ReadConfig]:
    """Return the configs in the text of a file, each checked.

    Raises:
        Problem: the text is no config file; every mistake is named with its line and column (422,
            `invalid_config_file`), or it was written by a newer version (422, `config_too_new`).
    """
    try:
        document = read_json(text)
    except UnreadableError as error:
        where = f"Line {error.line}, column {error.column}"
        said = FieldError(field="text", message=f"{where}: {error.why}.")
        raise _unusable([said]) from None
    entries = list(_entries(document))
    read: list[ReadConfig] = []
    errors: list[FieldError] = []
    for path, entry in entries:
        found = _read_entry(document, path, entry, check)
        if isinstance(found, ReadConfig):
            if any(found.name == other.name for other in read):
                message = f"“{found.name}” stands in this file twice."
                errors.append(_located(document, (*path, "name"), message))
            read.append(found)
        else:
            errors += found
    if errors:
        raise _unusable(errors)
    return read


def written(version: ConfigVersion) -> ConfigFile:
    """Return a version as a file holds it."""
    return ConfigFile(format=FORMAT, name=version.name, **dict(version.recipe))


def written_all(versions: Sequence[ConfigVersion]) -> ConfigFiles:
    """Return many as one file holds them."""
    return ConfigFiles(configs=[written(version) for version in versions])


def _entries(document: Document) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    root = document.value
    if not isinstance(root, dict):
        message = "A config file holds one JSON object: a config, or `format` and `configs`."
        raise _unusable([_located(document, (), message)])
    root = cast(dict[str, Any], root)
    _require_format(document, (), root)
    if "configs" not in root:
        yield (), {name: value for name, value in root.items() if name != "$schema"}
        return
    strange = [name for name in root if name not in _WRAPPING]
    if strange:
        message = "A file of many configs holds `format` and `configs` only."
        raise _unusable([_located(document, (strange[0],), message, name=True)])
    configs = root["configs"]
    if not isinstance(configs, list) or not configs:
        raise _unusable([_located(document, ("configs",), "It is a list of configs.")])
    for index, entry in enumerate(cast(list[Any], configs)):
        path: Path = ("configs", index)
        if not isinstance(entry, dict):
            raise _unusable([_located(document, path, "A config is a JSON object.")])
        config = cast(dict[str, Any], entry)
        if "format" in config:
            _require_format(document, path, config)
        yield path, {"format": FORMAT, **config}


def _require_format(document: Document, path: Path, entry: Mapping[str, Any]) -> None:
    number = entry.get("format")
    if type(number) is int and number == FORMAT:
        return
    if isinstance(number, int) and number > FORMAT:
        line, column = document.place((*path, "format"))
        raise Problem(
            "config_too_new",
            f"Line {line}, column {column}: this is a config from a newer version: it has format "
            f"{number}, and vLLM Manager {vllm_manager.__version__} reads format {FORMAT}.",
            status=422,
            remediation=[
                Remedy(label="Upgrade this vLLM Manager, or export the config from it again.")
            ],
        )
    if "format" in entry:
        message = f"The format's number is {FORMAT}."
    else:
        message = f'The format is missing: add `"format": {FORMAT}`.'
    raise _unusable([_located(document, (*path, "format"), message)])


def _read_entry(
    document: Document, path: Path, entry: Mapping[str, Any], check: Check
) -> ReadConfig | list[FieldError]:
    try:
        file = ConfigFile.model_validate(entry)
    except ValidationError as error:
        return list(_shape_errors(document, path, error))
    recipe = Recipe.model_validate(file.model_dump(exclude={"format", "name"}))
    wrong = check(file.name, recipe)
    if wrong:
        return [_placed(document, path, error) for error in wrong]
    return ReadConfig(file.name, recipe)


def _shape_errors(document: Document, path: Path, error: ValidationError) -> Iterator[FieldError]:
    told: set[Path] = set()
    for wrong in error.errors():
        where = _known(document, (*path, *wrong["loc"]))
        if where in told:  # another way of reading the same value did not fit either
            continue
        told.add(where)
        if wrong["type"] == "extra_forbidden":
            yield _unknown_member(document, where)
        elif wrong["type"] == "missing":
            missing = str(wrong["loc"][-1])
            yield _located(document, where, f"`{missing}` is missing.", at=missing)
        else:
            yield _located(document, where, f"{wrong['msg']}.".replace("..", "."))


def _known(document: Document, path: Path) -> Path:
    """Return the part of a path that stands in the file."""
    while path and path not in document.values:
        path = path[:-1]
    return path


def _unknown_member(document: Document, where: Path) -> FieldError:
    name = str(where[-1])
    names = [n for n in ConfigFile.model_fields if n != "format"]
    nearest = difflib.get_close_matches(name, names, n=1) if len(where) in (1, 3) else []
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    error = _located(document, where, f"A config has no `{name}` here.{hint}", name=True)
    return error.model_copy(update={"suggestion": nearest[0] if nearest else None})


def _placed(document: Document, path: Path, error: FieldError) -> FieldError:
    """Return an error of a recipe with the place of its field in the file."""
    first, _, rest = error.field.partition(".")
    where = _known(document, (*path, first, rest) if rest else (*path, first))
    unknown = error.suggestion is not None or "knows no argument" in error.message
    placed = _located(document, where, error.message, name=unknown)
    return placed.model_copy(update={"suggestion": error.suggestion})


def _located(
    document: Document, path: Path, message: str, *, name: bool = False, at: str | None = None
) -> FieldError:
    line, column = document.place(path, name=name)
    field = _dotted((*path, at) if at else path) or "text"
    return FieldError(field=field, message=f"Line {line}, column {column}: {message}")


def _dotted(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _unusable(errors: Sequence[FieldError]) -> Problem:
    shown = " ".join(error.message for error in errors[:_SHOWN])
    more = f" {len(errors) - _SHOWN} more." if len(errors) > _SHOWN else ""
    count = "a mistake" if len(errors) == 1 else f"{len(errors)} mistakes"
    return Problem(
        "invalid_config_file",
        f"The file has {count}; nothing was imported. {shown}{more}",
        status=422,
        errors=list(errors),
    )
