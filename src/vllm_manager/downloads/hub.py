"""What the downloads ask of the catalog: the files of a repository, and whose token to use."""

from collections.abc import Sequence
from typing import Protocol


class ListedFile(Protocol):
    """A file of a repository at a commit."""

    @property
    def path(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def git_blob_id(self) -> str | None: ...


class Listing(Protocol):
    """The files of a repository at the commit that a revision was when it was asked for."""

    @property
    def commit(self) -> str: ...
    @property
    def files(self) -> Sequence[ListedFile]: ...


class ModelHub(Protocol):
    """Where models come from."""

    @property
    def endpoint(self) -> str:
        """Its address, without a slash at the end."""
        ...

    async def files(self, repo: str, revision: str, token: str | None) -> Listing:
        """List a repository.

        Raises:
            Problem: the hub can't be reached, refuses, or has no such thing.
        """
        ...

    async def token_of(self, user_id: str | None) -> str | None:
        """Return a user's token, else the installation's, else None."""
        ...
