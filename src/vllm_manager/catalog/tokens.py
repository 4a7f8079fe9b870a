"""Hugging Face tokens: one of the installation, one per user, sealed at rest, never shown."""

from typing import Any, Final, cast

from vllm_manager.catalog import store
from vllm_manager.catalog.hub import Hub
from vllm_manager.catalog.schemas import Scope, TokenTest, TokenView
from vllm_manager.catalog.tables import HubToken
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, Problem, Remedy, invalid
from vllm_manager.kit.vault import Vault

_INSTALLATION: Final = "installation"
_PURPOSE: Final = "hugging-face-token"


class Tokens:
    """Keeps tokens and says which is in force: a user's own, before the installation's.

    Tokens of the environment (`HF_TOKEN`) and of the machine's Hugging Face login are not used.
    """

    def __init__(self, database: Database, vault: Vault, hub: Hub, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._hub = hub
        self._clock = clock

    async def in_force(self, user_id: str | None) -> str | None:
        """Return the token to use for a user's wish; None where none is set.

        Raises:
            Problem: the token is kept, but can't be opened (`vault_locked`).
        """
        found = await self._in_force(user_id)
        return None if found is None else self._open(found)

    async def view(self, scope: Scope, user_id: str) -> TokenView:
        """Return what may be shown of the token of a scope."""
        rows = await self._rows(user_id)
        row = rows.get(_owner(scope, user_id))
        own, shared = rows.get(user_id), rows.get(_INSTALLATION)
        in_force: Scope | None = "user" if own else "installation" if shared else None
        if row is None:
            return TokenView(scope=scope, is_set=False, in_force=in_force)
        return TokenView(
            scope=scope,
            is_set=True,
            last_four=row.last_four,
            set_at=row.set_at,
            account=row.account,
            tested_at=row.tested_at,
            in_force=in_force,
        )

    async def put(self, scope: Scope, user_id: str, token: str) -> TokenView:
        """Keep a token in place of the one before.

        Raises:
            Problem: it can't be a token (422, field `token`).
        """
        token = token.strip()
        if not token.isascii() or not token.isprintable() or " " in token or len(token) < 8:
            message = "This is no token: tokens are letters and digits without spaces, `hf_…`."
            raise invalid([FieldError(field="token", message=message)])
        owner = _owner(scope, user_id)
        row = HubToken(
            owner=owner,
            sealed=self._vault.seal(token, f"{_PURPOSE}:{owner}"),
            last_four=token[-4:],
            set_at=self._clock.now(),
            account=None,
            tested_at=None,
        )
        async with self._database.unit_of_work() as session:
            await store.keep_token(session, row)
        return await self.view(scope, user_id)

    async def delete(self, scope: Scope, user_id: str) -> None:
        """Forget a token; nothing happens where there is none."""
        async with self._database.unit_of_work() as session:
            await store.forget_token(session, _owner(scope, user_id))

    async def test(self, user_id: str) -> TokenTest:
        """Ask the hub whose token is in force.

        Raises:
            Problem: none is set (409), or the hub refuses it or can't be asked.
        """
        row = await self._in_force(user_id)
        if row is None:
            raise Problem(
                "hub_token_missing",
                "No Hugging Face token is set, neither yours nor the installation's. Public "
                "models need none.",
                status=409,
                remediation=[Remedy(label="Set one: `vllm-manager token set`")],
            )
        told = await self._hub.whoami(self._open(row))
        account = str(told.get("name") or "?")[:255]
        async with self._database.unit_of_work() as session:
            await store.note_test(session, row.owner, account, self._clock.now())
        scope: Scope = "installation" if row.owner == _INSTALLATION else "user"
        return TokenTest(
            scope=scope, account=account, kind=_kind(told), organisations=_organisations(told)
        )

    async def _in_force(self, user_id: str | None) -> HubToken | None:
        rows = await self._rows(user_id)
        return rows.get(user_id or "") or rows.get(_INSTALLATION)

    async def _rows(self, user_id: str | None) -> dict[str, HubToken]:
        owners = [_INSTALLATION, *([user_id] if user_id else [])]
        async with self._database.read() as session:
            return await store.tokens(session, owners)

    def _open(self, row: HubToken) -> str:
        return self._vault.open(row.sealed, f"{_PURPOSE}:{row.owner}")


def _owner(scope: Scope, user_id: str) -> str:
    return _INSTALLATION if scope == "installation" else user_id


def _kind(told: dict[str, Any]) -> str | None:
    try:
        return str(told["auth"]["accessToken"]["role"])
    except (KeyError, TypeError):
        return None


def _organisations(told: dict[str, Any]) -> list[str]:
    found: object = told.get("orgs")
    orgs = cast("list[Any]", found) if isinstance(found, list) else []
    try:
        return [str(one["name"]) for one in orgs]
    except (KeyError, TypeError):
        return []
