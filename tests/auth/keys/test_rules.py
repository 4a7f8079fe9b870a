"""What keys must be like."""

from datetime import UTC, datetime, timedelta

from vllm_manager.auth.keys import NO_LIMITS, Limits
from vllm_manager.auth.keys.rules import expiry_errors, networks, outlives, raised, state_of

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_networks_get_their_usual_form_and_stand_once() -> None:
    given = ["10.1.2.3/8", " 192.0.2.7", "192.0.2.7/32", "2001:DB8::/32"]
    assert networks(given) == (["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"], [])
    assert networks(None) == (None, [])


def test_what_is_no_network_is_named_by_its_place() -> None:
    _, errors = networks(["10.0.0.0/8", "10.0.0.0/33", "example.org", ""])
    assert [error.field for error in errors] == ["addresses.1", "addresses.2", "addresses.3"]


def test_a_limit_may_be_lowered_and_added_but_neither_raised_nor_taken_away() -> None:
    old = Limits(requests_per_minute=10, tokens_per_day=100)
    assert raised(old, Limits(requests_per_minute=10, tokens_per_day=1, tokens_per_month=5)) == []
    assert raised(NO_LIMITS, old) == []
    errors = raised(old, Limits(requests_per_minute=11))
    assert [(e.field, e.suggestion) for e in errors] == [
        ("limits.requests_per_minute", "10"),
        ("limits.tokens_per_day", "100"),
    ]


def test_an_end_must_lie_ahead() -> None:
    assert expiry_errors(None, NOW) == []
    assert expiry_errors(LATER, NOW) == []
    assert [error.field for error in expiry_errors(NOW, NOW, "old_until")] == ["old_until"]


def test_what_a_key_makes_lasts_no_longer_than_itself() -> None:
    assert outlives(None, None) == []
    assert outlives(LATER, NOW) == []
    assert [e.field for e in outlives(NOW, LATER) + outlives(NOW, None)] == ["expires_at"] * 2


def test_the_state_is_the_worst_that_is_so() -> None:
    assert state_of(NOW, None, None, None) == "active"
    assert state_of(NOW, None, LATER, "key_2") == "replaced"
    assert state_of(NOW, None, NOW, "key_2") == "expired"
    assert state_of(NOW, NOW, NOW, "key_2") == "revoked"
