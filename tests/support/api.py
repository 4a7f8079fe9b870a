"""The administrator's view of a product that runs: calls its API, and waits for what it shows."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from support.ray_cluster import wait_until

Json = dict[str, Any]


class Api:
    """Calls the API at `url` with the key of the administrator of `home`."""

    def __init__(self, url: str, home: Path) -> None:
        self.home = home
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def log_in(self) -> None:
        """Take the key that the first start left in the home."""
        admin = json.loads((self.home / "secrets" / "admin.json").read_text())
        self.client.headers["authorization"] = f"Bearer {admin['api_key']}"

    def log_tails(self) -> str:
        """Return what helps to understand a failed wait."""
        return ""

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Json]:
        """Call the API with the administrator's key; return the status and the JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.request(method, f"/api/v1{path}", json=body, headers=sent)
        return answer.status_code, answer.json()

    def ask(self, path: str) -> Json:
        status, answer = self.call("GET", path)
        assert status == 200, answer
        return answer

    def deploy(self, name: str, **fields: Any) -> Json:
        """Create a deployment of the fake engine; `fake` tells it how to behave."""
        fake = {f"FAKE_{k.upper()}": str(v) for k, v in fields.pop("fake", {}).items()}
        spec: Json = {"name": name, "model": "demo", "engine": "fake", "environment": fake}
        spec["resources"] = {"cpus": 0.5}
        status, answer = self.call("POST", "/deployments", {**spec, **fields})
        assert status == 202, answer
        return answer

    def replicas(self, name: str) -> Sequence[Json]:
        return self.ask(f"/deployments/{name}/replicas")["items"]

    def replica(self, name: str) -> Json:
        """Return the only replica whose engine has not failed, once there is one.

        Replicas of earlier attempts are listed until it is known that they are gone.
        """

        def found() -> Sequence[Json]:
            attempt = self.ask(f"/deployments/{name}")["attempt"]
            of_now = [r for r in self.replicas(name) if r["attempt"] == attempt]
            return [r for r in of_now if r["engine_pid"] and r["phase"] != "failed"]

        (replica,) = wait_until(found, 30, f"{name}: an engine's pid")
        return replica

    def wait_for_operation(self, operation_id: str, status: str) -> None:
        """Return once an operation has ended so: a moment after what it was about is seen."""
        wait_until(
            lambda: self.ask(f"/operations/{operation_id}")["status"] == status,
            60,
            f"{operation_id}: {status}",
        )

    def wait_for(
        self, name: str, phase: str | Callable[[Json], bool], within_seconds: float = 120
    ) -> Json:
        """Return a deployment once it is in a phase, or as wanted; tell all there is if not."""
        seen: list[Json] = []

        def as_wanted() -> bool:
            seen[:] = [self.ask(f"/deployments/{name}")]
            return phase(seen[0]) if callable(phase) else seen[0]["phase"] == phase

        try:
            wait_until(as_wanted, within_seconds, f"{name}: {phase}")
        except TimeoutError as error:
            error.add_note(json.dumps(seen, indent=1))
            error.add_note(self._all_tails(name))
            raise
        return seen[0]

    def wait_until_gone(self, name: str, within_seconds: float = 120) -> None:
        """Return once nobody knows the deployment any more."""

        def is_gone() -> bool:
            return self.call("GET", f"/deployments/{name}")[0] == 404

        try:
            wait_until(is_gone, within_seconds, f"{name}: gone")
        except TimeoutError as error:
            error.add_note(self._all_tails(name))
            raise

    def _all_tails(self, name: str) -> str:
        status, engine = self.call("GET", f"/deployments/{name}/logs?limit=30")
        lines = [line["text"] for line in engine["items"]] if status == 200 else [str(engine)]
        return "\n".join([self.log_tails(), "-- engine", *lines])
