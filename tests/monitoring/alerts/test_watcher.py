"""What is written down when something begins, goes on and ends."""

from monitoring.alerts.room import OPERATOR, Room, disk
from vllm_manager.monitoring.alerts.schemas import Acknowledgement, Alert, SilenceRequest


async def on(room: Room) -> list[Alert]:
    return (await room.alerts.page(OPERATOR, "active", None, 100)).items


async def test_an_alert_begins_once_goes_on_and_ends(room: Room) -> None:
    await room.look(disks=disk(8))
    assert await on(room) == []  # it has not held long enough
    await room.look(30, disks=disk(8))
    [alert] = await on(room)
    assert (alert.rule, alert.severity, alert.subject) == ("disk_low", "warning", "/srv/models")
    await room.look(5, disks=disk(8))
    assert [a.id for a in await on(room)] == [alert.id]
    await room.look(5, disks=disk(50))
    await room.look(31, disks=disk(50))
    assert await on(room) == []
    [over] = (await room.alerts.page(OPERATOR, "resolved", None, 100)).items
    assert over.id == alert.id
    assert over.resolved_at == room.clock.now()


async def test_numbers_are_written_anew_once_a_minute_and_worse_at_once(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    await room.look(5, disks=disk(7))
    assert "8.0 of" in (await on(room))[0].detail
    await room.look(60, disks=disk(7))
    assert "7.0 of" in (await on(room))[0].detail
    await room.look(5, disks=disk(1))
    [alert] = await on(room)
    assert (alert.severity, "1.0 of" in alert.detail) == ("critical", True)


async def test_a_restart_begins_nothing_anew_and_ends_nothing(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    [alert] = await on(room)
    room.restart()
    assert not (await on(room))[0].is_known
    await room.look()  # nothing can be read yet
    await room.look(600)
    assert not (await on(room))[0].is_known
    await room.look(5, disks=disk(8))
    [same] = await on(room)
    assert (same.id, same.is_known) == (alert.id, True)


async def test_who_does_not_act_writes_nothing(room: Room) -> None:
    room.is_acting = False
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    room.is_acting = True
    await room.look(1, disks=disk(8))
    assert await on(room) == []  # it has only begun to look


async def test_what_was_not_looked_at_for_long_is_not_known(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    assert (await on(room))[0].is_known
    room.clock.advance(31)
    assert not (await on(room))[0].is_known


async def test_somebody_sees_to_it(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    [alert] = await on(room)
    told = room.told
    said = Acknowledgement(note="A new disk comes on Monday.")
    seen = await room.alerts.acknowledge(alert.id, OPERATOR, said)
    assert (seen.acknowledged_by, seen.note) == ("ada", "A new disk comes on Monday.")
    assert room.told == told + 1


async def test_a_silence_is_shown_with_what_it_covers(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    asked = SilenceRequest(rule="disk_low", seconds=3600, reason="It is being enlarged.")
    silence = await room.alerts.silence(OPERATOR, asked)
    assert (await on(room))[0].silenced_until == silence.ends_at
    await room.alerts.end_silence(silence.id)
    assert (await on(room))[0].silenced_until is None


async def test_a_silence_of_another_subject_covers_nothing(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    asked = SilenceRequest(subject="/elsewhere", seconds=3600, reason="It is being enlarged.")
    await room.alerts.silence(OPERATOR, asked)
    assert (await on(room))[0].silenced_until is None


async def test_a_silence_ends_by_itself_and_old_alerts_are_forgotten(room: Room) -> None:
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))
    asked = SilenceRequest(seconds=60, reason="Maintenance.")
    await room.alerts.silence(OPERATOR, asked)
    await room.look(61, disks=disk(50))
    await room.look(31, disks=disk(50))
    assert (await room.alerts.silences()).items == []
    room.clock.advance(91 * 86_400)
    await room.alerts.forget_old()
    assert (await room.alerts.page(OPERATOR, "all", None, 100)).items == []
