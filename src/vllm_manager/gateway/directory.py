"""What the snapshot means to a running worker: who may ask, and where each model is answered."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from vllm_manager.gateway.balance import Endpoint
from vllm_manager.gateway.snapshot import (
    EndpointEntry,
    Key,
    ModelEntry,
    Session,
    Snapshot,
    carry_over,
)

log = logging.getLogger(__name__)

# A new control plane hears from each working replica within two of its reports (2 s apart).
_CARRY_SECONDS = 15.0
_NOTHING = Snapshot()


class Model(NamedTuple):
    """A model with the endpoints that answer it now."""

    name: str
    entry: ModelEntry
    endpoints: Sequence[Endpoint]
    base: str
    """The model that an adapter is laid over, whose bounds it shares; else its own name."""

    @property
    def is_adapter(self) -> bool:
        return self.name != self.base

    def is_open_to(self, allowed: list[str]) -> bool:
        """Whether someone who may use these names may use it: a model comes with its adapters."""
        return self.base in allowed or self.name in allowed


class Directory:
    """Holds the snapshot in force. Endpoints keep their counts from one snapshot to the next."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.snapshot = _NOTHING
        self.models: dict[str, Model] = {}
        self._monotonic = monotonic
        self._received = self.snapshot
        self._former: dict[str, list[EndpointEntry]] = {}
        self._former_until = 0.0
        self._endpoints: dict[EndpointEntry, Endpoint] = {}
        self._listing: bytes | None = None

    @property
    def is_known(self) -> bool:
        """False until the first snapshot has come."""
        return self.snapshot is not _NOTHING

    def update(self, new: Snapshot) -> None:
        """Put `new` in force.

        One that does not know the models changes who may ask them, and is as old as they are; where
        there are none to keep, it is left out.
        """
        if not new.knows_models:
            if not self.is_known:
                return
            old = self._received
            new = msgspec.structs.replace(
                new, models=old.models, epoch=old.epoch, knows_models=True
            )
        if self.snapshot.epoch and new.epoch != self.snapshot.epoch:
            self._former = {n: m.endpoints for n, m in self.snapshot.models.items() if m.endpoints}
            self._former_until = self._monotonic() + _CARRY_SECONDS
        self._received = new
        self._put_in_force()

    def expire(self) -> None:
        """Let go of endpoints that a new control plane has not confirmed in time."""
        if self._former and self._monotonic() >= self._former_until:
            self._former = {}
            self._put_in_force()

    def _put_in_force(self) -> None:
        snapshot = carry_over(self._received, self._former)
        endpoints: dict[EndpointEntry, Endpoint] = {}
        models: dict[str, Model] = {}
        for name, entry in snapshot.models.items():
            own = [self._endpoint(each) for each in entry.endpoints]
            usable = [endpoint for endpoint in own if endpoint is not None]
            endpoints.update((endpoint.entry, endpoint) for endpoint in usable)
            models[name] = Model(name, entry, usable, name)
        _add_adapters(models)
        self.snapshot, self.models, self._endpoints = snapshot, models, endpoints
        self._listing = None

    def key(self, token: bytes) -> Key | None:
        """Return the key with this text, however long ago it expired."""
        return self.snapshot.keys.get(hashlib.sha256(token).hexdigest())

    def session(self, cookie: bytes) -> Session | None:
        """Return the session of this cookie, however long ago it expired."""
        return self.snapshot.sessions.get(hashlib.sha256(cookie).hexdigest())

    def listing(self, allowed: list[str] | None) -> bytes:
        """Return the body of `GET /v1/models` for someone who may use `allowed` (None: all)."""
        if allowed is not None:
            return _listing([m for m in self.models.values() if m.is_open_to(allowed)])
        if self._listing is None:
            self._listing = _listing(list(self.models.values()))
        return self._listing

    def names(self, allowed: list[str] | None) -> list[str]:
        models = self.models.values()
        return [model.name for model in models if allowed is None or model.is_open_to(allowed)]

    def _endpoint(self, entry: EndpointEntry) -> Endpoint | None:
        known = self._endpoints.get(entry)
        if known is not None:
            return known
        try:
            return Endpoint(entry)
        except ValueError:
            log.error("snapshot: replica %s has an unusable address", entry.replica_id)
            return None


def _add_adapters(models: dict[str, Model]) -> None:
    """File each adapter under its name, beside the models. A name that is taken stays as it is."""
    for model in list(models.values()):
        for name in model.entry.adapters:
            models.setdefault(name, model._replace(name=name))


def describe(model: Model) -> dict[str, object]:
    """Return the model object of OpenAI's API, with the deployment's phase beside it.

    `parent` is told of adapters, as vLLM does.
    """
    parent = {"parent": model.base} if model.is_adapter else {}
    return {
        "id": model.name,
        "object": "model",
        "created": model.entry.created,
        "owned_by": "vllm-manager",
        "phase": model.entry.phase,
        **parent,
    }


def _listing(models: list[Model]) -> bytes:
    data = [describe(model) for model in models if not model.entry.is_at_rest]
    return json.dumps({"object": "list", "data": data}).encode()
