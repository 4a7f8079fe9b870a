"""The page on failures names every code that an engine's or Ray's words can lead to."""

import re

from support.documentation import DOCS
from vllm_manager.deployments.known_failures import FAILURES
from vllm_manager_engine.failures import RULES


def documented() -> set[str]:
    text = (DOCS / "reference" / "failures.md").read_text()
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_every_failure_is_documented_and_none_that_is_not_there() -> None:
    assert documented() == set(FAILURES)


def test_every_rule_has_a_title_and_a_way_out() -> None:
    assert {rule.code for rule in RULES} <= set(FAILURES)
