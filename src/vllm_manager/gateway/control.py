"""Calls of the gateway to the control plane with the token that they share."""

from pathlib import Path

from vllm_manager.gateway.upstream import Connection, Target, UpstreamClient

_ANSWER_SECONDS = 30.0


class ControlPlane:
    """Where the control plane listens. Its token is read from its file at each use: it may come
    later than the gateway, and may be replaced."""

    def __init__(self, client: UpstreamClient, target: Target, token_path: Path) -> None:
        self.target = target
        self._client = client
        self._token_path = token_path

    async def post(self, path: str, body: bytes) -> int:
        """Send `body` and return the status of the answer.

        Raises:
            UpstreamFailed: there was no answer.
            OSError: there is no token to read.
        """
        status, _ = await self.ask(path, body)
        return status

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Send `body` and return status and body of the answer. Raises as `post` does."""
        headers = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        connection = await self._exchange(f"POST {path}", headers, body)
        try:
            pieces: list[bytes] = []
            while piece := await connection.read(_ANSWER_SECONDS):
                pieces.append(piece)
            return connection.status, b"".join(pieces)
        finally:
            connection.release()

    async def stream(self, path: str, headers: str) -> Connection:
        """Open a stream that the caller reads and must `release`.

        Raises:
            UpstreamFailed: there was no answer.
            OSError: there is no token to read.
        """
        return await self._exchange(f"GET {path}", headers, b"")

    async def _exchange(self, line: str, headers: str, body: bytes) -> Connection:
        token = self._token_path.read_text().strip()
        connection = await self._client.open(self.target, fresh=True)
        try:
            head = (
                f"{line} HTTP/1.1\r\nhost: {self.target.host}:{self.target.port}\r\n"
                f"authorization: Bearer {token}\r\n{headers}\r\n"
            )
            connection.begin(head.encode("latin-1") + body)
            await connection.head(_ANSWER_SECONDS)
        except BaseException:
            connection.release()
            raise
        return connection
