"""81. A dump of the database holds no usable key, password, cookie, CSRF token or link."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.application import Running, running_in
from support.people import COOKIE, administrator, person

pytestmark = [pytest.mark.survival, pytest.mark.sqlite]

PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of no use anywhere


def dump(home: Path) -> bytes:
    """Return everything that the database's files hold, read both ways."""
    files = b"".join(file.read_bytes() for file in sorted(home.glob("vllm-manager.db*")))
    with closing(sqlite3.connect(home / "vllm-manager.db")) as connection:
        return files + "\n".join(connection.iterdump()).encode()


async def _secrets_of_everything(control: Running) -> dict[str, str]:
    """Make one of each, and return what opens a door."""
    admin, anna = await administrator(control), await person(control, "member")

    async def post(path: str, body: object = None) -> dict[str, str]:
        answer = await control.client.post(f"/api/v1{path}", json=body, headers=admin.headers)
        assert answer.is_success, answer.text
        return answer.json()

    used = await post("/invitations", {"username": "bert"})
    path, headers = "/api/v1/auth/links", {"x-link-token": used["token"]}
    answer = await control.client.post(path, json={"password": PASSPHRASE}, headers=headers)
    control.client.cookies.clear()
    await control.client.post(
        "/api/v1/auth/login", json={"username": "bert", "password": "wrong-canary"}
    )
    return {
        "first password": control.password,
        "first key": control.api_key,
        "password": anna.password,
        "chosen password": PASSPHRASE,
        "cookie": anna.cookie,
        "csrf": anna.csrf,
        "administrator's cookie": admin.cookie,
        "cookie of an accepted link": answer.cookies[COOKIE],
        "used link": used["token"],
        "open link": (await post("/invitations", {"username": "cora"}))["token"],
        "reset link": (await post(f"/users/{anna.id}/reset"))["token"],
        "key": (await post("/keys", {"name": "reports"}))["secret"],
        "a wrong password": "wrong-canary",
    }


async def test_81_no_secret_is_in_the_database_s_files(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        secrets = await _secrets_of_everything(control)
        while_running = dump(tmp_path)
    for found in (while_running, dump(tmp_path)):
        assert b"anna" in found or b"member-" in found
        assert [name for name, secret in secrets.items() if secret.encode() in found] == []


async def test_81_what_the_database_holds_opens_nothing(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        await _secrets_of_everything(control)
        with closing(sqlite3.connect(tmp_path / "vllm-manager.db")) as connection:
            stored = [
                row[0]
                for query in (
                    "SELECT fingerprint FROM keys",
                    "SELECT fingerprint FROM login_sessions",
                    "SELECT csrf_fingerprint FROM login_sessions",
                    "SELECT fingerprint FROM one_time_links",
                    "SELECT password_hash FROM users WHERE password_hash IS NOT NULL",
                )
                for row in connection.execute(query)
            ]
        assert len(stored) > 8
        for value in stored:
            for headers in (
                {"authorization": f"Bearer {value}"},
                {"authorization": f"Bearer vm-{value}"},
                {"cookie": f"{COOKIE}={value}"},
            ):
                answer = await control.client.get("/api/v1/auth/me", headers=headers)
                assert answer.status_code == 401
            headers = {"x-link-token": value}
            answer = await control.client.get("/api/v1/auth/links", headers=headers)
            assert answer.status_code == 404


async def test_81_passwords_are_kept_as_argon2id_each_with_its_own_salt(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        for name in ("anna", "bert"):
            body = {"username": name, "password": PASSPHRASE}
            await control.client.post("/api/v1/users", json=body, headers=control.bearer)
        with closing(sqlite3.connect(tmp_path / "vllm-manager.db")) as connection:
            hashes = [row[0] for row in connection.execute("SELECT password_hash FROM users")]
    assert len(set(hashes)) == 3
    assert all(each.startswith("$argon2id$") for each in hashes)
