"""A deployment of a model that is not here: it is fetched first, and that is shown."""

from collections.abc import Sequence
from typing import Any

import pytest

from deployments.room import Room
from fakes.models import KnownFacts
from vllm_manager.deployments.models import ModelUse
from vllm_manager.deployments.schemas import DeploymentChange

MODEL = "org/model"


async def waiting(room: Room, **fields: Any) -> None:
    """Create a deployment whose model is not here, and let the loop look once."""
    room.models.is_missing(MODEL)
    await room.create(model=MODEL, **fields)
    await room.step()


async def test_a_model_in_the_store_is_run_from_its_folder(room: Room) -> None:
    await room.create(model=MODEL, revision="v1")
    await room.step()
    launch = room.engine.sent[-1][0]
    assert (launch.model, launch.revision) == ("/store/org/model/v1", None)
    assert launch.name == "demo"
    assert room.models.begun == []


async def test_a_model_that_is_not_here_is_fetched_and_nothing_is_launched(room: Room) -> None:
    await waiting(room)
    seen = await room.get()
    assert (seen.phase, seen.reason) == ("fetching", "It waits.")
    assert seen.fetch is not None
    assert seen.fetch.path == "/api/v1/downloads/dl_1"
    assert room.models.begun == [MODEL]
    assert room.engine.applications == {}


async def test_the_downloads_progress_is_the_deployments(room: Room) -> None:
    await waiting(room)
    room.models.is_at(MODEL, 25, 100)
    await room.step()
    seen = await room.get()
    assert seen.progress == 0.25
    assert seen.fetch is not None
    assert (seen.fetch.bytes_done, seen.fetch.bytes_total, seen.fetch.eta_seconds) == (25, 100, 2.0)
    operation = (await room.operations.list(limit=1)).items[0]
    assert (operation.status, operation.progress) == ("running", 0.25)


async def test_it_goes_on_when_the_snapshot_is_whole(room: Room) -> None:
    await waiting(room)
    room.models.is_here(MODEL)
    await room.step()
    assert room.engine.sent[-1][0].model == "/store/org/model/main"
    assert (await room.get()).fetch is None
    await room.report(room.engine.place("demo"), "ready")
    await room.step()
    assert (await room.get()).phase == "ready"


async def test_a_download_that_failed_ends_the_start_with_its_own_words(room: Room) -> None:
    await waiting(room)
    room.models.has_failed(MODEL, "gated_repository", "Its licence must be accepted first.")
    await room.step()
    seen = await room.get()
    assert seen.phase == "failed"
    assert seen.last_error is not None
    assert seen.last_error.code == "gated_repository"
    assert seen.last_error.detail == "Its licence must be accepted first."
    await room.step(3)
    assert room.models.begun == [MODEL]


async def test_a_new_start_tries_the_download_again(room: Room) -> None:
    await waiting(room)
    room.models.has_failed(MODEL, "disk_full", "The disk is full.")
    await room.step()
    await room.service.start("demo")
    await room.step()
    assert room.models.begun == [MODEL, MODEL]
    seen = await room.get()
    assert (seen.phase, seen.last_error) == ("fetching", None)


async def test_a_paused_download_is_said_and_waited_for(room: Room) -> None:
    await waiting(room)
    room.models.is_paused(MODEL)
    await room.pass_time(100_000)
    seen = await room.get()
    assert (seen.phase, seen.reason) == ("fetching", "It is paused.")
    assert seen.fetch is not None
    assert seen.fetch.state == "paused"


async def test_a_restart_of_the_control_plane_asks_for_no_second_download(room: Room) -> None:
    await waiting(room)
    again = await room.reopen()
    await again.step()
    assert (await again.get()).phase == "fetching"
    assert again.models.begun == [MODEL]
    again.models.is_here(MODEL)
    await again.step()
    assert again.engine.sent[-1][0].model == "/store/org/model/main"
    await again.close()


async def test_a_stop_while_fetching_lets_the_download_be(room: Room) -> None:
    await waiting(room)
    await room.service.stop("demo")
    await room.step()
    seen = await room.get()
    assert (seen.phase, seen.fetch) == ("stopped", None)


async def test_the_time_of_fetching_is_in_the_timeline(room: Room) -> None:
    await waiting(room)
    await room.pass_time(7)
    room.models.is_here(MODEL)
    await room.step()
    await room.report(room.engine.place("demo"), "loading")
    await room.step()
    steps = {step.phase: step.seconds for step in (await room.get()).timeline}
    assert steps["fetching"] == pytest.approx(7)  # pyright: ignore[reportUnknownMemberType]
    assert list(steps)[-1] == "loading"


async def test_code_of_the_repository_is_refused_when_the_files_are_here(room: Room) -> None:
    room.facts.away = True
    await waiting(room)
    room.facts.away = False
    room.facts.known["org/model"] = KnownFacts(has_auto_map=True, supported=False)
    room.models.is_here(MODEL)
    await room.step(2)
    seen = await room.get()
    assert seen.phase == "failed"
    assert seen.last_error is not None
    assert seen.last_error.code == "own_code_refused"
    assert room.engine.applications == {}


@pytest.mark.parametrize("model", ["demo", "local/mine"])
async def test_models_that_are_here_are_never_fetched(room: Room, model: str) -> None:
    await room.create(model=model)
    await room.step()
    assert len(room.engine.sent[-1]) == 1
    assert room.models.begun == []


async def test_who_uses_a_model_is_told_with_the_commit_that_its_engine_reads(room: Room) -> None:
    await room.serve(model=MODEL, revision="v1")
    await room.create("idle", model="org/other", start=False)
    uses = {(u.deployment, u.model, u.revision, u.last_used_at) for u in await told(room)}
    now = room.clock.now()
    assert uses == {
        ("demo", MODEL, "v1", now),
        ("idle", "org/other", None, None),
    }


async def test_a_model_is_used_until_its_deployment_stops_though_the_spec_names_another(
    room: Room,
) -> None:
    await room.serve(model=MODEL, revision="v1")
    began = room.clock.now()
    change = DeploymentChange(model="org/newer", revision="v2")
    await room.service.change("demo", change)
    assert {(u.model, u.revision) for u in await told(room)} == {("org/newer", "v2"), (MODEL, "v1")}
    await room.service.stop("demo")
    room.engine.applications.clear()
    await room.pass_time(60)
    (left,) = await told(room)
    assert (left.model, left.last_used_at) == ("org/newer", began)


async def told(room: Room) -> Sequence[ModelUse]:
    """Return what the library is told, each claim once."""
    return sorted(set(await room.service.model_uses()), key=str)
