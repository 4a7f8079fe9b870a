"""What goes to whom: tokens to the hub alone, and nothing to addresses inside the network."""

from pathlib import Path

import psutil

from downloads.room import Room, downloads_in
from support.hub import Fault, Hub, declare, large, ready_made, weights

TOKEN = "hf_canary_0123456789abcdef"  # noqa: S105 - of no use anywhere


def gated() -> Hub:
    """Return a hub with a gated model, whose files come from another host."""
    hub = Hub(ready_made())
    files = {"config.json": "{}", "model.safetensors": weights(4 << 20)}
    hub.add(declare("acme/closed", files, gated="manual"))
    hub.admit(TOKEN, "ada", "acme/closed")
    return hub


async def test_a_token_opens_a_gated_model_and_goes_to_the_hub_alone(tmp_path: Path) -> None:
    with gated() as hub:
        hub.network = f"http://localhost:{hub.port}"
        async with downloads_in(tmp_path, hub, hub_hosts=f"localhost:{hub.port}") as room:
            room.listing.token = TOKEN
            await room.wait_for(await room.pull("acme/closed"), "succeeded")
    told = {bool(request.headers.get("authorization")) for request in hub.asked("/resolve/")}
    led = {bool(request.headers.get("authorization")) for request in hub.asked("/cdn/")}
    assert (told, led) == ({True}, {False})


async def test_a_token_is_in_no_argument_variable_or_file(tmp_path: Path) -> None:
    with gated() as hub:
        hub.faults.add(Fault("*/cdn/*", stall_after_bytes=1 << 20))
        async with downloads_in(tmp_path, hub) as room:
            room.listing.token = TOKEN
            asked = await room.pull("acme/closed")
            await room.wait_for(asked, lambda d: d.bytes_done >= 1 << 20)
            process = psutil.Process(room.downloads.link.pid)
            assert TOKEN not in " ".join([*process.cmdline(), *process.environ().values()])
            files = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert len(files) > 3
            assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


async def test_without_a_token_a_gated_model_says_what_to_do(tmp_path: Path) -> None:
    with gated() as hub:
        async with downloads_in(tmp_path, hub) as room:
            failed = await room.wait_for(await room.pull("acme/closed"), "failed")
    assert failed.error is not None
    assert failed.error.code == "hub_gated"
    assert any("token set" in remedy.label for remedy in failed.error.remediation)


async def test_a_redirect_to_an_address_inside_the_network_is_refused(room: Room) -> None:
    with Hub() as inside:
        room.hub.add(large(1 << 20))
        room.hub.faults.add(Fault("*/resolve/*", redirect_to=f"{inside.url}/secret"))
        failed = await room.wait_for(await room.pull("acme/large"), "failed")
        assert inside.requests == []
    assert failed.error is not None
    assert failed.error.code == "hub_address_refused"


async def test_redirects_without_end_are_refused(room: Room) -> None:
    room.hub.add(large(1 << 20))
    room.hub.faults.add(Fault("*/resolve/*", redirect_to="/acme/large/resolve/again"))
    failed = await room.wait_for(await room.pull("acme/large"), "failed")
    assert failed.error is not None
    assert failed.error.code == "hub_redirects"


async def test_a_retry_lists_anew_what_is_no_longer_there(room: Room) -> None:
    repository = declare("acme/moves", {"config.json": "{}", "model.safetensors": weights(1 << 20)})
    room.hub.add(repository)
    fault = room.hub.faults.add(Fault("*/resolve/*", status=404, error_code="EntryNotFound"))
    asked = await room.pull("acme/moves")
    failed = await room.wait_for(asked, "failed")
    assert failed.error is not None
    assert failed.error.code == "hub_file_not_found"
    new = repository.commit({"config.json": "{}", "model.safetensors": weights(1 << 20, 9)})
    room.hub.faults.remove(fault)
    await room.downloads.service.act(asked.id, "retry")
    done = await room.wait_for(asked, "succeeded")
    assert done.commit == new
