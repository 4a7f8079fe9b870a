"""The hub itself: repositories, people, an HTTP server on threads, a record of what was asked."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote

from support.hub import api, resolve
from support.hub.exchange import Dropped, Exchange, Request, read_request
from support.hub.faults import Faults
from support.hub.repositories import Commit, Repository


@dataclass
class Person:
    """Whom a token belongs to, and to which gated repositories they were admitted."""

    name: str
    admitted: set[str] = field(default_factory=set[str])


class Hub:
    """A model hub on loopback. `with Hub() as hub:` or `async with Hub() as hub:`.

    `network` is where large files come from: "here" for this server's own address, another
    address (`http://localhost:PORT` is another host than 127.0.0.1), or None for no redirect.
    """

    def __init__(
        self,
        repositories: Iterable[Repository] = (),
        port: int = 0,
        network: str | None = "here",
    ) -> None:
        self.repositories = {repository.id: repository for repository in repositories}
        self.people: dict[str, Person] = {}
        """By token."""
        self.faults = Faults()
        self.requests: list[Request] = []
        self.port = port
        self.network = network
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, *repositories: Repository) -> None:
        for repository in repositories:
            self.repositories[repository.id] = repository

    def admit(self, token: str, name: str, *repositories: str) -> None:
        """Let `token` be a person's, who was admitted to these gated or private repositories."""
        self.people[token] = Person(name, set(repositories))

    def asked(self, part: str) -> list[Request]:
        """Return the requests whose decoded path contains `part`."""
        return [request for request in self.requests if part in unquote(request.path)]

    def listen(self) -> None:
        """Serve from now on, on the same port as before if there was one."""
        listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self._listener = listener
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Stop as a killed server does: every connection breaks, the port refuses."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.faults.clear()
        with self._lock:
            open_now = list(self._connections)
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._connections.add(connection)
        try:
            with connection, connection.makefile("rb") as stream:
                while (request := read_request(stream)) is not None:
                    self.requests.append(request)
                    self._answer(request, connection)
        except (Dropped, OSError):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _answer(self, request: Request, connection: socket.socket) -> None:
        path = unquote(request.path)
        if path.startswith("/_control/"):
            self._control(Exchange(request, connection), path)
            return
        exchange = Exchange(request, connection, self.faults.take(request.method, path))
        fault = exchange.fault
        if fault.latency_seconds:
            fault.over.wait(fault.latency_seconds)
        if fault.redirect_to is not None:
            exchange.reply(302, b"", {"Location": fault.redirect_to})
        elif fault.status is not None:
            _fail(exchange, fault.status)
        else:
            self._route(exchange)

    def _control(self, exchange: Exchange, path: str) -> None:
        """Let another process switch faults and read what was asked."""
        request = exchange.request
        if path == "/_control/faults" and request.method == "POST":
            self.faults.add_json(request.body)
        elif path == "/_control/faults" and request.method == "DELETE":
            self.faults.clear()
        told = [
            {
                "method": one.method,
                "path": one.path,
                "headers": one.headers,
                "status": one.status,
                "sent_bytes": one.sent_bytes,
            }
            for one in self.requests
            if not one.path.startswith("/_control/")
        ]
        exchange.reply_json(told)

    def _route(self, exchange: Exchange) -> None:
        parts = exchange.request.segments
        if parts[:1] == ["api"]:
            self._api(exchange, parts[1:])
        elif parts[:1] == ["cdn"]:
            self._network(exchange, parts[1:])
        elif "resolve" in parts[1:3]:
            self._resolve(exchange, parts)
        else:
            exchange.refuse(404, None, "Sorry, we can't find the page you are looking for.")

    def _api(self, exchange: Exchange, parts: list[str]) -> None:
        if parts == ["whoami-v2"]:
            self._whoami(exchange)
        elif parts == ["models"]:
            seen = [item for item in self.repositories.values() if self._may_see(exchange, item)]
            api.search(exchange, seen, self.url)
        elif parts[:1] == ["models"]:
            self._model(exchange, parts[1:])
        else:
            exchange.refuse(404, None, "Sorry, we can't find the page you are looking for.")

    def _model(self, exchange: Exchange, parts: list[str]) -> None:
        verbs = {"revision", "tree", "paths-info"}
        at = next((at for at in (1, 2) if at < len(parts) and parts[at] in verbs), len(parts))
        repository = self._repository(exchange, "/".join(parts[:at]))
        if repository is None:
            return
        verb, *rest = parts[at:] or ["revision"]
        commit = _commit(exchange, repository, rest[0] if rest else None)
        if commit is None:
            return
        if verb == "tree":
            api.tree(exchange, commit, "/".join(rest[1:]), self.url)
        elif verb == "paths-info":
            api.paths(exchange, commit, _paths_asked(exchange.request))
        else:
            api.model(exchange, repository, commit)

    def _resolve(self, exchange: Exchange, parts: list[str]) -> None:
        at = parts.index("resolve", 1)
        repository = self._repository(exchange, "/".join(parts[:at]))
        if repository is None or not self._is_admitted(exchange, repository):
            return
        revision, *path = parts[at + 1 :] or [""]
        commit = _commit(exchange, repository, revision)
        if commit is not None:
            network = self.url if self.network == "here" else self.network
            resolve.resolve(exchange, repository, commit, "/".join(path), network)

    def _network(self, exchange: Exchange, parts: list[str]) -> None:
        for at in (1, 2):
            repository = self.repositories.get("/".join(parts[:at]))
            commit = repository.commits.get(parts[at]) if repository and len(parts) > at else None
            entry = commit.files.get("/".join(parts[at + 1 :])) if commit else None
            if entry is not None:
                # A client that follows a redirect on the same host looks for the commit there.
                told = {"X-Repo-Commit": parts[at]} if self.network == "here" else {}
                resolve.from_network(exchange, entry, told)
                return
        exchange.reply(403, b"<Error><Code>AccessDenied</Code></Error>")

    def _whoami(self, exchange: Exchange) -> None:
        token = exchange.request.token
        person = self.people.get(token or "")
        if person is None:
            exchange.refuse(401, None, "Invalid username or password.")
            return
        access = {"displayName": f"{person.name}'s", "role": "read", "createdAt": "2026-01-01"}
        told = {"type": "user", "id": "1", "name": person.name, "fullname": person.name}
        exchange.reply_json({**told, "orgs": [], "auth": {"accessToken": access}})

    def _may_see(self, exchange: Exchange, repository: Repository) -> bool:
        if not repository.private:
            return True
        person = self.people.get(exchange.request.token or "")
        return person is not None and repository.id in person.admitted

    def _repository(self, exchange: Exchange, name: str) -> Repository | None:
        """Return it, or answer what the Hub answers: without a token it doesn't tell apart."""
        token = exchange.request.token
        if token is not None and token not in self.people:
            exchange.refuse(401, None, "Invalid credentials in Authorization header")
            return None
        repository = self.repositories.get(name)
        if repository is not None and self._may_see(exchange, repository):
            return repository
        status = 401 if token is None else 404
        exchange.refuse(status, "RepoNotFound", "Repository not found")
        return None

    def _is_admitted(self, exchange: Exchange, repository: Repository) -> bool:
        if not repository.gated:
            return True
        person = self.people.get(exchange.request.token or "")
        if person is not None and repository.id in person.admitted:
            return True
        _refuse_gated(exchange, 401 if person is None else 403, repository.id)
        return False


def _refuse_gated(exchange: Exchange, status: int, name: str) -> None:
    message = f"Access to model {name} is restricted."
    if status == 401:
        message += " You must have access to it and be authenticated to access it. Please log in."
    else:
        message += f" You are not in the authorized list. Visit {name} to ask for access."
    exchange.refuse(status, "GatedRepo", message)


def _commit(exchange: Exchange, repository: Repository, revision: str | None) -> Commit | None:
    commit = repository.find(revision)
    if commit is None:
        exchange.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return commit


def _fail(exchange: Exchange, status: int) -> None:
    """Answer with the status that a fault asks for, in the Hub's words."""
    messages = {
        401: "Invalid credentials in Authorization header",
        403: "Forbidden: you don't have permission.",
        404: "Not found",
        429: "We had to rate limit you.",
        503: "Service Unavailable",
    }
    more: dict[str, str] = {}
    after = exchange.fault.retry_after_seconds
    if after is not None:
        more["Retry_After"] = str(after)
    code = exchange.fault.error_code
    said = exchange.fault.message or messages.get(status, f"Error {status}")
    exchange.refuse(status, code, said, **more)


def _paths_asked(request: Request) -> list[str]:
    if "json" in request.headers.get("content-type", ""):
        return json.loads(request.body)["paths"]
    return parse_qs(request.body.decode())["paths"]
