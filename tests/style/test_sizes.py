"""The limits of size, and of what may stand in the repository at all."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 50

# Written in pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry." + "npmjs.org",
    "registry.yarnpkg" + ".com",
    "download.pytorch" + ".org",
    "deb." + "debian.org",
]
SKIPS = re.compile(r"\b(skipif|pytest\.skip|importorskip|xfail|test\.(skip|fixme|only))\b")
_GENERATED = ("frontend/src/api/gen/", "frontend/openapi.json")
_MIGRATIONS = "versions"  # a migration is a list of statements, written once by a tool


def tracked(*suffixes: str) -> Iterator[Path]:
    """Yield the repository's text files, committed or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        path = ROOT / name
        if path.suffix in suffixes and path.is_file() and not name.startswith(_GENERATED):
            yield path


def test_no_source_file_is_longer_than_the_limit() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked(".py", ".ts", ".tsx", ".css", ".mjs")
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE_LINES
    }
    assert too_long == {}


def test_no_function_is_longer_than_the_limit() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}:{node.name}": length
        for path in tracked(".py")
        if path.parent.name != _MIGRATIONS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION_LINES
    }
    assert too_long == {}


def test_no_package_registry_is_named() -> None:
    """Where packages come from is the machine's own setting, not the project's."""
    suffixes = (".py", ".toml", ".txt", ".in", ".json", ".md", ".ts", ".mjs", ".yml", ".sh", "")
    naming = [
        (str(path.relative_to(ROOT)), host)
        for path in tracked(*suffixes)
        for host in REGISTRY_HOSTS
        if host in path.read_text(errors="replace")
    ]
    assert naming == []


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked(".py")
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_no_test_is_skipped() -> None:
    skipped = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in tracked(".py", ".ts", ".tsx")
        if path != Path(__file__)
        for line in path.read_text().splitlines()
        if SKIPS.search(line)
    ]
    assert skipped == []
