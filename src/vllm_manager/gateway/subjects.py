"""Which subjects with limits a request falls under, found once per caller, model and snapshot."""

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.limits import Book
from vllm_manager.gateway.plans import NO_PLAN, Limited, Plan
from vllm_manager.gateway.snapshot import Snapshot

_MOST_KNOWN = 50_000
_Caller = tuple[str, str | None, str | None, str]


class Subjects:
    """Looks limits up in the snapshot in force."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._snapshot: Snapshot | None = None
        self._known: dict[_Caller, Plan] = {}

    def of(self, snapshot: Snapshot, asker: Asker, model: str) -> Plan:
        """Return the limits that apply, from the installation's down to the model's."""
        if snapshot is not self._snapshot or len(self._known) > _MOST_KNOWN:
            self._snapshot, self._known = snapshot, {}
        if not snapshot.limits:
            return NO_PLAN
        caller = (asker.user, asker.team, asker.key, model)
        known = self._known.get(caller)
        if known is None:
            known = self._known[caller] = self._find(snapshot, asker, model)
        return known

    def _find(self, snapshot: Snapshot, asker: Asker, model: str) -> Plan:
        """Return the plan of a caller.

        Raises:
            Refusal: 503, where there is no room to count what one of the limits is used.
        """
        key = f"key:{asker.key}"
        named = {
            "installation": "this installation",
            f"team:{asker.team}": "your team",
            f"user:{asker.user}": "your user",
            key: f"key “{asker.key_name}”",
            f"model:{model}": f"the model “{model}”",
        }
        found: list[Limited] = []
        for subject, words in named.items():
            limits = snapshot.limits.get(subject)
            if limits is None:
                continue
            account = f"key:{asker.account}" if subject == key and asker.account else subject
            row = self._book.open(account, snapshot.used.get(subject))
            if row is None:
                raise _uncounted(words)
            found.append(Limited(account, words, limits, row))
        return self._book.plan(found)


def _uncounted(words: str) -> Refusal:
    message = (
        f"The gateway has no room to count what {words} uses, and lets nothing by uncounted. "
        "Try again later; if it lasts, an administrator must take limits away from keys or users."
    )
    return Refusal(503, "limits_unavailable", message, retry_after_seconds=60)
