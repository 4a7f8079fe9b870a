"""What travels over the warmer's socket, and where that socket is.

A message is four bytes of length and a JSON object; descriptors travel beside its first byte. The
socket lies in a folder that only its user can enter, under a name made from Ray's node id, so that
warmer and replicas of one node find each other without being told.
"""

import hashlib
import json
import os
import socket
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROTOCOL = 1

_LENGTH = struct.Struct("!I")
_MOST_BYTES = 4 * 1024 * 1024
_MOST_DESCRIPTORS = 8
_FOLDER = "/tmp"

Message = dict[str, Any]


class WireError(Exception):
    """The other side left, or sent what is no message."""


def address(node_id: str) -> Path:
    """Return the path of the warmer's socket on the node with this id."""
    digest = hashlib.sha256(node_id.encode()).hexdigest()[:16]
    return Path(_FOLDER, f"vllm-manager-{os.getuid()}", f"{digest}.sock")


def make_folder(folder: Path) -> None:
    """Make the socket's folder, and see that nobody else can reach into it.

    Raises:
        WireError: something else is there, or it belongs to somebody else.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    if not is_private(folder):
        raise WireError(f"{folder} is not a folder of mode 0700 that belongs to this user.")


def is_private(folder: Path) -> bool:
    """Say whether `folder` is this user's, is no link, and is closed to everybody else."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    closed = stat.S_IMODE(found.st_mode) & 0o077 == 0
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and closed


def send(peer: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send a message and copies of `descriptors`.

    Raises:
        OSError: the other side is gone, or a descriptor is not open.
    """
    body = json.dumps(message).encode()
    data = _LENGTH.pack(len(body)) + body
    sent = socket.send_fds(peer, [data], list(descriptors))
    if sent < len(data):  # sending nothing fails where the other side has answered and left
        peer.sendall(data[sent:])


def receive(peer: socket.socket) -> tuple[Message, list[int]]:
    """Return the next message and the descriptors that came with it (not inheritable).

    Raises:
        WireError: the other side left, or what it sent is no message.
        OSError: nothing came in the socket's time-out.
    """
    first, descriptors, _flags, _address = socket.recv_fds(peer, _LENGTH.size, _MOST_DESCRIPTORS)
    try:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return _read(peer, first), descriptors
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _read(peer: socket.socket, first: bytes) -> Message:
    (length,) = _LENGTH.unpack(first + _exactly(peer, _LENGTH.size - len(first)))
    if length > _MOST_BYTES:
        raise WireError(f"a message of {length} bytes")
    try:
        message = json.loads(_exactly(peer, length))
    except ValueError as error:
        raise WireError("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise WireError("a message that is no object")
    return message  # pyright: ignore[reportUnknownVariableType]


def _exactly(peer: socket.socket, count: int) -> bytes:
    """Read `count` bytes and none of the next message."""
    data = bytearray()
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise WireError("the other side left")
        data += more
    return bytes(data)
