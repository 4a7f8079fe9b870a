"""Fake engines under real Ray Serve, with somebody who takes the replicas' reports."""

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.ray_cluster import RayCluster, wait_until

Report = dict[str, Any]

IMPORT_PATH = "vllm_manager_engine.serve_app:build"


def application(name: str, **args: Any) -> dict[str, Any]:
    """Return a Serve application of one quick fake engine; `fake` as in `engines.replica_spec`."""
    told = {f"FAKE_{k.upper()}": str(v) for k, v in args.pop("fake", {}).items()}
    fixed: dict[str, Any] = {
        "deployment": name, "uid": f"dep_{name}", "generation": 1, "attempt": 1, "model": "demo",
        "revision": None, "engine": "fake", "arguments": [], "environment": told, "cpus": 0.1,
        "gpus": 0, "tensor_parallel_size": 1, "pipeline_parallel_size": 1, "report_url": None,
        "start_deadline_seconds": 60, "idle_deadline_seconds": 30, "drain_seconds": 5,
    }  # fmt: skip
    return {
        "name": name,
        "route_prefix": None,
        "import_path": IMPORT_PATH,
        "args": fixed | args,
    }


def warmer_application(report_url: str | None = None, **args: Any) -> dict[str, Any]:
    """Return the Serve application that keeps spares on each node."""
    return {
        "name": "vllm-manager.warmer",
        "route_prefix": None,
        "import_path": "vllm_manager_engine.warm.node:build",
        "args": {"engine": "vllm", "spares": 1, "report_url": report_url, **args},
        "deployments": [{"name": "warmer", "num_replicas": 1}],
    }


class Reports:
    """A control plane that only takes reports, in a thread of its own."""

    def __init__(self) -> None:
        self.received: list[Report] = []
        self.tokens: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        reports = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                report = json.loads(self.rfile.read(int(self.headers["content-length"])))
                reports.tokens.add(self.headers["authorization"])
                reports.received.append(report)
                if "spares" in report:  # of a warmer, not of a replica
                    return self._answer(b"{}")
                numbers = [line["number"] for line in report["log"]]
                wanted = max(numbers) + 1 if numbers else report["log_first"]
                return self._answer(json.dumps({"log_next": wanted}).encode())

            def _answer(self, answer: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing to say."""

        return Handler


class Deployed:
    """One application on a cluster for the length of a `with`."""

    def __init__(
        self,
        ray: RayCluster,
        name: str,
        *,
        replicas: int = 1,
        beside: Sequence[dict[str, Any]] = (),
        **args: Any,
    ) -> None:
        """`beside` are applications that run before and after."""
        self.ray = ray
        self._beside = list(beside)
        self.name = name
        self.reports = Reports()
        self._application = application(name, report_url=self.reports.url, **args)
        self._application["deployments"] = [{"name": "replica", "num_replicas": replicas}]

    def apply(self) -> None:
        """Hand the desired set to Serve, as a control plane does again and again."""
        self.ray.serve([*self._beside, self._application])

    def __enter__(self) -> "Deployed":
        self.apply()
        return self

    def __exit__(self, *_: object) -> None:
        self.ray.serve(self._beside)
        wait_until(lambda: self.name not in self.ray.applications(), 60, f"the end of {self.name}")
        self.reports.close()

    @property
    def status(self) -> dict[str, Any]:
        """What Serve says about the application; empty where it has none."""
        return self.ray.applications().get(self.name, {})

    def wait_report(
        self, condition: Callable[[Report], bool], timeout_seconds: float = 120
    ) -> Report:
        """Return the first report, past or coming, that fits."""
        return wait_until(
            lambda: next((r for r in list(self.reports.received) if condition(r)), None),
            timeout_seconds,
            f"a report of {self.name}",
        )

    def wait_ready(self, other_than: str | None = None) -> Report:
        """Return the first report of a ready replica, once Serve has seen that it is."""
        report = self.wait_report(lambda r: r["phase"] == "ready" and r["replica_id"] != other_than)
        wait_until(lambda: report["replica_id"] in self.running(), 30, "Serve's RUNNING")
        return report

    def running(self) -> list[str]:
        """The ids of the replicas that Serve calls RUNNING."""
        deployments = self.status.get("deployments", {})
        replicas = deployments.get("replica", {}).get("replicas", [])
        return [r["replica_id"] for r in replicas if r["state"] == "RUNNING"]
