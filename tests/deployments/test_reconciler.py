"""The loop: what it sends to the cluster, what it says, and what it survives."""

from pathlib import Path

from deployments.room import Room
from vllm_manager.deployments.observed import SeenApplication
from vllm_manager.deployments.schemas import DeploymentChange
from vllm_manager.kit.process import ProcessIdentity

FAILURE = {"code": "engine_exited", "detail": "The engine exited.", "evidence": "boom"}


async def test_a_created_deployment_is_sent_and_becomes_ready_with_its_token(room: Room):
    await room.create(arguments={"max_model_len": 512})
    await room.step()
    assert [launch.arguments for launch in room.engine.sent[-1]] == [("--max-model-len=512",)]
    replica = room.engine.place("demo", "STARTING")
    await room.report(replica, "loading", progress=0.5, message="Loading 1/2")
    await room.step()
    loading = await room.get()
    assert (loading.phase, loading.progress, loading.reason) == ("loading", 0.5, "Loading 1/2")
    await room.report(replica, "ready")
    await room.step()
    assert (await room.get()).phase == "ready"
    operations = (await room.operations.list(10)).items
    assert [(o.kind, o.status) for o in operations] == [("deployment.create", "succeeded")]


async def test_every_phase_change_is_kept_as_an_event(room: Room):
    await room.serve()
    events = (await room.service.events("demo", 50, None)).items
    phases = [event.phase for event in reversed(events) if event.kind == "phase"]
    assert phases == ["ready"]
    assert events[-1].message == "Created."


async def test_nothing_is_sent_while_what_runs_is_what_is_wanted(room: Room):
    await room.serve()
    sent = len(room.engine.sent)
    await room.step(3)
    assert len(room.engine.sent) == sent


async def test_scaling_sends_the_same_launch_with_another_number(room: Room):
    await room.serve()
    before = room.engine.sent[-1][0].identity
    await room.service.change("demo", change(replicas=2))
    await room.step()
    assert room.engine.sent[-1][0].replicas == 2
    assert room.engine.sent[-1][0].identity == before
    view = await room.get()
    assert (view.phase, view.reason, view.stale) == (
        "degraded",
        "1 of 2 replicas are ready.",
        False,
    )


async def test_other_changes_wait_for_a_restart_and_say_so(room: Room):
    await room.serve()
    await room.service.change("demo", change(arguments={"max_model_len": 256}))
    await room.step()
    assert (await room.get()).stale
    await room.service.restart("demo")
    await room.step()
    assert room.engine.sent[-1][0].arguments == ("--max-model-len=256",)
    assert not (await room.get()).stale


async def test_a_stopped_deployment_leaves_the_set_and_its_siblings_stay(room: Room):
    await room.serve("one")
    await room.serve("two")
    await room.service.stop("one")
    await room.step(2)
    assert [launch.name for launch in room.engine.sent[-1]] == ["two"]
    assert (await room.get("one")).phase == "stopped"
    assert (await room.get("two")).phase == "ready"


async def test_a_deleted_deployment_is_forgotten_once_nothing_of_it_runs(room: Room):
    await room.serve()
    accepted = await room.service.delete("demo")
    assert accepted.deployment.phase == "deleting"
    await room.step(3)
    assert (await room.service.views()) == []
    assert (await room.operations.get(accepted.operation.id)).status == "succeeded"


async def test_an_application_that_nobody_wants_is_removed(room: Room):
    await room.serve()
    stray = SeenApplication("stray", None, 1, False, False, "", ())
    room.engine.plant(stray)
    await room.step(2)
    assert list(room.engine.applications) == ["demo"]


async def test_a_crash_loop_backs_off_and_fails_after_five_tries_with_the_cause(room: Room):
    await room.create()
    waits: list[float] = []
    for attempt in range(1, 6):
        await room.step()
        replica = room.engine.place("demo", "STARTING")
        await room.report(replica, "failed", failure=FAILURE)
        await room.step()
        waiting = await room.get()
        if attempt < 5:
            assert waiting.phase == "queued"
            assert waiting.next_retry_at is not None
            waits.append((waiting.next_retry_at - room.clock.now()).total_seconds())
            assert room.engine.applications == {}
            await room.pass_time(waits[-1])
    assert waits == [10, 20, 40, 80]
    view = await room.get()
    assert view.phase == "failed"
    assert view.last_error is not None
    assert view.last_error.causes[0].evidence == "boom"
    assert [o.status for o in (await room.operations.list(10)).items] == ["failed"]


async def test_a_failure_that_a_retry_cannot_mend_is_shown_at_once_with_its_remedy(room: Room):
    await room.create()
    await room.step()
    failure = {
        "code": "kv_cache_too_small",
        "detail": "The context does not fit.",
        "evidence": "... the estimated maximum model length is 46592.",
        "suggestion": {"argument": "max_model_len", "value": 46592},
    }
    await room.report(room.engine.place("demo", "STARTING"), "failed", failure=failure)
    await room.step()
    view = await room.get()
    assert view.phase == "failed"
    assert view.last_error is not None
    remedy = view.last_error.remediation[0]
    assert remedy.label == "Set max_model_len to 46592 and retry"
    assert remedy.arguments == {"name": "max_model_len", "value": 46592}


async def test_ray_giving_up_without_a_report_is_a_failure_with_its_last_line(room: Room):
    await room.create()
    await room.step()
    room.engine.give_up("demo", "Traceback\n  ...\nModuleNotFoundError: No module named 'x'")
    await room.step()
    view = await room.get()
    assert view.last_error is not None
    assert view.last_error.detail == "ModuleNotFoundError: No module named 'x'"


async def test_the_first_crash_after_being_ready_is_left_to_ray_and_the_second_backs_off(
    room: Room,
):
    replica = await room.serve()
    await room.report(replica, "failed", failure=FAILURE)
    await room.step()
    assert "demo" in room.engine.applications
    assert (await room.get()).last_error is not None
    room.engine.lose("demo", replica)
    again = room.engine.place("demo")
    await room.report(again, "ready")
    await room.step()
    await room.report(again, "failed", failure=FAILURE)
    await room.step()
    assert (await room.get()).phase == "queued"
    assert room.engine.applications == {}


async def test_failures_are_forgotten_after_a_minute_of_being_ready(room: Room):
    replica = await room.serve()
    await room.report(replica, "failed", failure=FAILURE)
    await room.step()
    room.engine.lose("demo", replica)
    again = room.engine.place("demo")
    for _ in range(9):
        await room.report(again, "ready")
        await room.pass_time(8)
    assert (await room.get()).last_error is None


async def test_a_silent_replica_is_unreachable_and_not_green(room: Room):
    await room.serve()
    await room.pass_time(11)
    view = await room.get()
    assert view.phase == "unreachable"
    assert "has not reported for 11 s" in (view.reason or "")


async def test_a_replica_that_was_killed_is_noticed_when_ray_lists_it_no_more(room: Room):
    replica = await room.serve()
    room.engine.lose("demo", replica)
    await room.pass_time(4)
    view = await room.get()
    assert view.phase == "scheduling"
    assert view.last_error is not None
    assert view.last_error.code == "replica_lost"


async def test_a_restarted_control_plane_goes_on_where_it_was(room: Room):
    await room.create()
    await room.step()
    replica = room.engine.place("demo", "STARTING")
    await room.report(replica, "loading")
    await room.step()
    sent = len(room.engine.sent)
    again = await room.reopen()
    await again.step()
    await again.report(replica, "warming")
    await again.step()
    assert (await again.get()).phase == "warming"
    assert len(room.engine.sent) == sent
    await again.close()


async def test_after_a_restart_no_route_is_told_before_the_replicas_were_heard(room: Room):
    replica = await room.serve()
    again = await room.reopen()
    await again.step()
    assert again.service.routes() is None
    await again.report(replica, "ready")
    await again.step()
    routes = again.service.routes()
    assert routes is not None
    assert [endpoint.replica_id for endpoint in routes[0].endpoints] == [replica]
    await again.close()


async def test_after_a_restart_a_deployment_keeps_its_time_of_being_ready(room: Room):
    replica = await room.serve()
    since = (await room.get()).since
    room.clock.advance(3600)
    again = await room.reopen()
    await again.report(replica, "ready")
    await again.step()
    assert (await again.get()).since == since
    await again.close()


async def test_a_lost_ray_gets_the_whole_set_again(room: Room):
    await room.serve()
    room.engine.applications.clear()
    await room.step()
    assert [launch.name for launch in room.engine.sent[-1]] == ["demo"]


async def test_ray_not_answering_does_not_hide_a_replica_that_reports(room: Room):
    replica = await room.serve()
    room.engine.reachable = False
    await room.report(replica, "ready")
    await room.step()
    view = await room.get()
    assert view.phase == "ready"
    assert view.degradations == ["Ray does not answer: no answer"]


async def test_a_clock_that_jumps_an_hour_either_way_changes_no_phase(room: Room):
    replica = await room.serve()
    await room.create("other")
    await room.step()
    for jump in (3600, -7200):
        room.clock.jump_wall(jump)
        await room.report(replica, "ready")
        await room.step()
        assert (await room.get()).phase == "ready"
        assert (await room.get("other")).phase == "scheduling"


async def test_a_deployment_that_no_node_has_room_for_fails_with_the_reason(room: Room):
    await room.create()
    for _ in range(5):
        await room.step(2)
        await room.pass_time(601)
        await room.pass_time(300)
    view = await room.get()
    assert view.phase == "failed"
    assert view.last_error is not None
    assert view.last_error.title == "No node has room"


async def test_a_replica_that_hangs_beyond_its_own_deadline_is_given_up_on(room: Room):
    await room.create()
    await room.step()
    replica = room.engine.place("demo", "STARTING")
    await room.report(replica, "warming", idle_seconds=631.0)
    await room.step()
    view = await room.get()
    assert view.phase == "queued"
    assert view.last_error is not None
    assert view.last_error.code == "start_timeout"


async def test_of_two_control_planes_one_acts_until_it_is_silent(tmp_path: Path, room: Room):
    elsewhere = ProcessIdentity("another-host", 1, 1.0)
    other = await Room(tmp_path, room.engine, room.clock, elsewhere).open()
    assert not other.lease.is_mine
    await room.create()
    await other.step()
    assert room.engine.sent == []
    room.clock.advance(11)
    assert await other.lease.hold()
    await other.step()
    assert [launch.name for launch in room.engine.sent[-1]] == ["demo"]
    await room.step()
    assert len(room.engine.sent) == 1
    await other.close()


async def test_expected_times_come_from_earlier_starts(room: Room):
    await room.step()
    await room.create()
    await room.step()
    replica = room.engine.place("demo", "STARTING")
    timeline = [{"phase": "starting", "seconds": 3.0}, {"phase": "loading", "seconds": 5.0}]
    await room.report(replica, "ready", timeline=timeline)
    await room.step()
    await room.service.restart("demo")
    await room.step()
    await room.report(room.engine.place("demo", "STARTING"), "starting")
    await room.step()
    steps = {step.phase: step for step in (await room.get()).timeline}
    assert (steps["starting"].state, steps["starting"].expected_seconds) == ("running", 3.0)
    assert (steps["loading"].state, steps["loading"].expected_seconds) == ("expected", 5.0)


def change(**fields: object) -> DeploymentChange:
    return DeploymentChange.model_validate(fields)
