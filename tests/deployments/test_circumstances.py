"""What surrounds a failure is gathered from the row, the reports and the cluster."""

from typing import Any

from deployments.room import Room
from vllm_manager.deployments.circumstances import Neighbour, circumstances
from vllm_manager.deployments.tables import DeploymentRow

GPU = {"index": 0, "uuid": "GPU-1"}


def _row(model: str, folder: str | None) -> DeploymentRow:
    spec: dict[str, Any] = {"model": model, "revision": None, "resources": {}}
    applied = {} if folder is None else {"folder": folder}
    return DeploymentRow(name="demo", spec=spec, applied=applied, estimate=None, measured=None)


def test_a_folder_of_the_store_is_named_as_the_library_names_it():
    folder = "/store/models--org--name/snapshots/c0ffee"
    assert circumstances(_row("org/name", folder), {}, None).model_id == "org--name@c0ffee"
    assert circumstances(_row("org/name", None), {}, None).model_id is None


def test_what_is_not_of_the_hub_is_not_fetched_from_there():
    for model in ("demo", "/models/own", "local/own"):
        found = circumstances(_row(model, "/store/models--local--own/snapshots/1"), {}, None)
        assert (found.repo, found.model_id) == (None, None)


async def test_neighbours_are_those_who_live_with_what_they_share(room: Room):
    for name in ("failing", "sharing", "apart", "ended"):
        await room.create(name)
    await room.step()
    nodes: dict[str, dict[str, Any]] = {
        "failing": {"id": "node-1", "gpus": [GPU]},
        "sharing": {"id": "node-1", "gpus": [GPU]},
        "apart": {"id": "node-2", "gpus": [GPU]},
        "ended": {"id": "node-1", "gpus": []},
    }
    for name, node in nodes.items():
        phase = "failed" if name == "ended" else "ready"
        await room.report(room.engine.place(name), phase, name, node=node)
    rows = {row.name: row for row in room.memory.rows.values()}
    reports = {name: room.memory.board.of(row.uid) for name, row in rows.items()}
    found = circumstances(rows["failing"], reports, 2)
    assert found.has_gpus
    assert found.neighbours == (Neighbour("apart", False, False), Neighbour("sharing", True, True))


async def test_a_failure_for_memory_offers_to_stop_who_is_on_the_same_node(room: Room):
    other = await room.serve("other")
    await room.report(other, "ready", "other", node={"id": "node-1"})
    await room.create()
    await room.step()
    failure = {"code": "out_of_memory", "detail": "No memory."}
    replica = room.engine.place("demo", "STARTING")
    await room.report(replica, "failed", failure=failure, node={"id": "node-1"})
    await room.step()
    error = (await room.get()).last_error
    assert error is not None
    assert {"name": "other"} in [r.arguments for r in error.remediation if r.action == "stop"]
