"""A repository as a test declares it: files by commit, and what the Hub says about it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from support.hub.contents import Content, Data, Entry, OnDisk, read

Files = Mapping[str, Content | bytes | str | Path]
Gate = Literal[False, "auto", "manual"]


@dataclass(frozen=True)
class Commit:
    """One state of a repository's files."""

    sha: str
    files: dict[str, Entry]

    def json_of(self, path: str) -> dict[str, Any] | None:
        """Return a JSON file's object, or None where there is no such file or it is not one."""
        entry = self.files.get(path)
        try:
            value: Any = json.loads(read(entry.content)) if entry else None
        except ValueError:
            return None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _content(value: Content | bytes | str | Path) -> Content:
    if isinstance(value, Path):
        return OnDisk(value)
    return Data(value) if isinstance(value, bytes | str) else value


@dataclass
class Repository:
    """A model on the hub. `commit` makes a first or a further state of its files."""

    id: str
    gated: Gate = False
    private: bool = False
    license: str | None = "apache-2.0"
    pipeline_tag: str | None = "text-generation"
    library: str | None = "transformers"
    tags: list[str] = field(default_factory=list[str])
    card: dict[str, Any] = field(default_factory=dict[str, Any])
    downloads: int = 0
    likes: int = 0
    trending: int = 0
    created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    modified_at: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    commits: dict[str, Commit] = field(default_factory=dict[str, Commit])
    refs: dict[str, str] = field(default_factory=dict[str, str])

    def commit(self, files: Files, ref: str = "main") -> str:
        """Make `files` the whole content of `ref`; return the commit's sha."""
        entries = {path: Entry(path, _content(value)) for path, value in sorted(files.items())}
        # The sums of large files are left for when somebody asks.
        told = [f"{path}:{entry.content.size_bytes}" for path, entry in entries.items()]
        text = "\n".join([self.id, str(len(self.commits)), *told])
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = Commit(sha, entries)
        self.refs[ref] = sha
        return sha

    def vanish(self, revision: str) -> None:
        """Forget a revision, as when history was rewritten."""
        sha = self.refs.pop(revision, revision)
        self.commits.pop(sha, None)
        self.refs = {ref: target for ref, target in self.refs.items() if target != sha}

    def find(self, revision: str | None) -> Commit | None:
        """Return the commit that a branch, a tag or a sha names."""
        name = "main" if revision is None else revision
        return self.commits.get(self.refs.get(name, name))

    @property
    def all_tags(self) -> list[str]:
        named = [self.library, self.pipeline_tag, f"license:{self.license}"]
        known = [tag for tag in named if tag and tag != "license:None"]
        return [*known, *[tag for tag in self.tags if tag not in known]]

    @property
    def card_data(self) -> dict[str, Any]:
        told = {
            "license": self.license,
            "library_name": self.library,
            "pipeline_tag": self.pipeline_tag,
        }
        return {**{name: value for name, value in told.items() if value}, **self.card}


def from_folder(identifier: str, folder: Path, **about: Any) -> Repository:
    """Return a repository of all files below a folder."""
    repository = Repository(identifier, **about)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    repository.commit({str(path.relative_to(folder)): path for path in files})
    return repository
