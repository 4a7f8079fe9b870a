"""83. The audit log cannot be written: changes are refused."""

from pathlib import Path

import pytest
from sqlalchemy import text

from support.application import Running, running_in
from vllm_manager.audit import AuditLog

pytestmark = pytest.mark.survival

_BLOCK = (
    "CREATE TRIGGER no_audit BEFORE INSERT ON audit_log "
    "BEGIN SELECT RAISE(ABORT, 'the disk of the audit log is gone'); END"
)


async def execute(control: Running, statement: str) -> None:
    database = control.app.state.audit._database  # pyright: ignore[reportPrivateUsage]
    async with database.engine.begin() as connection:
        await connection.execute(text(statement))


async def test_83_changes_are_refused_and_reading_goes_on(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        await execute(control, _BLOCK)
        body = {"name": "chat", "model": "demo", "start": False}
        refused = await control.client.post(
            "/api/v1/deployments", json=body, headers=control.bearer
        )
        assert (refused.status_code, refused.json()["code"]) == (503, "audit_unavailable")
        assert refused.headers["retry-after"]
        login = {"username": control.username, "password": control.password}
        assert (await control.client.post("/api/v1/auth/login", json=login)).status_code == 503
        listed = await control.client.get("/api/v1/deployments", headers=control.bearer)
        assert (listed.status_code, listed.json()["items"]) == (200, [])

        await execute(control, "DROP TRIGGER no_audit")
        made = await control.client.post("/api/v1/deployments", json=body, headers=control.bearer)
        assert made.status_code == 202
        audit: AuditLog = control.app.state.audit
        assert (await audit.verify()).ok
