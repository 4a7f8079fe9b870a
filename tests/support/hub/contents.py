"""What a file of a repository holds: bytes, a file on disk, or a stream made up on the fly."""

import functools
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 4 << 20
# A prime, so that no two ranges which begin at round offsets look alike.
_PERIOD_BYTES = 1_048_573


class Content:
    """Bytes that can be read from anywhere; the sums are worked out once, when first asked for."""

    size_bytes: int

    def chunks(self, offset: int, count: int) -> Iterator[memoryview]:
        """Give `count` bytes from `offset` on, in large pieces."""
        raise NotImplementedError

    @functools.cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for chunk in self.chunks(0, self.size_bytes):
            digest.update(chunk)
        return digest.hexdigest()

    @functools.cached_property
    def git_blob_id(self) -> str:
        """The id that git gives to a blob of these bytes."""
        digest = hashlib.sha1(b"blob %d\0" % self.size_bytes, usedforsecurity=False)
        for chunk in self.chunks(0, self.size_bytes):
            digest.update(chunk)
        return digest.hexdigest()


def read(content: Content, offset: int = 0, count: int | None = None) -> bytes:
    """Return `count` bytes from `offset` on; without `count`, all that follow."""
    left = content.size_bytes - offset if count is None else count
    return b"".join(content.chunks(offset, left))


def blob_id(data: bytes) -> str:
    """Return the id that git gives to a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Data(Content):
    """Bytes in memory."""

    def __init__(self, data: bytes | str) -> None:
        self.data = data.encode() if isinstance(data, str) else data
        self.size_bytes = len(self.data)

    def chunks(self, offset: int, count: int) -> Iterator[memoryview]:
        yield memoryview(self.data)[offset : offset + count]


class OnDisk(Content):
    """A file; served by the kernel where no fault is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = path.stat().st_size

    def chunks(self, offset: int, count: int) -> Iterator[memoryview]:
        with self.path.open("rb") as file:
            file.seek(offset)
            while count > 0:
                data = file.read(min(count, CHUNK_BYTES))
                if not data:
                    return
                count -= len(data)
                yield memoryview(data)


@functools.lru_cache(maxsize=8)
def _tile(seed: int) -> memoryview:
    """Return the pattern of `seed`, repeated so often that any chunk lies in it whole."""
    period = random.Random(seed).randbytes(_PERIOD_BYTES)
    return memoryview(period * (CHUNK_BYTES // _PERIOD_BYTES + 2))


class Made(Content):
    """Bytes from nowhere: `prefix`, then a pattern by `seed`; takes neither disk nor memory.

    `sha256` may be passed where it is known, since working it out takes a second per gigabyte.
    """

    def __init__(
        self, size_bytes: int, seed: int = 0, prefix: bytes = b"", sha256: str | None = None
    ) -> None:
        self.size_bytes = size_bytes
        self.seed = seed
        self.prefix = prefix
        if sha256 is not None:
            self.__dict__["sha256"] = sha256

    def chunks(self, offset: int, count: int) -> Iterator[memoryview]:
        if offset < len(self.prefix):
            head = memoryview(self.prefix)[offset : offset + count]
            yield head
            offset, count = offset + len(head), count - len(head)
        tile = _tile(self.seed)
        while count > 0:
            start = (offset - len(self.prefix)) % _PERIOD_BYTES
            chunk = tile[start : start + min(count, CHUNK_BYTES)]
            yield chunk
            offset, count = offset + len(chunk), count - len(chunk)


LARGE_SUFFIXES = {".safetensors", ".bin", ".pt", ".pth", ".pkl", ".ckpt", ".gguf", ".onnx", ".h5"}
LARGE_BYTES = 10 << 20


@dataclass(frozen=True)
class Entry:
    """One file of a repository. Large files and weights are kept as LFS, as on the Hub."""

    path: str
    content: Content

    @property
    def is_lfs(self) -> bool:
        suffix = Path(self.path).suffix
        return suffix in LARGE_SUFFIXES or self.content.size_bytes > LARGE_BYTES

    @property
    def pointer(self) -> bytes:
        """The text that git keeps in place of an LFS file."""
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (
            self.content.sha256.encode(),
            self.content.size_bytes,
        )

    @property
    def oid(self) -> str:
        """The git blob id: of the content, or of the pointer where it is LFS."""
        return blob_id(self.pointer) if self.is_lfs else self.content.git_blob_id

    @property
    def etag(self) -> str:
        """What `resolve` names as the file's identity: sha256 for LFS, else the git blob id."""
        return self.content.sha256 if self.is_lfs else self.content.git_blob_id
