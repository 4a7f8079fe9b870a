"""11. The same create sent 10 times with one Idempotency-Key: one deployment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.api import Json
from support.server import ControlPlane

pytestmark = [pytest.mark.survival, pytest.mark.engine]

SPEC: Json = {"name": "demo", "model": "demo", "engine": "fake", "resources": {"cpus": 0.5}}


def create(plane: ControlPlane, spec: Json, key: str = "one-key") -> tuple[int, Json]:
    return plane.call("POST", "/deployments", spec, idempotency_key=key)


def test_11_ten_at_once_make_one_deployment_and_one_operation(plane: ControlPlane) -> None:
    with ThreadPoolExecutor(10) as pool:
        sent = [pool.submit(create, plane, SPEC) for _ in range(10)]
        answers = [each.result() for each in sent]
    assert [status for status, _ in answers] == [202] * 10
    assert len({answer["operation"]["id"] for _, answer in answers}) == 1
    assert len({answer["deployment"]["uid"] for _, answer in answers}) == 1
    assert [d["name"] for d in plane.ask("/deployments")["items"]] == ["demo"]
    assert plane.wait_for("demo", "ready")["generation"] == 1

    # After a crash the key still stands for the same deployment, and for no other request.
    plane.restart()
    assert create(plane, SPEC)[1]["operation"]["id"] == answers[0][1]["operation"]["id"]
    status, refused = create(plane, {**SPEC, "name": "other"})
    assert (status, refused["code"]) == (422, "idempotency_key_reused")
    assert create(plane, SPEC, "another-key")[0] == 409

    plane.call("DELETE", "/deployments/demo")
    plane.wait_until_gone("demo")
    status, refused = create(plane, SPEC)
    assert (status, refused["code"]) == (409, "deployment_deleted")
