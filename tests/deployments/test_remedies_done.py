"""What a remedy names does what it says: on a real library, real downloads, a real reconciler."""

from pathlib import Path
from typing import Any

from deployments.room import Room
from downloads.library.room import a_model, damage, put, room_in
from downloads.room import downloads_in
from support.hub import Hub, declare, ready_made, weights
from vllm_manager.deployments.circumstances import Circumstances, circumstances
from vllm_manager.deployments.diagnosis import explain
from vllm_manager.deployments.models import StoredModels
from vllm_manager.deployments.observed import Failure
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.downloads.schemas import DownloadRequest

TOKEN = "hf_canary_0123456789abcdef"  # noqa: S105 - of no use anywhere


class _EmptyLibrary:
    async def resolve(self, repo: str, revision: str | None = None) -> Path | None:
        return None


def remedies_of(failure: Failure, around: Circumstances) -> dict[str, dict[str, Any]]:
    """Return the arguments of each remedy that is offered, by its action."""
    problem = explain(failure, "demo", around, given_up=True, failures=1)
    return {remedy.action: remedy.arguments for remedy in problem.remediation}


def row_of(model: str, **applied: str) -> DeploymentRow:
    spec: dict[str, Any] = {"model": model, "revision": None, "resources": {}}
    return DeploymentRow(name="demo", spec=spec, applied=applied, estimate=None, measured=None)


async def test_the_files_that_an_engine_found_damaged_are_fetched_again(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        snapshot = put(room.store, "acme/chat", a_model())
        folder = await room.library.resolve("acme/chat")
        assert folder is not None
        damage(snapshot / "model-00002-of-00002.safetensors")
        around = circumstances(row_of("acme/chat", folder=str(folder)), {}, None)
        told = remedies_of(Failure("weights_corrupt", "Cut."), around)["refetch"]
        await room.ended(await room.library.verify(told["model_id"], refetch=True))
        assert room.fetched == [("acme/chat", "a" * 40)]
        # So the start that follows waits for the download.
        assert await room.library.resolve("acme/chat") is None


async def test_a_gated_model_is_had_with_the_token_and_the_restart_that_are_offered(
    tmp_path: Path,
) -> None:
    hub = Hub(ready_made())
    files = {"config.json": "{}", "model.safetensors": weights(1 << 20)}
    hub.add(declare("acme/closed", files, gated="manual"))
    hub.admit(TOKEN, "ada", "acme/closed")
    with hub:
        async with downloads_in(tmp_path, hub) as room:
            models = StoredModels(_EmptyLibrary(), room.downloads.service)
            await models.begin("acme/closed", None)
            (download,) = (await room.downloads.service.list(10, None, None)).items
            await room.wait_for(download, "failed")
            failure = (await models.look("acme/closed", None)).failure
            assert failure is not None
            offered = remedies_of(failure, Circumstances())
            assert offered["visit"]["url"].endswith("/acme/closed")
            assert offered["set_token"] == {"scope": "installation"}
            assert offered["open"] == {"path": "/downloads"}
            assert "restart" in offered
            room.listing.token = TOKEN
            await models.begin("acme/closed", None)
            await room.wait_for(download, "succeeded")


async def test_a_download_that_is_offered_fetches_the_deployments_model(tmp_path: Path) -> None:
    hub = Hub(ready_made())
    hub.add(declare("acme/open", {"config.json": "{}", "model.safetensors": weights(1 << 20)}))
    with hub:
        async with downloads_in(tmp_path, hub) as room:
            around = circumstances(row_of("acme/open"), {}, None)
            told = remedies_of(Failure("hub_unreachable", "No."), around)["download"]
            asked = await room.downloads.service.create(DownloadRequest.model_validate(told), None)
            await room.wait_for(asked, "succeeded")


async def test_a_neighbour_that_is_offered_to_be_stopped_leaves_room_for_the_next_start(
    room: Room,
) -> None:
    other = await room.serve("other")
    await room.report(other, "ready", "other", node={"id": "node-1"})
    await room.create()
    await room.step()
    failure = {"code": "host_out_of_memory", "detail": "No memory."}
    replica = room.engine.place("demo", "STARTING")
    await room.report(replica, "failed", failure=failure, node={"id": "node-1"})
    await room.step()
    error = (await room.get()).last_error
    assert error is not None
    told = next(r.arguments for r in error.remediation if r.action == "stop")
    stopped = await room.service.stop(told["name"])
    await room.step(2)
    assert "other" not in room.engine.applications
    assert (await room.operations.get(stopped.operation.id)).status == "succeeded"
    await room.service.restart("demo")
    await room.step()
    assert "demo" in room.engine.applications
