"""The life of one engine: started, proved, watched, drained, ended; told about all along."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vllm_manager_engine import command, failures, metrics, model_folder, read_ahead, report
from vllm_manager_engine.failures import deadlines
from vllm_manager_engine.failures.failure import EngineFailed, Failure
from vllm_manager_engine.failures.witness import Witness, asked
from vllm_manager_engine.health import Health, Patience
from vllm_manager_engine.histograms import Histograms
from vllm_manager_engine.log_lines import SUPERVISOR, LogRing, Output
from vllm_manager_engine.memory import Memory
from vllm_manager_engine.model_folder import Model
from vllm_manager_engine.phases import Course, is_listening
from vllm_manager_engine.probe import Engine, ProbeFailed
from vllm_manager_engine.process import EngineProcess, OnOutput, free_port
from vllm_manager_engine.processes import EngineProcesses
from vllm_manager_engine.redaction import forms_of, hidden, hide, secrets_of
from vllm_manager_engine.reporter import LINES_PER_REPORT, Reporter
from vllm_manager_engine.spec import Identity, ReplicaSpec, listen_host
from vllm_manager_engine.warm import client

log = logging.getLogger(__name__)

_PORT_TRIES = 5
_POLL_SECONDS = 0.025
_UNANNOUNCED_POLL_SECONDS = 1.0
_FIRST_TOKEN_SECONDS = 60.0
_DOUBT_SECONDS = 0.5
# The end of the whole engine tells more than the death of its core, where both happen together.
_LAST_WORDS_SECONDS = 1.0
_TERM_SECONDS = 5.0
_KILL_SECONDS = 6.0
_DEREGISTER_SECONDS = 0.3
_EVIDENCE_LINES = 400


class _EngineEnded(Exception):
    """The engine's process is gone before it was ready."""


class Supervisor:
    """Runs one engine for one replica. `start`, then `check` as often as wanted, then `stop`."""

    def __init__(
        self,
        spec: ReplicaSpec,
        identity: Identity,
        *,
        inherited: Mapping[str, str] | None = None,
        pick_port: Callable[[str], int] = free_port,
        patience: Patience | None = None,
        warmer: Path | None = None,
        prospect: client.Prospect = client.usual,
    ) -> None:
        """`warmer` is the socket of this node's warmer; None: every start is a cold one.

        `prospect` is asked how long it is worth waiting for where it is not there.
        """
        self.spec = spec
        self.identity = identity
        self.course = Course(time.monotonic())
        self.ring = LogRing()
        self.memory = Memory()
        self.failure: Failure | None = None
        self.engine: Engine | None = None
        self.process: EngineProcess | None = None
        self.how: str | None = None
        self.how_reason: str | None = None
        self._warmer = warmer
        self._prospect = prospect
        self._inherited = os.environ if inherited is None else inherited
        named = secrets_of(self._inherited, spec.environment)
        self._secrets = forms_of(identity.secret, *named, *spec.sealed)
        self._pick_port = pick_port
        self._patience = patience or Patience()
        self.figures: metrics.Figures | None = None
        self.histograms: Histograms = {}
        self._streams: dict[str, Output] = {}
        self._launch_line = 1
        self._announced = False
        self._doubt: str | None = None
        self._stirred = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._processes = EngineProcesses()
        self._witness: Witness | None = None
        self.reporter = Reporter(spec.report_url, self._report, self._report_interval)

    async def start(self) -> None:
        """Start the engine and return once it has generated a token.

        Raises:
            EngineFailed: it did not get that far; nothing of it is left running.
        """
        self.reporter.start()
        try:
            await self._start()
        except EngineFailed as error:
            await self._end(0)
            found = hidden(error.failure, self._secrets)
            self._fail("failed", found)
            await self.reporter.flush(3)
            raise EngineFailed(found) from None
        except BaseException:
            self.close()
            raise
        self._launch_line = self.ring.next  # what was said before explains no later death
        self._enter("ready")

    async def check(self) -> None:
        """Return if the engine is well. Answers from what the watch saw last, at once.

        Raises:
            EngineFailed: it is dead, or hangs.
        """
        if self.failure is not None:
            raise EngineFailed(self.failure)

    async def stop(self) -> None:
        """Let running requests finish (at most the specification's `drain_seconds`), then end."""
        if self._watching is not None:
            self._watching.cancel()
        self._enter("stopping")
        if self.failure is None and self.engine is not None and self.process is not None:
            await self._drain(self.engine, self.process)
        await self._end(_TERM_SECONDS)
        await self.reporter.flush(3)
        await self.reporter.stop()

    def close(self) -> None:
        """Drop everything at once, as when this process dies: the guard kills the engine."""
        if self._watching is not None:
            self._watching.cancel()
        if self.process is not None:
            self.process.close()

    # Starting

    async def _start(self) -> None:
        model = model_folder.locate(self.spec.model)
        known = command.missing(self.spec) or command.refusal(self.spec)
        if known is None and not self._is_fake_demo():
            known = model_folder.problem(model)
        if known is not None:
            raise EngineFailed(known)
        with read_ahead.reading(model.folder):
            await self._launch_until_proved(model)

    async def _launch_until_proved(self, model: Model) -> None:
        deadline = time.monotonic() + self.spec.start_deadline_seconds
        for tries_left in reversed(range(_PORT_TRIES)):
            try:
                await self._launch(model, deadline)
            except _EngineEnded:
                found = self._explained()
                if tries_left and failures.PORT_TAKEN.search(found.evidence or ""):
                    continue
                raise EngineFailed(found) from None
            return

    async def _launch(self, model: Model, deadline: float) -> None:
        self.course.restart(time.monotonic())
        self.memory = Memory()
        self._launch_line = self.ring.next
        self._announced = False
        self._forget()
        self._witness = Witness(asked(self.spec, model_folder.config(model)), model.folder)
        host = listen_host(self.spec, self.identity.node)
        port = self._pick_port(host)
        address = f"[{host}]" if ":" in host else host
        secret = self.identity.secret
        self.engine = Engine(f"http://{address}:{port}", secret, self.spec.deployment)
        self._streams = {name: self._output(name) for name in ("stdout", "stderr")}
        self.reporter.nudge()
        async with client.starting(self._warmer):
            self.process = await self._run(
                command.command(self.spec, model, host, port),
                command.environment(self.spec, model, self._inherited, secret),
            )
            await self._until_proved(self.engine, self.process, deadline)
        # Now, not in the task: whatever dies from here on is missed by the watch.
        health = Health(self.engine, self.process.engine_pid, self._patience)
        self._watching = asyncio.create_task(self._watch(health, self.process))

    async def _run(self, words: list[str], environment: dict[str, str]) -> EngineProcess:
        """Start the engine's process: warm where that can be had, else cold, with the reason."""

        def output(stream: str, data: bytes) -> None:
            self._streams[stream].feed(data, time.monotonic())

        wait = client.Wait(
            self._prospect,
            most_seconds=min(client.WAIT_SECONDS, self.spec.start_deadline_seconds / 2),
            quiet_seconds=min(client.QUIET_SECONDS, self.spec.idle_deadline_seconds / 2),
            tell=self._on_redraw,
        )
        try:
            process = await self._run_warm(words, environment, output, wait)
        except client.NotWarm as reason:
            self.how = "cold"
            self.how_reason = "; ".join(filter(None, (str(reason), wait.came_to())))
            log.info("A cold start: %s", self.how_reason)
            self.ring.add(SUPERVISOR, f"A cold start: {self.how_reason}", self.course.phase)
            return await EngineProcess.launch(words, environment, output)
        self.how, self.how_reason = "warm", wait.came_to()
        return process

    async def _run_warm(
        self, words: list[str], environment: dict[str, str], output: OnOutput, wait: client.Wait
    ) -> EngineProcess:
        if self._warmer is None:
            raise client.NotWarm("warm starts are switched off")
        return await client.launch(self._warmer, self.spec.engine, words, environment, output, wait)

    async def _until_proved(self, engine: Engine, process: EngineProcess, deadline: float) -> None:
        asked = time.monotonic()
        while not process.is_gone:
            now = time.monotonic()
            self._settle()
            if self._witness is not None:
                self._witness.follow(process.engine_pid)
            self._check_deadlines(now, deadline)
            if self._announced or now - asked > _UNANNOUNCED_POLL_SECONDS:
                asked = now
                if await engine.is_up(1.0) and await self._is_proved(engine, deadline):
                    return
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._stirred.wait()
        raise _EngineEnded

    async def _is_proved(self, engine: Engine, deadline: float) -> bool:
        self._enter("warming")
        try:
            await engine.prove(max(1.0, min(_FIRST_TOKEN_SECONDS, deadline - time.monotonic())))
        except ProbeFailed as error:
            self._doubt = str(error)
            await asyncio.sleep(_DOUBT_SECONDS)
            return False
        return True

    def _check_deadlines(self, now: float, deadline: float) -> None:
        idle = self.spec.idle_deadline_seconds
        lasted, still = self.spec.start_deadline_seconds, now - self.course.moved
        if now > deadline:
            found = deadlines.too_long(self.course, lasted, still, self._doubt)
        elif still > idle:
            found = deadlines.hung(self.course, idle, self._doubt, self._last_texts())
        else:
            return
        raise EngineFailed(found)

    def _explained(self, *, core_died: bool = False) -> Failure:
        """Return why the engine's process ended: by its exit, its last lines, and its machine."""
        ended = self.process.exit if self.process is not None else None
        for stream in self._streams.values():
            stream.close()
        exits = (ended.exit_code, ended.signal) if ended else (None, None)
        texts, weights = self._last_texts(), self.memory.weights_bytes
        if self._witness is None:
            return failures.explain(failures.read(*exits, texts))
        return self._witness.explain(exits, texts, self.course.phase, weights, core_died)

    def _last_texts(self) -> list[str]:
        return self.ring.last_texts(_EVIDENCE_LINES, self._launch_line)

    def _forget(self) -> None:
        if self._witness is not None:
            self._witness.close()
            self._witness = None

    def _is_fake_demo(self) -> bool:
        return self.spec.engine == "fake" and self.spec.model == model_folder.DEMO

    # Being ready

    async def _watch(self, health: Health, process: EngineProcess) -> None:
        while not await process.wait(self._patience.period):
            self._settle()
            found = await self._looked(health)
            self.figures, self.histograms = health.figures, health.histograms
            if found is None:
                self._recover()
            elif found.code == "engine_hung":
                self._fail("degraded", found)
            elif not await process.wait(_LAST_WORDS_SECONDS):
                found = self._explained(core_died=True)
                await self._end(0)
                return self._fail("failed", found)
        return self._fail("failed", self._explained())

    async def _looked(self, health: Health) -> Failure | None:
        try:
            return await health.look()
        except Exception as error:
            log.exception("Looking at the engine's health failed")
            return Failure(
                "engine_hung", "The engine gave an answer that makes no sense.", str(error)
            )

    def _recover(self) -> None:
        if self.failure is not None:
            self.failure = None
            self._enter("ready")

    # Ending

    async def _drain(self, engine: Engine, process: EngineProcess) -> None:
        deadline = time.monotonic() + self.spec.drain_seconds
        if await self.reporter.flush(1):
            # The gateway hears of it from the control plane a moment later.
            await process.wait(min(_DEREGISTER_SECONDS, self.spec.drain_seconds))
        while time.monotonic() < deadline and not process.is_gone:
            text = await engine.metrics(1.0)
            if text is not None and not metrics.is_busy(metrics.figures(text)):
                return
            await process.wait(_POLL_SECONDS)

    async def _end(self, term_seconds: float) -> None:
        """End the engine and everything that it started: politely for a while, then by force."""
        process = self.process
        if process is None:
            return
        if term_seconds and not process.is_gone:
            process.terminate()
            await process.wait(term_seconds)
        process.kill()
        await process.wait(_KILL_SECONDS)
        process.close()
        self._forget()

    # Telling

    def _output(self, stream: str) -> Output:
        return Output(lambda text: self._on_line(stream, text), self._on_redraw, self.ring.skip)

    def _settle(self) -> None:
        for stream in self._streams.values():
            stream.settle(time.monotonic())

    def _on_line(self, stream: str, text: str) -> None:
        text = hide(text, self._secrets)
        self.ring.add(stream, text, self.course.phase)
        self.reporter.has_lines(self.ring.next)
        self.memory.read(text)
        self._read(text)

    def _on_redraw(self, text: str) -> None:
        """Take in a line that may still be drawn over: it counts as progress, not as log."""
        self._read(hide(text, self._secrets))

    def _read(self, text: str) -> None:
        if self.course.read(text, time.monotonic()):
            self.reporter.nudge()
        if is_listening(text):
            self._announced = True
        self._stirred.set()

    def _enter(self, phase: str) -> None:
        if phase != self.course.phase:
            self.course.enter(phase, time.monotonic())
            self.reporter.nudge()

    def _fail(self, phase: str, failure: Failure) -> None:
        self.failure = failure = hidden(failure, self._secrets)
        self.ring.add(SUPERVISOR, f"{failure.code}: {failure.detail}", phase)
        self._enter(phase)
        self.reporter.nudge()

    def _report_interval(self) -> float:
        return 2.0 if self.course.phase == "ready" else 1.0

    def _report(self, sequence: int, log_from: int) -> dict[str, Any]:
        process, engine = self.process, self.engine
        engine_pid = process.engine_pid if process is not None else None
        is_there = process is not None and not process.is_gone
        return {
            **report.who(self.spec, self.identity),
            **report.where(self.course, self.failure, time.monotonic()),
            **report.lines(self.ring, log_from, LINES_PER_REPORT),
            "how": self.how,
            "how_reason": self.how_reason,
            "sequence": sequence,
            "supervisor_pid": os.getpid(),
            "engine_pid": engine_pid,
            "processes": self._processes.read(engine_pid if is_there else None),
            "endpoint": engine.endpoint if engine is not None else None,
            "max_model_len": engine.max_model_len if engine is not None else None,
            "metrics": self.figures,
            "histograms": {name: h.as_dict() for name, h in self.histograms.items()},
            "memory": self.memory.as_dict(),
        }
