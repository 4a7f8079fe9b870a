"""Which alerts begin, go on and end: findings over time, against what is known to be on (pure)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vllm_manager.monitoring.alerts.facts import Facts
from vllm_manager.monitoring.alerts.pasts import Trends
from vllm_manager.monitoring.alerts.rules import RULES, Finding, Rule, Undecided

SUBJECT_LENGTH = 255
_OVER_SECONDS = 15.0
"""A condition that was over for a shorter time than this has not ended."""


class Key(NamedTuple):
    """What makes two alerts the same one."""

    rule: str
    subject: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a look has changed."""

    on: Mapping[Key, Finding] = field(default_factory=dict["Key", Finding])
    """Every condition that has held long enough, new or not."""
    over: Collection[Key] = ()
    """Those of the known ones that have ended."""
    unknown: frozenset[str] = frozenset()
    """Rules that could not be judged: their alerts stay as they are."""
    unknown_keys: frozenset[Key] = frozenset()
    """Those of rules that could be judged but for them."""


class Watch:
    """Remembers since when conditions hold, or no longer do. A new process begins without a past,
    so that nothing ends only because it was started again."""

    def __init__(self, rules: Collection[Rule] = RULES) -> None:
        self._rules = rules
        self._trends = Trends()
        self._since: dict[Key, float] = {}
        self._gone_since: dict[Key, float] = {}

    def look(self, facts: Facts, known: Collection[Key]) -> Change:
        """Judge `facts`; `known` are the alerts that are on."""
        self._trends.note(facts)
        holds: dict[Key, tuple[Rule, Finding]] = {}
        unknown: set[str] = set()
        undecided: dict[Key, Undecided] = {}
        for rule in self._rules:
            findings = rule.look(facts, self._trends)
            if findings is None:
                unknown.add(rule.name)
                continue
            for found in findings:
                key = Key(rule.name, found.subject[:SUBJECT_LENGTH])
                if isinstance(found, Undecided):
                    undecided[key] = found
                else:
                    holds[key] = (rule, found)
        now = facts.monotonic
        gone = [
            key
            for key in known
            if key not in holds and key not in undecided and key.rule not in unknown
        ]
        self._since = {key: self._since.get(key, now) for key in holds}
        self._gone_since = {key: self._gone_since.get(key, now) for key in gone}
        on = {
            key: finding
            for key, (rule, finding) in holds.items()
            if key in known or now - self._since[key] >= rule.hold_seconds
        }
        over = [key for key, since in self._gone_since.items() if self._is_over(key, since, now)]
        unknown_keys = frozenset(key for key, found in undecided.items() if not found.is_known)
        return Change(on, over, frozenset(unknown), unknown_keys)

    def _is_over(self, key: Key, gone_since: float, now: float) -> bool:
        rule = next((rule for rule in self._rules if rule.name == key.rule), None)
        wait = max(_OVER_SECONDS, rule.hold_seconds) if rule else 0.0
        return now - gone_since >= wait
