"""What this process knows now: the last observation, the reports, the watches and the views."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson

from vllm_manager.deployments.models import needs_folder
from vllm_manager.deployments.naming import adapters_of
from vllm_manager.deployments.observed import Fetch, Identity, Observation
from vllm_manager.deployments.plan import Policy
from vllm_manager.deployments.queueing import Queueing
from vllm_manager.deployments.reached import Route, RouteEndpoint
from vllm_manager.deployments.reports import ReportBoard
from vllm_manager.deployments.schemas import Deployment, DeploymentSpec, Replica
from vllm_manager.deployments.starts import StartCounts
from vllm_manager.deployments.states import Assessment, Wanted, assess
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.deployments.views import (
    History,
    Moment,
    deployment_view,
    desired_of,
    replica_views,
)
from vllm_manager.deployments.watch import Watch
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import ProblemDetails
from vllm_manager.kit.topics import Hub

TOPIC = "deployments"
_ASKED = Fetch(state="asked")
_AS_USUAL = Queueing()


class Memory:
    """Derives every view from rows, observation and reports, and publishes those that changed."""

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        policy: Policy,
        silence_seconds: float,
        queueing: Queueing = _AS_USUAL,
    ) -> None:
        self.board = ReportBoard(clock)
        self.history = History()
        self.starts = StartCounts()
        self.observation = Observation(reachable=False, error="It was not asked yet.")
        self.policy = policy
        self.silence_seconds = silence_seconds
        self._queueing = queueing
        self.watches: dict[str, Watch] = {}
        self.rows: dict[str, DeploymentRow] = {}
        self.fetches: dict[str, Fetch] = {}
        """How far the files are that rows wait for, by uid, as last looked at."""
        self.lost_gpus: Mapping[str, tuple[str, ...]] = {}
        """What to say of GPUs that are gone, by the name of the deployment that was given them."""
        self.newest_configs: Mapping[str, int] = {}
        self._hub = hub
        self._clock = clock
        self._born = clock.monotonic()
        self._settled = False
        self._views: dict[str, tuple[int, bytes]] = {}
        self._resting: dict[str, tuple[int, Assessment, int | None]] = {}
        self._routes: dict[str, Route] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_route_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever what the gateway needs to know has changed."""
        self._listeners.append(listener)

    def moment(self) -> Moment:
        return Moment(self._clock.monotonic(), self._clock.now())

    def is_settled(self) -> bool:
        """Whether enough was heard since the start of this process to judge what it sees.

        Every replica that Ray says is running has reported, or had the time to.
        """
        if not self._settled:
            waited = self._clock.monotonic() - self._born >= self.silence_seconds
            self._settled = waited or (self.observation.reachable and self._all_reported())
        return self._settled

    def _all_reported(self) -> bool:
        told = {r.replica_id for row in self.rows.values() for r in self.board.of(row.uid)}
        return all(
            replica.replica_id in told
            for name, app in self.observation.applications.items()
            if app.identity is not None and any(row.name == name for row in self.rows.values())
            for replica in app.replicas
            if replica.state == "RUNNING"
        )

    def watch_of(self, row: DeploymentRow) -> Watch:
        """Return the row's watch, begun anew where its launch is a new one."""
        moment = self.moment()
        identity = identity_of(row)
        watch = self.watches.get(row.uid)
        if watch is None:
            watch = Watch(identity, "queued", moment.now, moment.at, began=moment.now)
            self.watches[row.uid] = watch
        elif watch.identity != identity:
            watch.renew(identity, moment.now)
        return watch

    def wanted(self, row: DeploymentRow) -> Wanted:
        """Return what is wanted of a row, with the time that is left until its next try."""
        watch = self.watch_of(row)
        if row.backing_off and watch.retry_at is None:
            wait = self.policy.back_off_seconds(row.failures)
            watch.retry_at = self._clock.monotonic() + wait
        left = None if watch.retry_at is None else watch.retry_at - self._clock.monotonic()
        error = ProblemDetails.model_validate(row.last_error).detail if row.last_error else None
        return Wanted(
            name=row.name,
            identity=identity_of(row),
            desired=desired_of(row),
            replicas=row.spec["replicas"],
            failures=row.failures,
            given_up=row.given_up,
            backing_off=row.backing_off,
            retry_in_seconds=left if row.backing_off else None,
            error=error,
            fetch=self.fetches.get(row.uid, _ASKED) if self.waits_for_files(row) else None,
            lost_gpus=self.lost_gpus.get(row.name, ()),
        )

    def waits_for_files(self, row: DeploymentRow) -> bool:
        """Whether a row is to run, and it is not known yet where its model's files are."""
        applied = row.applied or {}
        if row.desired != "running" or row.given_up or row.backing_off or not applied:
            return False
        return "folder" not in applied and needs_folder(applied["spec"]["model"])

    def assess(self, row: DeploymentRow) -> Assessment:
        """Say which phase a row is in now."""
        resumed = not self.watch_of(row).from_start
        if resumed and not self.is_settled() and row.desired == "running" and not row.given_up:
            reason = "The control plane has just started and waits for the replicas' reports."
            return Assessment("unreachable", reason)
        reports = self.board.of(row.uid)
        now = self._clock.monotonic()
        return assess(self.wanted(row), self.observation, reports, now, self.silence_seconds)

    def heard(self, uid: str) -> frozenset[str]:
        """Return the lives of a deployment's replicas that have reported within the silence."""
        now = self._clock.monotonic()
        return frozenset(
            report.incarnation
            for report in self.board.of(uid)
            if now - report.received <= self.silence_seconds
        )

    def refresh(self, row: DeploymentRow, assessment: Assessment | None = None) -> Deployment:
        """Derive a row's view anew, publish it if it changed, and return it.

        Whoever read the row before the newest write is given the view of the newest.
        """
        known = self.rows.setdefault(row.uid, row)
        if known.version > row.version:
            row, assessment = known, None
        self.rows[row.uid] = row
        assessment = assessment or self.assess(row)
        watch = self.watch_of(row)
        view = deployment_view(
            row,
            watch,
            assessment,
            self.history,
            self.policy,
            self.moment(),
            self.newest_configs,
        )
        data = orjson.dumps(view.model_dump(mode="json"))
        if self._views.get(row.uid, (0, b""))[1] != data:
            self._hub.publish(TOPIC, "deployment", orjson.loads(data))
        self._views[row.uid] = (row.version, data)
        self._route(row, assessment)
        return view

    def renew(self, row: DeploymentRow) -> None:
        """Derive a row's view anew unless it would be the same: most rows rest most of the time."""
        assessment = self.assess(row)
        resting = assessment.lead is None and assessment.phase in ("stopped", "failed")
        shown = (row.version, assessment, self._newest_config(row))
        if not resting or self._resting.get(row.uid) != shown:
            self.refresh(row, assessment)
        if resting:
            self._resting[row.uid] = shown

    def _newest_config(self, row: DeploymentRow) -> int | None:
        config = row.spec.get("config")
        return self.newest_configs.get(config["name"]) if config else None

    def cached(self, uid: str, version: int) -> bytes | None:
        """Return the JSON of the newest view, unless it is of an older version of the row."""
        seen_version, data = self._views.get(uid, (-1, b""))
        return data if seen_version >= version else None

    def forget(self, row: DeploymentRow) -> None:
        """Drop a deleted row."""
        for held in (self.rows, self.watches, self._views, self._resting, self.fetches):
            held.pop(row.uid, None)
        self.board.forget([r.incarnation for r in self.board.of(row.uid)])
        if self._routes.pop(row.name, None) is not None:
            self._changed()
        self._hub.publish(TOPIC, "deployment_deleted", {"name": row.name})

    def routes(self) -> Sequence[Route] | None:
        """Return every route, or None while too little was heard to say."""
        return list(self._routes.values()) if self.is_settled() else None

    def rows_and_routes(self) -> Sequence[tuple[DeploymentRow, Route]]:
        """Return every row with its route, true or not yet settled."""
        known = ((row, self._routes.get(row.name)) for row in self.rows.values())
        return [(row, route) for row, route in known if route is not None]

    def replicas(self, row: DeploymentRow) -> list[Replica]:
        """Return a row's replicas."""
        return replica_views(
            row.name, self.observation, self.board.of(row.uid), self.moment(), self.silence_seconds
        )

    def load(self, rows: Iterable[DeploymentRow]) -> list[DeploymentRow]:
        """Take in what the database holds; return the rows that are no longer in it."""
        loaded = {row.uid: row for row in rows}
        gone = [row for uid, row in self.rows.items() if uid not in loaded]
        self.rows = loaded
        return gone

    def _route(self, row: DeploymentRow, assessment: Assessment) -> None:
        spec = DeploymentSpec.model_validate(row.spec)
        route = Route(
            deployment=row.name,
            created=int(row.created_at.timestamp()),
            phase=assessment.phase,
            reason=assessment.reason,
            retry_after_seconds=5,
            max_concurrent_requests=spec.max_concurrent_requests,
            max_queued_requests=self._queueing.most(spec.max_queued_requests),
            queue_wait_seconds=self._queueing.seconds(spec.queue_wait_seconds),
            max_model_len=max((r.max_model_len or 0 for r in assessment.ready), default=0) or None,
            adapters=adapters_of((row.applied or {}).get("spec", {})),
            endpoints=[
                RouteEndpoint(replica_id=r.replica_id, url=r.endpoint, secret=r.secret)
                for r in assessment.ready
                if r.endpoint and r.secret
            ],
        )
        if self._routes.get(row.name) != route:
            self._routes[row.name] = route
            self._changed()

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()


def identity_of(row: DeploymentRow) -> Identity:
    """Return the identity of a row's present launch."""
    return Identity(row.uid, row.generation, row.attempt)
