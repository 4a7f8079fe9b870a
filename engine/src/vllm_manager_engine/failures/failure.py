"""What is reported of a failure: a code, a cause in a sentence, its proof, and a setting."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an engine failed. `evidence` is the line that proves `detail`.

    `suggestion` is `{"argument": name, "value": value}` where a setting would mend it; a value of
    None means that the argument is to be taken out. `alternatives` are further ones, one of which
    would do as well. `tail` holds the last lines where no rule knew them.
    """

    code: str
    detail: str
    evidence: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    suggestion: dict[str, Any] | None = None
    alternatives: tuple[dict[str, Any], ...] = ()
    tail: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"alternatives": list(self.alternatives)}


class EngineFailed(Exception):
    """The engine could not be started, or is no longer well."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        proof = f"\n  {self.failure.evidence}" if self.failure.evidence else ""
        return f"{self.failure.code}: {self.failure.detail}{proof}"
