"""What a rule is: which line it knows, what that line means, and which setting would mend it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from vllm_manager_engine.failures.case import Case

Groups = Mapping[str, str | None]
Suggestion = dict[str, Any]
Suggest = Callable[[Groups, Case], list[Suggestion]]
Values = Callable[[Groups, Case], Mapping[str, str]]
Standing = Literal["root", "general", "consequence"]

STANDINGS: Final[tuple[Standing, ...]] = ("root", "general", "consequence")
"""A root cause is named before a general word for one, and that before what follows from it."""

GIB: Final = 1024**3
MIB: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Rule:
    """One known failure. `cause` may use the pattern's named groups, and what `values` returns."""

    code: str
    pattern: re.Pattern[str]
    cause: str
    suggest: Suggest | None = None
    values: Values | None = None
    applies: Callable[[Case, int], bool] | None = None
    """Asked with the number of the line, where the line alone does not tell."""
    standing: Standing = "root"
    any_line: bool = False
    """Also lines that the engine itself calls information or a warning."""

    def detail(self, groups: Groups, case: Case) -> str:
        told = {name: value or "" for name, value in groups.items()}
        return self.cause.format(**told | dict(self.values(groups, case) if self.values else {}))


def rule(
    code: str,
    pattern: str,
    cause: str,
    *,
    suggest: Suggest | None = None,
    values: Values | None = None,
    applies: Callable[[Case, int], bool] | None = None,
    standing: Standing = "root",
    any_line: bool = False,
) -> Rule:
    """Return a rule for lines in which `pattern` is found."""
    known = re.compile(pattern)
    return Rule(code, known, cause, suggest, values, applies, standing, any_line)


def setting(argument: str, value: Any) -> Suggestion:
    """Suggest to set an argument; with None, to take it out."""
    return {"argument": argument, "value": value}


def grouped(number: str | int) -> str:
    """Return a whole number as people read it: `16,384`."""
    return f"{int(number):,}"


def gib(size_bytes: float) -> str:
    return (
        f"{size_bytes / GIB:.1f} GiB" if size_bytes >= GIB / 10 else f"{size_bytes / MIB:.0f} MiB"
    )
