"""When alerts begin and end: held long enough, over long enough, and never for lack of news."""

from datetime import UTC, datetime

from vllm_manager.monitoring.alerts.facts import Facts
from vllm_manager.monitoring.alerts.pasts import Trends
from vllm_manager.monitoring.alerts.rules import Finding, Rule, Undecided
from vllm_manager.monitoring.alerts.states import Key, Watch

HOT = Key("hot", "gpu")


def look(facts: Facts, _: Trends) -> list[Finding] | None:
    """Hot, cold or unknown, told by the number of gateway workers: 1, 0, None."""
    if facts.gateway_workers is None:
        return None
    return [Finding("gpu", "warning", "Hot", "It is hot.")] * facts.gateway_workers


RULE = Rule("hot", "It is hot.", 60, look)


def at(second: float, hot: int | None) -> Facts:
    return Facts(datetime(2026, 1, 1, tzinfo=UTC), second, gateway_workers=hot)


def test_it_begins_when_it_has_held_long_enough() -> None:
    watch = Watch([RULE])
    assert not watch.look(at(0, 1), []).on
    assert not watch.look(at(59, 1), []).on
    assert set(watch.look(at(60, 1), []).on) == {HOT}


def test_a_break_starts_the_wait_anew() -> None:
    watch = Watch([RULE])
    watch.look(at(0, 1), [])
    watch.look(at(50, 0), [])
    assert not watch.look(at(61, 1), []).on


def test_it_ends_when_it_has_been_over_long_enough() -> None:
    watch = Watch([RULE])
    assert not watch.look(at(0, 0), [HOT]).over
    assert not watch.look(at(59, 0), [HOT]).over
    assert list(watch.look(at(60, 0), [HOT]).over) == [HOT]


def test_it_goes_on_where_it_came_back_before_that() -> None:
    watch = Watch([RULE])
    watch.look(at(0, 0), [HOT])
    assert set(watch.look(at(30, 1), [HOT]).on) == {HOT}
    assert not watch.look(at(70, 0), [HOT]).over


def test_silence_ends_nothing() -> None:
    watch = Watch([RULE])
    for second in range(0, 600, 30):
        change = watch.look(at(second, None), [HOT])
        assert not change.over
        assert change.unknown == {"hot"}


def test_a_subject_that_can_t_be_judged_begins_and_ends_nothing() -> None:
    def undecided(_: Facts, __: Trends) -> list[Undecided]:
        return [Undecided("gpu"), Undecided("other", is_known=True)]

    watch = Watch([Rule("hot", "It is hot.", 0, undecided)])
    other = Key("hot", "other")
    changes = [watch.look(at(s, None), [HOT, other, Key("hot", "third")]) for s in (0, 30, 600)]
    assert [set(change.on) for change in changes] == [set()] * 3
    assert {change.unknown_keys for change in changes} == {frozenset([HOT])}
    assert list(changes[-1].over) == [Key("hot", "third")]


def test_an_alert_of_a_rule_that_is_no_more_ends() -> None:
    gone = Key("forgotten", "x")
    assert list(Watch([RULE]).look(at(0, 0), [gone]).over) == [gone]
