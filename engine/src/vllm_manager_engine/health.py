"""Is a ready engine still at work? Deaths are seen at once, a silent hang within five seconds."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from vllm_manager_engine import engine_core, metrics
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.histograms import Histograms, WithoutProbes, histograms
from vllm_manager_engine.metrics import Figures
from vllm_manager_engine.probe import Engine, ProbeFailed

_CORE_DIED = Failure(
    "engine_exited",
    "The engine's computing process died while its server still answered. It is restarted; the "
    "last lines may say why.",
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine may take before it counts as hanging, in seconds.

    `probe` is for an idle engine and grows with how long its probes usually take. `busy` is for
    one with requests of which nothing moves at all: no token, no share of KV cache.
    """

    period: float = 1.5
    probe: float = 3.0
    probe_usual_factor: float = 10.0
    busy: float = 120.0


class Health:
    """Looks at one engine, once per call of `look`."""

    def __init__(
        self,
        engine: Engine,
        engine_pid: int | None,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._patience = patience
        self._clock = clock
        self._workers = frozenset[tuple[int, int]]()
        if engine_pid is not None:
            self._workers = engine_core.workers(engine_pid)
        self._sign: int | None = None
        self._moved = clock()
        self._usual: deque[float] = deque(maxlen=5)
        self.figures: Figures | None = None
        self.histograms: Histograms = {}
        self._without_probes = WithoutProbes()

    async def look(self) -> Failure | None:
        """Return what is wrong with the engine now, or None."""
        found = await self._look_at_server()
        # Last, since a core that dies meanwhile first shows as a hang.
        return found if engine_core.all_alive(self._workers) else _CORE_DIED

    async def _look_at_server(self) -> Failure | None:
        if not engine_core.all_alive(self._workers):
            return _CORE_DIED
        text = await self._engine.metrics(self.probe_seconds)
        if text is None:
            return self._silent_verdict()
        self.figures = metrics.without(metrics.figures(text), self._engine.probed)
        self.histograms = self._without_probes.take(histograms(text), self._engine.probes)
        sign = metrics.life_sign(text)
        if sign != self._sign:
            self._sign, self._moved = sign, self._clock()
        if metrics.is_busy(self.figures):
            return self._busy_verdict()
        return await self._probe()

    def _silent_verdict(self) -> Failure | None:
        """No metrics came: a server full of requests may be slow, an idle one may not."""
        was_busy = self.figures is not None and metrics.is_busy(self.figures)
        if was_busy and self._clock() - self._moved <= self._patience.busy:
            return None
        return Failure(
            "engine_hung",
            "The engine's process lives, but its server does not answer. It is restarted.",
            evidence=f"/metrics: no answer within {self.probe_seconds:g} s",
        )

    def _busy_verdict(self) -> Failure | None:
        still = self._clock() - self._moved
        if still <= self._patience.busy:
            return None
        return Failure(
            "engine_hung",
            f"The engine has requests, but for {still:.0f} s not one token was read or written. "
            "It is restarted.",
        )

    async def _probe(self) -> Failure | None:
        began = self._clock()
        try:
            await self._engine.prove(self.probe_seconds)
        except ProbeFailed as error:
            return Failure(
                "engine_hung",
                "The engine's port is open, but it does not generate a token. It is restarted.",
                evidence=str(error),
            )
        self._usual.append(self._clock() - began)
        return None

    @property
    def probe_seconds(self) -> float:
        """How long a probe may take: longer where the last ones were slow, too."""
        usual = max(self._usual, default=0.0) * self._patience.probe_usual_factor
        return min(max(self._patience.probe, usual), self._patience.busy)
