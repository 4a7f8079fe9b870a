"""Reads JSON that people wrote by hand: every value keeps its place, every mistake is named."""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

Path = tuple[str | int, ...]
MAX_DEPTH: Final = 32

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_TEXT: Final = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])", re.ASCII)
_WORD: Final = re.compile(r"[+-]?[A-Za-z_][\w.]*|[+\-.\w]+", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER: Final = 40


class UnreadableError(Exception):
    """The text is not plain JSON: where, and why in words."""

    def __init__(self, line: int, column: int, why: str) -> None:
        super().__init__(why)
        self.line, self.column, self.why = line, column, why


@dataclass(slots=True)
class Document:
    """A value, and where in the text its parts stand."""

    text: str
    value: Any = None
    names: dict[Path, int] = field(default_factory=dict[Path, int])
    values: dict[Path, int] = field(default_factory=dict[Path, int])

    def place(self, path: Path, *, name: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at `path`, or of its `name`.

        Where there is nothing at `path`, it is the place of the nearest thing around it.
        """
        for length in range(len(path), -1, -1):
            known = (self.names if name and length == len(path) else self.values).get(path[:length])
            if known is not None:
                return _line_and_column(self.text, known)
        return 1, 1


def read_json(text: str) -> Document:
    """Return what stands in a text.

    Raises:
        UnreadableError: it is not JSON, or holds what JSON has no clear meaning for: a name twice
            in one object, NaN, a number too large, deeper nesting than 32 levels.
    """
    reader = _Reader(text.removeprefix("\ufeff"))
    return reader.read()


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found = Document(text)

    def read(self) -> Document:
        self._found.value = self._value(())
        if self._next():
            self._fail("there is more text after the end of the JSON value")
        return self._found

    def _next(self) -> str:
        """Skip white space; return the character that follows, or nothing at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _fail(self, why: str, at: int | None = None) -> NoReturn:
        line, column = _line_and_column(self._text, self._at if at is None else at)
        raise UnreadableError(line, column, why)

    def _value(self, path: Path) -> Any:
        first = self._next()
        if len(path) >= MAX_DEPTH:
            self._fail(f"it is nested deeper than {MAX_DEPTH} levels")
        self._found.values[path] = self._at
        match first:
            case "{":
                return self._object(path)
            case "[":
                return self._array(path)
            case '"':
                return self._string()
            case _:
                return self._scalar(first)

    def _object(self, path: Path) -> dict[str, Any]:
        members: dict[str, Any] = {}
        self._at += 1
        if self._next() == "}":
            self._at += 1
            return members
        while True:
            begin = self._at
            if self._next() != '"':
                self._fail(_instead_of("a name in double quotes", self._next()))
            begin = self._at
            name = self._string()
            if name in members:
                self._fail(f"the name “{name[:100]}” stands twice in one object", begin)
            if self._next() != ":":
                self._fail(_instead_of(f"a colon after “{name[:100]}”", self._next()))
            self._at += 1
            self._found.names[(*path, name)] = begin
            members[name] = self._value((*path, name))
            if self._ends("}"):
                return members

    def _array(self, path: Path) -> list[Any]:
        entries: list[Any] = []
        self._at += 1
        if self._next() == "]":
            self._at += 1
            return entries
        while True:
            entries.append(self._value((*path, len(entries))))
            if self._ends("]"):
                return entries

    def _ends(self, closing: str) -> bool:
        """Step over what follows a member: whether it was the end, and not a comma."""
        begin, found = self._at, self._next()
        if found not in (",", closing) or not found:
            self._fail(_instead_of(f"a comma or “{closing}”", found), self._at if found else begin)
        comma = self._at
        self._at += 1
        if found == "," and self._next() == closing:
            self._fail(f"there is a comma before “{closing}”; remove it", comma)
        return found == closing

    def _string(self) -> str:
        match = _TEXT.match(self._text, self._at)
        if match is None:
            self._fail("this text has no end: a line ends, or a control character stands in it")
        try:
            text = json.loads(match.group())
            text.encode()
        except ValueError:
            self._fail("this text holds a wrong escape (a backslash is written \\\\)")
        if "\0" in text:
            self._fail("this text holds a NUL character")
        self._at = match.end()
        return text

    def _scalar(self, first: str) -> Any:
        number = _NUMBER.match(self._text, self._at)
        if number is not None:
            return self._number(number)
        word = _WORD.match(self._text, self._at)
        if word is not None and word.group() in _WORDS:
            self._at = word.end()
            return _WORDS[word.group()]
        if word is not None:
            self._fail(_not_a_value(word.group()))
        return self._fail(_instead_of("a value", first))

    def _number(self, match: re.Match[str]) -> int | float:
        if len(match.group()) > _LONGEST_NUMBER:
            self._fail(f"this number has more than {_LONGEST_NUMBER} digits")
        value: int | float = json.loads(match.group())
        if isinstance(value, float) and math.isinf(value):
            self._fail("this number is too large")
        self._at = match.end()
        return value


def _instead_of(wanted: str, found: str) -> str:
    if not found:
        return f"the file ends where {wanted} should be"
    if found in "/#":
        return "JSON has no comments; remove it"
    if found == "'":
        return "texts and names stand in double quotes"
    return f"here should be {wanted}, not “{found}”"


def _not_a_value(word: str) -> str:
    if word.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return f"{word} is not a JSON number"
    if word.lower() in ("true", "false", "null", "none"):
        meant = "null" if word.lower() == "none" else word.lower()
        return f"“{word}” is written {meant}"
    if word[0] in "+-." or word[0].isdigit():
        return f"“{word[:50]}” is not a number as JSON writes them"
    return f"“{word[:50]}” is a text: put it in double quotes"
