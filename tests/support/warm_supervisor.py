"""A supervisor with a warm fake engine, as a process of its own: to be killed by a test."""

import asyncio

from support.engines import ENVIRONMENT, QUICK, family, replica_spec
from support.warmth import warmer
from vllm_manager_engine.spec import Identity
from vllm_manager_engine.supervisor import Supervisor


async def main() -> None:
    async with warmer() as running:
        identity = Identity("replica-1")
        supervisor = Supervisor(
            replica_spec(), identity, inherited=ENVIRONMENT, patience=QUICK, warmer=running.place
        )
        await supervisor.start()
        assert supervisor.how == "warm", supervisor.how_reason
        print(*family(supervisor), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
