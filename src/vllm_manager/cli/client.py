"""The REST client of the command line: finds the server and the key, raises problems."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import quote

import httpx
import typer
from pydantic import ValidationError

from vllm_manager.cli.logins import Login, login_at
from vllm_manager.cli.tls import distrusted, local_url, trust_in
from vllm_manager.kit.addresses import is_of_this_machine
from vllm_manager.kit.errors import Problem, ProblemDetails, Remedy
from vllm_manager.kit.private_files import replaced
from vllm_manager.settings import Settings

Json = dict[str, Any]

UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="VLLM_MANAGER_URL", help="Server. Default: this machine's."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="VLLM_MANAGER_TOKEN",
        help="API key. Default: your login (`vllm-manager login`), else, on this machine, the "
        "administrator's. "
        "Prefer the environment variable: arguments are seen by other users.",
        show_envvar=True,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def as_object(value: object) -> Json | None:
    """Return a JSON value as an object, or None where it is something else."""
    return cast(Json, value) if isinstance(value, dict) else None


_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


def administrator(settings: Settings) -> Json | None:
    """Return the first administrator's name, password and key; None where there is none here."""
    try:
        found: object = json.loads((settings.secrets_dir / "admin.json").read_text())
    except (OSError, ValueError):
        return None
    return as_object(found)


def _credential(url: str | None, token: str | None, settings: Settings) -> str | Login | None:
    """Return the key or login to use: what was named, else the login at this server.

    The local administrator's key comes last, and never goes to a server named by hand.
    """
    if token is not None:
        return token
    login = login_at(settings, url or local_url(settings))
    if login is not None or url is not None:
        return login
    known = administrator(settings)
    return str(known["api_key"]) if known and "api_key" in known else None


class Client:
    """Speaks to one server.

    Every method raises:
        Problem: the server refused or failed, or can't be reached.
    """

    def __init__(
        self,
        url: str,
        credential: str | Login | None,
        settings: Settings | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers`: go with every request."""
        self.url = url.rstrip("/")
        known = settings or Settings()
        self._http = httpx.Client(
            base_url=self.url,
            headers={**_headers(credential), **(headers or {})},
            timeout=_TIMEOUT,
            verify=trust_in(self.url, known),
            # A proxy of the environment is for other machines: it must not see this one's key.
            trust_env=not is_of_this_machine(url) and self.url != local_url(known),
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: object) -> Json:
        known = [
            (name, str(each))
            for name, value in query.items()
            if value is not None
            for each in (cast("list[object]", value) if isinstance(value, list) else [value])
        ]
        return self._send("GET", path, params=known)

    def post(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> Json:
        return self._send("POST", path, json=body, headers=headers or {})

    def put(self, path: str, body: object = None) -> Json:
        return self._send("PUT", path, json=body)

    def patch(self, path: str, body: object) -> Json:
        return self._send("PATCH", path, json=body)

    def delete(self, path: str) -> Json:
        return self._send("DELETE", path)

    def enter(self, path: str, body: object) -> Login:
        """Send what opens a session, and return the session."""
        response = self._request("POST", path, json=body)
        session = _answer(response)
        return Login(session["user"]["username"], dict(response.cookies), session["csrf_token"])

    def pages(self, path: str, **query: object) -> Iterator[Json]:
        """Yield every item of a list, page by page."""
        cursor: object = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _send(self, method: str, path: str, **rest: Any) -> Json:
        return _answer(self._request(method, path, **rest))

    def _request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **rest)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    @contextmanager
    def lines(
        self, method: str, path: str, body: object = None, query: Json | None = None
    ) -> Generator[Iterator[str]]:
        """Yield the lines of an answer as they come."""
        known = {name: value for name, value in (query or {}).items() if value is not None}
        endless = httpx.Timeout(10.0, read=None)
        try:
            with self._http.stream(
                method, path, json=body, params=known, timeout=endless
            ) as response:
                if response.is_error:
                    response.read()
                    _answer(response)
                yield response.iter_lines()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def save(self, path: str, file: Path) -> None:
        """Write an answer to a file, readable by its owner alone; whole, or not at all."""
        try:
            with self._http.stream("GET", path, timeout=120.0) as response:
                if response.is_error:
                    response.read()
                    _answer(response)
                with replaced(file) as beside, beside.open("wb") as target:
                    for piece in response.iter_bytes():
                        target.write(piece)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> Problem:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return distrusted(self.url, str(error))
        return Problem(
            "server_unreachable",
            f"{self.url} can't be reached: {error or type(error).__name__}.",
            status=503,
            remediation=[
                Remedy(label="On this machine: `vllm-manager up`, then `vllm-manager status`."),
                Remedy(label="A server elsewhere: name it with --url or VLLM_MANAGER_URL."),
            ],
        )


def _headers(credential: str | Login | None) -> dict[str, str]:
    if isinstance(credential, Login):
        return credential.headers()
    return {"authorization": f"Bearer {credential}"} if credential else {}


def _answer(response: httpx.Response) -> Json:
    try:
        body = as_object(response.json() if response.content else {})
    except ValueError:
        body = None
    if response.is_success and body is not None:
        return body
    raise _problem(response, body or {})


def _problem(response: httpx.Response, body: Json) -> Problem:
    """Return the problem in an answer: ours, OpenAI's shape, or none that we know."""
    try:
        details = ProblemDetails.model_validate(body)
    except ValidationError:
        said = (as_object(body.get("error")) or {}).get("message")
        detail = str(said or f"The server answered {response.status_code}.")
        return Problem("server_error", detail, status=response.status_code)
    problem = Problem(details.code, details.detail, status=details.status)
    problem.details = details
    return problem


@contextmanager
def connect(url: str | None, token: str | None) -> Generator[Client]:
    """Give a client for `url`, or for this machine's server."""
    settings = Settings()
    credential = _credential(url, token, settings)
    client = Client(url or local_url(settings), credential, settings)
    try:
        yield client
    except Problem as problem:
        if problem.details.status == 401 and isinstance(credential, Login):
            problem.details.remediation.append(_log_in_again(credential))
        raise
    finally:
        client.close()


def _log_in_again(login: Login) -> Remedy:
    return Remedy(
        label=f"The login of {login.username} has ended: `vllm-manager login {login.username}`, "
        "or `vllm-manager logout` to forget it."
    )


def deployment_path(name: str, *rest: str) -> str:
    """Return the path of a deployment, or of something of it, with the name made safe."""
    return "/".join(["/api/v1/deployments", quote(name, safe=""), *rest])


def read_spec(file: Path | None) -> Json:
    """Return the JSON object in `file` (`-`: standard input); an empty one where there is none."""
    if file is None:
        return {}
    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text()
        found = as_object(json.loads(text))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{file}: {error}") from error
    if found is None:
        raise typer.BadParameter(f"{file} holds no JSON object")
    return found
