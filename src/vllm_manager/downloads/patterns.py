"""Which of a repository's files are fetched: what the engine needs, never code or pickle. Pure."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final, Protocol, TypeVar

from vllm_manager.kit.errors import Cause, Problem, Remedy

PICKLE_SUFFIXES: Final = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"})
_CODE_SUFFIXES: Final = frozenset({".py", ".pyc", ".so", ".dll", ".dylib", ".sh"})
_USUAL_SUFFIXES: Final = frozenset(
    {".json", ".txt", ".jinja", ".model", ".tiktoken", ".vocab", ".safetensors"}
)
_CONSOLIDATED: Final = "consolidated*.safetensors"
_OTHER_FORMATS: Final = frozenset({"onnx", "openvino", "original", "metal", "coreml", "gguf"})
_LONGEST_PATH: Final = 512


class Listed(Protocol):
    """A file as the catalog lists it."""

    @property
    def path(self) -> str:
        """Its name in the repository, with forward slashes."""
        ...


F = TypeVar("F", bound=Listed)


def choose(files: Sequence[F], include: Sequence[str] | None, *, code: bool = False) -> Sequence[F]:
    """Return the files to fetch, in the order of the repository.

    `code`: an administrator allowed this commit's own code, so its modules come with the usual.

    Raises:
        Problem: a name leads out of the model's folder (`unsafe_path`); weights come as pickle
            only (`pickle_refused`) or not at all (`no_weights`); what was asked for is code
            (`code_refused`) or nothing (`no_files_match`).
    """
    for file in files:
        _refuse_unsafe(file.path)
    return _usual(files, code) if include is None else _asked_for(files, include)


def _usual(files: Sequence[F], code: bool) -> Sequence[F]:
    wanted = [f for f in files if _is_usual(f.path) or (code and _suffix(f.path) == ".py")]
    weights = [file.path for file in wanted if file.path.endswith(".safetensors")]
    if not weights:
        raise _without_weights([file.path for file in files])
    consolidated = {path for path in weights if fnmatchcase(path, _CONSOLIDATED)}
    left_out = consolidated if len(consolidated) < len(weights) else set[str]()
    return [file for file in wanted if file.path not in left_out]


def _is_usual(path: str) -> bool:
    is_other = path.partition("/")[0] in _OTHER_FORMATS and "/" in path
    return _suffix(path) in _USUAL_SUFFIXES and not is_other and not _is_of_pickle(path)


def _is_of_pickle(path: str) -> bool:
    """Whether it is a pickle file, or an index of such: `pytorch_model.bin.index.json`."""
    parts = path.rpartition("/")[2].lower().split(".")[1:]
    return any(f".{part}" in PICKLE_SUFFIXES for part in parts)


def _asked_for(files: Sequence[F], include: Sequence[str]) -> Sequence[F]:
    wanted = [f for f in files if any(fnmatchcase(f.path, pattern) for pattern in include)]
    if not wanted:
        some = ", ".join(file.path for file in files[:8])
        raise Problem(
            "no_files_match",
            f"No file of the repository matches {', '.join(include)}. It holds: {some}.",
            status=422,
        )
    if pickled := next((f.path for f in wanted if _is_of_pickle(f.path)), None):
        raise pickle_refused(pickled)
    if code := next((f.path for f in wanted if _suffix(f.path) in _CODE_SUFFIXES), None):
        raise Problem(
            "code_refused",
            f"{code} is code, which would run on this machine. Leave it out of the patterns.",
            status=422,
        )
    return wanted


def _without_weights(paths: Sequence[str]) -> Problem:
    pickled = next((path for path in paths if _is_of_pickle(path)), None)
    if pickled is not None:
        return pickle_refused(pickled)
    kinds = _kinds(paths)
    return Problem(
        "no_weights",
        "The repository holds no .safetensors file, so there is nothing the engine could load. "
        f"What it holds: {kinds}.",
        status=422,
        remediation=[
            Remedy(label="Look for the same model as safetensors on the Hub."),
            Remedy(label="To fetch some of its files all the same, name them as patterns."),
        ],
    )


def pickle_refused(path: str, index: str | None = None) -> Problem:
    """Return the problem for weights that are pickle, named by `index` where one names them."""
    through = f" {index} names it as weights." if index else ""
    return Problem(
        "pickle_refused",
        f"{path} is a pickle file, which can run any code when it is loaded; only safetensors "
        f"are.{through} Look for a repository with safetensors, or convert the weights.",
        status=422,
        causes=[Cause(message="Weights as pickle.", evidence=path)],
        remediation=[Remedy(label="Look for the same model as safetensors on the Hub.")],
    )


def _kinds(paths: Iterable[str]) -> str:
    kinds = sorted({_suffix(path) or path for path in paths})
    return ", ".join(kinds[:8]) or "no file at all"


def _suffix(path: str) -> str:
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return dot + suffix.lower()


def _refuse_unsafe(path: str) -> None:
    parts = path.split("/")
    climbs = any(part in ("", ".", "..") for part in parts)
    if climbs or "\\" in path or not path.isprintable() or len(path.encode()) > _LONGEST_PATH:
        raise Problem(
            "unsafe_path",
            f"The repository names a file {path[:100]!r}, which is no plain path inside it. "
            "Nothing was fetched.",
            status=422,
        )
