"""Whose tokens are counted."""

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
