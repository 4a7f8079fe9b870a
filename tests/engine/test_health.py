"""How often an engine is asked for a token, and whose tokens are counted."""

from fakes.clock import FakeClock
from support.engines import supervised
from vllm_manager_engine.health import Health, Patience
from vllm_manager_engine.probe import Engine
from vllm_manager_engine.supervisor import Supervisor

# The supervisor's own watch is put to rest, so that only the health under test asks.
AT_REST = Patience(period=3600)


def health_of(supervisor: Supervisor, clock: FakeClock) -> tuple[Health, Engine]:
    assert supervisor.engine is not None
    assert supervisor.process is not None
    engine = Engine(supervisor.engine.endpoint, supervisor.identity.secret, "demo")
    return Health(engine, supervisor.process.engine_pid, Patience(), clock.monotonic), engine


async def test_an_engine_in_use_is_probed_at_every_look_and_one_at_rest_now_and_then() -> None:
    clock = FakeClock()
    async with supervised(patience=AT_REST) as supervisor:
        await supervisor.start()
        health, engine = health_of(supervisor, clock)
        probes: list[int] = []
        for seconds in (1.5, 1.5, 60, 1.5, 12, 1.5):
            before = engine.probed["generation_tokens_total"]
            assert await health.look() is None
            probes.append(engine.probed["generation_tokens_total"] - before)
            clock.advance(seconds)
        assert probes == [1, 1, 1, 1, 0, 0]
        assert await health.look() is None
        assert engine.probed["generation_tokens_total"] == 5


async def test_figures_hold_the_tokens_of_clients_and_not_of_probes() -> None:
    clock = FakeClock()
    async with supervised(patience=AT_REST) as supervisor:
        await supervisor.start()
        health, engine = health_of(supervisor, clock)
        await health.look()
        first = dict(health.figures or {})
        await health.look()
        assert health.figures == first
        other = Engine(engine.endpoint, supervisor.identity.secret, "demo")
        await other.prove(5)
        await health.look()
        assert health.figures is not None
        assert health.figures["generation_tokens_total"] == (
            (first["generation_tokens_total"] or 0) + 1
        )
