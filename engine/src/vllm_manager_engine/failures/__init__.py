"""Why an engine failed: its end, last lines and machine, turned into a cause and a way out."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vllm_manager_engine.failures import (
    arguments_rules,
    ending,
    hardware,
    lines,
    memory,
    model_rules,
    network,
    surroundings,
)  # fmt: skip
from vllm_manager_engine.failures.case import Asked, Case
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.failures.host_facts import HostFacts, HostWatch
from vllm_manager_engine.failures.model_facts import Damage, damage
from vllm_manager_engine.failures.rule import STANDINGS, Rule

RULES: Final[tuple[Rule, ...]] = (
    *memory.RULES,
    *hardware.RULES,
    *model_rules.RULES,
    *arguments_rules.RULES,
    *network.HUB,
    *surroundings.RULES,
    *network.RANKS,
)
_REFUSALS: Final = frozenset(r for r in arguments_rules.RULES if r.standing == "root")
PORT_TAKEN: Final = re.compile(surroundings.PORT_TAKEN)
_TAIL_LINES: Final = 12

_ERROR_LINE = re.compile(r"^(?:[\w.]+(?:Error|Exception|Interrupt)|error|fatal)\b.*", re.IGNORECASE)
# What Python and its libraries say of a process that is already ending; it tells of no cause.
_AFTERWORD = re.compile(
    r"resource_tracker: |\bnanobind: |^- (leaked|\.\.\. skipped)|^warnings\.warn\("
)
_CONSEQUENCE = re.compile(
    r"See root cause above|Engine core initialization failed|EngineDeadError|Executor failed|"
    r"RuntimeError: cancelled|encountered an issue|Application startup failed"
)
_WITHOUT_A_WORD: Final = ("core_killed", "rank_lost")


def read(exit_code: int | None, signal: int | None, texts: Sequence[str]) -> Case:
    """Return the case of a process of which no more is known than its end and its last lines."""
    return Case(lines=lines.read(texts), exit_code=exit_code, signal=signal)


def explain(case: Case, damaged: Damage | None = None) -> Failure:
    """Return why an engine failed.

    What the kernel and the model's files prove goes before what lines say, save a setting that the
    engine refused before it read any file; a root cause before its consequences; of several, the
    one that was told of first.
    """
    rule, known = _recognised(case)
    found = _killed_for_memory(case, rule)
    if found is None and rule not in _REFUSALS:
        found = ending.damaged(damaged)
    found = found or known
    if found is not None and found.code in _WITHOUT_A_WORD:
        found = _silent_death(case, found)
    found = (
        found or ending.by_signal(case) or (ending.core_killed(case) if case.core_died else None)
    )
    if found is None:
        found = ending.unrecognised(case, _proof(case), _tail(case))
    evidence = found.evidence or _proof(case)
    return replace(found, evidence=evidence, exit_code=case.exit_code, signal=case.signal)


def _silent_death(case: Case, found: Failure) -> Failure | None:
    """Return what a death is called of which others tell; None where it had words of its own."""
    if _last_error(case) is not None:
        return None
    if found.code == "core_killed":
        return ending.by_signal(case) or ending.core_killed(case, found.evidence)
    return found


def _killed_for_memory(case: Case, rule: Rule | None) -> Failure | None:
    """Return that the kernel killed the engine, unless it ended by itself and said why."""
    told = rule is not None and rule.standing != "consequence" and rule not in network.RANKS
    if told and not ending.was_killed(case):
        return None
    return ending.killed_for_memory(case)


def recognise(case: Case) -> Failure | None:
    """Return the known failure that the case's lines tell of, or None."""
    return _recognised(case)[1]


def _recognised(case: Case) -> tuple[Rule | None, Failure | None]:
    """Return the rule that knows the case best, and what it tells."""
    best: tuple[int, int, int] | None = None
    chosen: tuple[Rule | None, Failure | None] = (None, None)
    for order, rule in enumerate(RULES):
        standing = STANDINGS.index(rule.standing)
        for at, line in enumerate(case.lines):
            place = (standing, at, order)
            if best is not None and place >= best:
                break
            if not (line.counts or rule.any_line):
                continue
            match = rule.pattern.search(line.text)
            if match and (rule.applies is None or rule.applies(case, at)):
                best, chosen = place, (rule, _told(rule, match, case, line.text))
                break
    return chosen


def _told(rule: Rule, match: re.Match[str], case: Case, text: str) -> Failure:
    groups = match.groupdict()
    offers = rule.suggest(groups, case) if rule.suggest else []
    return Failure(
        rule.code,
        _tidy(rule.detail(groups, case)),
        text,
        suggestion=offers[0] if offers else None,
        alternatives=tuple(offers[1:]),
    )


def _tidy(sentence: str) -> str:
    """Return a cause without what is left of values that a line did not tell."""
    bare = re.sub(r" ?\(\s*(?: where the file has )?\s*\)", "", sentence)
    return re.sub(r"\s+([.,:;])", r"\1", re.sub(r"  +", " ", bare))


def _last_error(case: Case) -> str | None:
    """Return the last line that looks like an error and is no mere consequence, or None."""
    texts = (line.text for line in reversed(case.lines) if line.counts)
    return next((t for t in texts if _ERROR_LINE.match(t) and not _CONSEQUENCE.search(t)), None)


def _proof(case: Case) -> str | None:
    """Return the last error, else the last line that says anything."""
    said = (line.text for line in reversed(case.lines))
    return _last_error(case) or next((t for t in said if t and not _AFTERWORD.search(t)), None)


def _tail(case: Case) -> str | None:
    kept = [line.text for line in case.lines if line.text and not _AFTERWORD.search(line.text)]
    return "\n".join(kept[-_TAIL_LINES:]) or None


__all__ = [
    "PORT_TAKEN", "RULES", "Asked", "Case", "Damage", "Failure", "HostFacts", "HostWatch", "damage",
    "explain", "read", "recognise",
]  # fmt: skip
