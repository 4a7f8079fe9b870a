"""The commands' page names each verb and each of its options, and no verb that is not there."""

import re
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from support.documentation import page
from vllm_manager.cli.main import app

Path = tuple[str, ...]


def commands(
    group: TyperGroup, above: Path = ()
) -> Iterator[tuple[Path, TyperCommand | TyperGroup]]:
    """Yield every verb with its words; a group that does something by itself is one, too."""
    for name, found in group.commands.items():
        path = (*above, name)
        if isinstance(found, TyperGroup):
            yield from commands(found, path)
            if found.invoke_without_command:
                yield path, found
        elif isinstance(found, TyperCommand) and not found.hidden:
            yield path, found


def known() -> dict[Path, list[list[str]]]:
    """Return the options of each verb: of each, the names that it goes by."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    found: dict[Path, list[list[str]]] = {}
    for path, command in commands(group):
        shown = [p for p in command.params if not getattr(p, "hidden", False)]
        names = [[n for n in (*p.opts, *p.secondary_opts) if n.startswith("--")] for p in shown]
        found[path] = [each for each in names if each]
    return found


def rows() -> Iterator[tuple[Path, list[str], str]]:
    """Yield each row of the table: the words before its verbs, the verbs, and all of its text."""
    for row in re.findall(r"^\| `.+$", page("cli").split("## Which server")[0], re.MULTILINE):
        (head,) = re.findall(r"^\| `([^`]+)`", row)
        words: list[str] = []
        verbs: list[str] = []
        for word in head.split():
            if "|" in word:
                verbs = word.strip("[]").split("|")
            if not re.fullmatch(r"[a-z]+", word):
                break
            words.append(word)
        yield tuple(words), verbs, row


def documented() -> dict[Path, str]:
    """Return each verb of the table with its row."""
    found: dict[Path, str] = {}
    for words, verbs, row in rows():
        found |= {(*words, verb): row for verb in verbs}
        if not verbs or "[" in row[: row.index("`", 3)]:
            found[words] = row
    return found


def words_about(path: Path) -> str:
    """Return where an option of a verb may stand: in its row, in one named there, or below."""
    row = documented()[path]
    others = (documented()[tuple(name.split())] for name in re.findall(r"options of `(.+?)`", row))
    prose = "\n".join(line for line in page("cli").splitlines() if not line.startswith("| `"))
    return "\n".join((row, *others, prose, *re.findall(r"^\| `--.+$", page("cli"), re.MULTILINE)))


def test_each_verb_is_documented_and_none_that_is_not_there() -> None:
    assert set(documented()) == set(known())


@pytest.mark.parametrize("path", sorted(known()), ids=" ".join)
def test_each_option_of_a_verb_is_documented(path: Path) -> None:
    told = set(re.findall(r"--[a-z-]+[a-z]", words_about(path)))
    assert [names for names in known()[path] if not told & set(names)] == []


def test_options_are_looked_for() -> None:
    assert sum(map(len, known().values())) > 300
    assert ["--target"] in known()["alerts", "receivers", "set"]
