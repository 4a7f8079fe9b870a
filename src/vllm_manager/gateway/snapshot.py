"""The snapshot as the control plane writes it: keys, sessions and models with their endpoints."""

from collections.abc import Mapping

import msgspec

# Phases in which no engine should be answering: endpoints are not carried over into them.
_AT_REST = frozenset({"stopped", "stopping", "failed", "deleting"})


class Key(msgspec.Struct, frozen=True):
    """A bearer key, filed under the SHA-256 of its text."""

    id: str
    user: str
    name: str = ""
    expires_at: float | None = None
    models: list[str] | None = None
    """The models it may use; None means all."""
    addresses: list[str] | None = None
    """The networks it may come from; None means any."""
    team: str | None = None
    """The team whose use it counts as."""
    kind: str = "person"
    """Whose it is: a person's, or a service account's (`service`)."""
    priority: str = "normal"
    """See `priorities`."""
    account: str | None = None
    """The key whose limits it uses up too: the first that was rotated to it. None: its own."""


class Session(msgspec.Struct, frozen=True):
    """A browser's session, filed under the SHA-256 of its cookie."""

    id: str
    user: str
    csrf: str
    expires_at: float | None = None
    role: str = ""
    team: str | None = None


class Limits(msgspec.Struct, frozen=True):
    """What a subject may use at most; None: as much as it likes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None


class Used(msgspec.Struct, frozen=True):
    """What the control plane has counted of a subject's quotas."""

    day: str
    """The day in UTC that "today" is, as RFC 3339."""
    tokens_today: int
    tokens_this_month: int


class EndpointEntry(msgspec.Struct, frozen=True):
    """A replica that can answer."""

    replica_id: str
    url: str
    secret: str = ""


class ModelEntry(msgspec.Struct, frozen=True):
    """A deployment, under the model name that callers use."""

    deployment: str
    created: int = 0
    phase: str = "stopped"
    reason: str | None = None
    retry_after_seconds: float | None = None
    max_concurrent_requests: int | None = None
    max_queued_requests: int = 0
    """How many may wait for a slot where that many are under way."""
    queue_wait_seconds: float = 30.0
    max_model_len: int | None = None
    """Tokens that a prompt and its answer may have together; None: not known."""
    endpoints: list[EndpointEntry] = []
    adapters: list[str] = []
    """Further names that its engines answer to: LoRA modules that they have loaded."""

    @property
    def is_at_rest(self) -> bool:
        """True where waiting alone won't make it ready."""
        return self.phase in _AT_REST


class Snapshot(msgspec.Struct, frozen=True):
    """All that a gateway needs to know, at one moment."""

    version: int = 0
    epoch: str = ""
    keys: dict[str, Key] = {}
    sessions: dict[str, Session] = {}
    models: dict[str, ModelEntry] = {}
    limits: dict[str, Limits] = {}
    """By subject: `installation`, `team:ID`, `user:ID`, `key:ID`, `model:NAME`."""
    used: dict[str, Used] = {}
    knows_models: bool = True
    """False: the control plane has just started; `models` is empty, and says nothing."""


class _Line(msgspec.Struct, frozen=True):
    """A snapshot as it is sent."""

    version: int = 0
    epoch: str = ""
    keys: dict[str, Key] = {}
    sessions: dict[str, Session] = {}
    models: dict[str, ModelEntry] | None = {}
    """None: not known yet."""
    limits: dict[str, Limits] = {}
    used: dict[str, Used] = {}


_decoder = msgspec.json.Decoder(_Line)


def decode(line: bytes) -> Snapshot:
    """Read one line of the stream, or the kept file.

    Raises:
        ValueError: it is no snapshot.
    """
    try:
        told = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a snapshot: {error}") from error
    return Snapshot(
        told.version,
        told.epoch,
        told.keys,
        told.sessions,
        told.models or {},
        told.limits,
        told.used,
        knows_models=told.models is not None,
    )


def encode(snapshot: Snapshot) -> bytes:
    return msgspec.json.encode(snapshot)


def carry_over(new: Snapshot, former: Mapping[str, list[EndpointEntry]]) -> Snapshot:
    """Return `new`, where models that should be serving but came without endpoints keep `former`.

    A control plane that has just started has not heard from its replicas yet: taken at its word it
    would cut off engines that are working.
    """
    kept = {
        name: msgspec.structs.replace(entry, endpoints=former[name])
        for name, entry in new.models.items()
        if not entry.endpoints and not entry.is_at_rest and name in former
    }
    return msgspec.structs.replace(new, models={**new.models, **kept}) if kept else new
