"""What a provider says of a person becomes a role and a name; what is odd becomes neither."""

from itertools import islice
from typing import Any

import pytest

from vllm_manager.auth import Role
from vllm_manager.auth.oidc.people import email_of, groups_of, names_of, role_of

ROLES: dict[str, Role] = {"a": "administrator", "o": "operator", "v": "viewer"}


@pytest.mark.parametrize(
    ("groups", "default", "role"),
    [
        (["v", "o"], None, "operator"),
        (["v", "a"], "member", "administrator"),
        (["v"], "administrator", "viewer"),
        (["x"], "member", "member"),
        ([], None, None),
        (None, None, None),
        ("o", None, "operator"),
        ({"o": True}, None, None),
        ([["o"], {"o": 1}, 7, None], None, None),
    ],
)
def test_a_role(groups: Any, default: Role | None, role: Role | None) -> None:
    assert role_of({"groups": groups}, "groups", ROLES, default) == role


def test_a_claim_with_dots_is_taken_by_its_name_or_leads_inwards() -> None:
    assert groups_of({"https://example.org/groups": ["a"]}, "https://example.org/groups") == ["a"]
    assert groups_of({"realm_access": {"roles": ["a"]}}, "realm_access.roles") == ["a"]
    for odd in ({}, {"realm_access": ["roles"]}, {"realm_access": {"roles": 7}}):
        assert groups_of(odd, "realm_access.roles") == []


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"preferred_username": "Anna"}, ["anna", "anna-2", "anna-3"]),
        ({"preferred_username": "anna", "email": "a@b.c"}, ["anna", "a@b.c", "anna-2"]),
        ({"preferred_username": "CORP\\Anna Bäcker"}, ["corp-anna-b-cker", "corp-anna-b-cker-2"]),
        ({"email": "a@b.c"}, ["a@b.c", "a@b.c-2"]),
        ({"email": "a@b.c", "email_verified": False}, ["person", "person-2"]),
        ({"preferred_username": "…"}, ["person", "person-2"]),
        ({"preferred_username": ["anna"]}, ["person", "person-2"]),
        ({}, ["person", "person-2"]),
        ({"preferred_username": "x" * 99}, ["x" * 64, "x" * 57 + "-2"]),
    ],
)
def test_names(claims: dict[str, Any], names: list[str]) -> None:
    assert list(islice(names_of(claims), len(names))) == names


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@b.c"}, "a@b.c"),
        ({"email": "a@b.c", "email_verified": True}, "a@b.c"),
        ({"email": "a@b.c", "email_verified": False}, None),
        ({"email": "nothing"}, None),
        ({"email": "a@" + "b" * 300}, None),
        ({"email": 7}, None),
        ({}, None),
    ],
)
def test_an_email(claims: dict[str, Any], email: str | None) -> None:
    assert email_of(claims) == email
