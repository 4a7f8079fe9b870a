"""A supervisor starts its engine, proves it, watches it, and ends it."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from support.engines import (
    Patience,
    core_of,
    family,
    is_alive,
    model_folder,
    report_sink,
    supervised,
    until,
)
from vllm_manager_engine.http_client import HttpError, request
from vllm_manager_engine.process import free_port
from vllm_manager_engine.supervisor import EngineFailed, Supervisor

pytestmark = pytest.mark.integration


async def failure_of(supervisor: Supervisor) -> EngineFailed:
    with pytest.raises(EngineFailed) as caught:
        await supervisor.start()
    return caught.value


async def chat(supervisor: Supervisor, **more: object) -> int:
    assert supervisor.engine is not None
    answer = await request(
        "POST",
        f"{supervisor.engine.endpoint}/v1/chat/completions",
        headers={"x-engine-secret": supervisor.identity.secret},
        body={"model": "demo", "messages": [{"role": "user", "content": "Hello"}], **more},
        timeout_seconds=20,
    )
    return answer.status


async def test_ready_means_that_a_token_was_generated() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        assert supervisor.engine is not None
        text = await supervisor.engine.metrics(5)
        assert text is not None
        assert "vllm:generation_tokens_total" in text
        assert 'vllm:request_success_total{engine="0",model_name="demo"} 0.0' not in text


async def test_what_proved_itself_says_how_long_its_context_is() -> None:
    async with supervised() as supervisor:
        await supervisor.start()
        assert supervisor.engine is not None
        assert supervisor.engine.max_model_len == 131_072


async def test_an_engine_that_answers_but_generates_nothing_is_never_ready() -> None:
    async with supervised(fake={"hang": "generation"}, start_deadline_seconds=2) as supervisor:
        error = await failure_of(supervisor)
        assert error.failure.code == "start_timeout"


async def test_an_embedding_model_is_proved_by_an_embedding() -> None:
    async with supervised(fake={"pooling": True}) as supervisor:
        await supervisor.start()
        await supervisor.check()


async def test_the_phases_are_told_in_order() -> None:
    phases = ("starting", "fetching", "loading", "compiling", "warming")
    slow = {f"{phase}_seconds": 0.2 for phase in phases}
    async with report_sink() as sink, supervised(fake=slow, report_url=sink.url) as supervisor:
        await supervisor.start()
        await until(lambda: sink.last.get("phase") == "ready")
        assert [step["phase"] for step in sink.last["timeline"]] == list(phases)


async def test_an_engine_out_of_memory_fails_with_cause_and_proof() -> None:
    async with (
        report_sink() as sink,
        supervised(fake={"out_of_memory": True}, report_url=sink.url) as supervisor,
    ):
        error = await failure_of(supervisor)
        assert error.failure.code == "weights_too_large"
        assert "2.50 GiB" in str(error)
        assert sink.last["phase"] == "failed"
        assert sink.last["failure"]["exit_code"] == 1


async def test_a_cache_too_small_offers_the_length_that_fits() -> None:
    async with supervised(fake={"kv_cache_too_small": True}) as supervisor:
        error = await failure_of(supervisor)
        assert error.failure.suggestion == {"argument": "max_model_len", "value": 42672}


async def test_an_unknown_crash_shows_its_last_words() -> None:
    told = {"crash_in": "warming", "stderr": "KeyError: 'moon'", "exit_code": 3}
    async with supervised(fake=told) as supervisor:
        failure = (await failure_of(supervisor)).failure
        assert (failure.code, failure.evidence) == ("engine_exited", "KeyError: 'moon'")
        assert failure.exit_code == 3


async def test_the_last_words_survive_a_flood_of_others() -> None:
    told = {"log_flood_lines": 50_000, "kv_cache_too_small": True}
    async with supervised(fake=told) as supervisor:
        assert (await failure_of(supervisor)).failure.code == "kv_cache_too_small"


async def test_no_progress_for_too_long_ends_the_start() -> None:
    async with supervised(fake={"stuck_in": "loading"}, idle_deadline_seconds=1) as supervisor:
        failure = (await failure_of(supervisor)).failure
        assert failure.code == "start_hung"
        assert "was loading without a sign of progress" in failure.detail


async def test_a_folder_that_is_not_there_is_said_before_anything_starts() -> None:
    async with supervised(model="/no/such/folder") as supervisor:
        assert (await failure_of(supervisor)).failure.code == "model_not_found"
        assert supervisor.process is None


async def test_pickled_weights_are_refused_before_anything_starts(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", "config.json", "pytorch_model.bin")
    async with supervised(model=str(folder)) as supervisor:
        failure = (await failure_of(supervisor)).failure
        assert (failure.code, failure.evidence) == ("unsupported_model", "pytorch_model.bin")


async def test_reserved_arguments_are_refused_before_anything_starts() -> None:
    async with supervised(arguments=["--trust-remote"]) as supervisor:
        assert (await failure_of(supervisor)).failure.code == "bad_argument"


async def test_a_dead_engine_is_unhealthy_at_once() -> None:
    async with supervised(patience=Patience()) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        os.kill(supervisor.process.engine_pid or 0, signal.SIGKILL)
        await until(lambda: supervisor.failure is not None, timeout_seconds=2)
        with pytest.raises(EngineFailed, match="signal 9"):
            await supervisor.check()


async def test_a_dead_engine_core_ends_the_whole_engine() -> None:
    async with supervised(fake={"ignore_core_death": True}) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        members = family(supervisor)
        os.kill(core_of(supervisor.process.engine_pid), signal.SIGKILL)
        failed = await until(lambda: supervisor.failure)
        assert failed.code == "core_killed"
        await until(lambda: not any(map(is_alive, members)))


async def test_a_hang_that_passes_is_forgiven() -> None:
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        os.kill(supervisor.process.engine_pid or 0, signal.SIGUSR1)
        await until(lambda: sink.last["phase"] == "degraded")
        os.kill(supervisor.process.engine_pid or 0, signal.SIGUSR1)
        await until(lambda: sink.last["phase"] == "ready")
        await supervisor.check()


async def test_an_engine_busy_with_tokens_is_healthy() -> None:
    slow = {"tokens": 60, "tokens_per_second": 30}
    async with supervised(fake=slow, patience=Patience(0.1, 0.5, 10, 30)) as supervisor:
        await supervisor.start()
        assert await chat(supervisor) == 200
        await supervisor.check()


async def test_a_busy_engine_of_which_nothing_moves_is_found_out() -> None:
    async with supervised(fake={"first_token_seconds": 0.01}) as supervisor:
        await supervisor.start()
        assert supervisor.process is not None
        os.kill(supervisor.process.engine_pid or 0, signal.SIGUSR1)
        asking = asyncio.create_task(chat(supervisor))
        failure = await until(lambda: supervisor.failure)
        assert failure.code == "engine_hung"
        asking.cancel()


async def test_stopping_lets_running_requests_finish() -> None:
    slow = {"tokens": 20, "tokens_per_second": 20}
    async with supervised(fake=slow, drain_seconds=20) as supervisor:
        await supervisor.start()
        asking = asyncio.create_task(chat(supervisor))
        await until(lambda: (supervisor.figures or {}).get("requests_running") == 1)
        await supervisor.stop()
        assert await asking == 200


async def test_stopping_waits_no_longer_than_it_may() -> None:
    async with supervised(fake={"tokens_per_second": 0.1}, drain_seconds=0.5) as supervisor:
        await supervisor.start()
        members = family(supervisor)
        asking = asyncio.create_task(chat(supervisor))
        await until(lambda: (supervisor.figures or {}).get("requests_running") == 1)
        await supervisor.stop()
        assert not any(map(is_alive, members))
        with pytest.raises(HttpError):
            await asking


async def test_a_start_that_is_cancelled_leaves_nothing_behind() -> None:
    async with supervised(fake={"stuck_in": "loading"}) as supervisor:
        starting = asyncio.create_task(supervisor.start())
        await until(lambda: supervisor.course.phase == "loading")
        members = family(supervisor)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await until(lambda: not any(map(is_alive, members)))


async def test_an_engine_that_ignores_the_request_to_end_is_killed() -> None:
    async with supervised(fake={"ignore_term": True}) as supervisor:
        await supervisor.start()
        members = family(supervisor)
        await supervisor.stop()
        assert not any(map(is_alive, members))


async def test_stopping_is_reported_before_the_engine_ends() -> None:
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        await supervisor.stop()
        assert sink.phases[-1] == "stopping"


async def test_a_taken_port_is_given_up_for_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1]])
        async with supervised(pick_port=lambda host: next(ports, None) or free_port(host)) as s:
            await s.start()
            assert s.engine is not None
            assert not s.engine.endpoint.endswith(f":{taken.getsockname()[1]}")


async def test_ports_that_are_always_taken_end_in_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with supervised(pick_port=lambda _: taken.getsockname()[1]) as supervisor:
            failure = (await failure_of(supervisor)).failure
            assert failure.evidence == "OSError: [Errno 98] Address already in use"
