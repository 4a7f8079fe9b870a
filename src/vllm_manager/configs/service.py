"""Keep, change, compare, copy, import and export configs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.configs import store
from vllm_manager.configs.checks import RecipeChecks
from vllm_manager.configs.differences import differences
from vllm_manager.configs.files import ReadConfig, read_file, written, written_all
from vllm_manager.configs.recipe import Recipe
from vllm_manager.configs.schemas import (
    Config,
    ConfigClone,
    ConfigCreate,
    ConfigDiff,
    ConfigFile,
    ConfigFiles,
    ConfigImport,
    ConfigRollback,
    ConfigSave,
    ConfigSaved,
    ConfigsImported,
    ConfigSummary,
    ConfigVersion,
    ImportedConfig,
)
from vllm_manager.configs.tables import ConfigRow, ConfigVersionRow
from vllm_manager.configs.withheld import EnvironmentVault
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, Problem, Remedy, invalid, not_found
from vllm_manager.kit.paging import Page, cut, decode_cursor

Users = Callable[[], Awaitable[Mapping[str, Sequence[str]]]]
"""Says which deployments were made from which config, by the config's name."""

RESERVED_NAMES = frozenset({"export", "import", "presets", "schema"})
"""Names that are addresses of their own."""


class Recipes:
    """What the API and other rooms ask of configs."""

    def __init__(
        self,
        database: Database,
        checks: RecipeChecks,
        clock: Clock,
        users: Users,
        changed: Callable[[], None],
        vault: EnvironmentVault,
    ) -> None:
        self._database = database
        self._checks = checks
        self._clock = clock
        self._users = users
        self._changed = changed
        self._vault = vault

    async def list(self, limit: int, cursor: str | None, text: str | None) -> Page[ConfigSummary]:
        """Return a page of configs by name; those whose name or model holds `text`."""
        users = await self._users()
        async with self._database.read() as session:
            pairs = await store.page(session, limit + 1, decode_cursor(cursor), text)
        page, next_cursor = cut(pairs, limit, [row.name for row, _ in pairs])
        items = [ConfigSummary(**_summary(*pair, users)) for pair in page]
        return Page(items=items, next_cursor=next_cursor)

    async def get(self, name: str) -> Config:
        """Return a config with its newest recipe.

        Raises:
            Problem: there is no such config (404).
        """
        async with self._database.read() as session:
            row, newest = await _pair(session, name)
        return await self._view(row, newest)

    async def create(self, asked: ConfigCreate, author: str | None) -> Config:
        """Keep a new config.

        Raises:
            Problem: the name is taken (409), or the recipe is wrong (422).
        """
        self._require_sound(asked.recipe)
        recipe = self._kept(asked.recipe, None, "recipe.environment")
        return await self._insert(asked.name, recipe, asked.message, author)

    async def save(self, name: str, asked: ConfigSave, author: str | None) -> ConfigSaved:
        """Make a new version, unless the newest says the same already.

        Raises:
            Problem: there is no such config (404), somebody saved another version since the
                expected one (409), or the recipe is wrong (422).
        """
        self._require_sound(asked.recipe)
        async with self._database.unit_of_work() as session:
            row, newest = await _pair(session, name, for_update=True)
            if asked.expected_version is not None and asked.expected_version != row.version:
                raise _changed_since(newest, asked.expected_version)
            recipe = self._kept(asked.recipe, newest, "recipe.environment")
            version = self._append(session, row, newest, recipe, asked.message, author)
        return await self._saved(row, newest, version)

    async def roll_back(self, name: str, asked: ConfigRollback, author: str | None) -> ConfigSaved:
        """Make a new version that is equal to an old one.

        Raises:
            Problem: there is no such config or version (404), or the old recipe is no longer sound
                with this engine (422).
        """
        old = await self.version(name, asked.version)
        message = asked.message or f"As in version {asked.version}."
        self._require_sound(old.recipe)
        async with self._database.unit_of_work() as session:
            row, newest = await _pair(session, name, for_update=True)
            version = self._append(session, row, newest, old.recipe, message, author)
        return await self._saved(row, newest, version)

    async def clone(self, name: str, asked: ConfigClone, author: str | None) -> Config:
        """Copy a version under a new name.

        Raises:
            Problem: there is no such config or version (404), or the name is taken (409).
        """
        old = await self.version(name, asked.version)
        message = asked.message or f"Copied from {name}, version {old.version}."
        return await self._insert(asked.name, old.recipe, message, author)

    async def delete(self, name: str) -> None:
        """Forget a config and all its versions.

        Raises:
            Problem: there is no such config (404), or deployments use it (409).
        """
        users = (await self._users()).get(name, ())
        async with self._database.unit_of_work() as session:
            await _pair(session, name, for_update=True)
            if users:
                raise _in_use(name, users)
            await store.remove(session, name)

    async def versions(self, name: str, limit: int, cursor: str | None) -> Page[ConfigVersion]:
        """Return a page of versions, newest first.

        Raises:
            Problem: there is no such config (404).
        """
        before = _number(cursor)
        async with self._database.read() as session:
            await _pair(session, name)
            rows = await store.versions(session, name, limit + 1, before)
        page, next_cursor = cut(rows, limit, [str(row.version) for row in rows])
        return Page(items=[_version(row) for row in page], next_cursor=next_cursor)

    async def version(self, name: str, number: int | None) -> ConfigVersion:
        """Return a version; the newest where `number` is None.

        Raises:
            Problem: there is no such config or version (404).
        """
        async with self._database.read() as session:
            row, newest = await _pair(session, name)
            if number is None or number == row.version:
                return _version(newest)
            found = await store.version(session, name, number)
        if found is None:
            raise _no_such_version(row, number)
        return _version(found)

    async def newest_versions(self) -> Mapping[str, int]:
        """Return the number of each config's newest version, by name."""
        async with self._database.read() as session:
            return await store.newest(session)

    async def diff(self, name: str, before: int | None, after: int | None) -> ConfigDiff:
        """Say what differs between two versions: by default, what the newest changed.

        Raises:
            Problem: there is no such config or version (404).
        """
        new = await self.version(name, after)
        old = await self.version(name, before or max(1, new.version - 1))
        changes = list(differences(old.recipe.plain(), new.recipe.plain()))
        return ConfigDiff(name=name, before=old.version, after=new.version, changes=changes)

    async def export(self, name: str, number: int | None) -> ConfigFile:
        """Return a version as a file holds it.

        Raises:
            Problem: there is no such config or version (404).
        """
        return written(await self.version(name, number))

    async def export_all(self) -> ConfigFiles:
        """Return the newest version of each config, as one file holds them."""
        async with self._database.read() as session:
            pairs = await store.page(session, None, None, None)
        return written_all([_version(newest) for _, newest in pairs])

    async def import_file(self, asked: ConfigImport, author: str | None) -> ConfigsImported:
        """Save every config of a file, or none of them where one is wrong.

        Raises:
            Problem: the file has mistakes, each named with line and column (422).
        """
        read = read_file(asked.text, self._file_errors)
        async with self._database.unit_of_work() as session:
            items = [await self._import_one(session, config, asked, author) for config in read]
            if asked.check_only:
                await session.rollback()
        if not asked.check_only:
            self._changed()
        return ConfigsImported(items=items, saved=not asked.check_only)

    async def _import_one(
        self, session: AsyncSession, config: ReadConfig, asked: ConfigImport, author: str | None
    ) -> ImportedConfig:
        message = asked.message or "Imported."
        row = await store.get(session, config.name, for_update=True)
        if row is None:
            recipe = self._kept(config.recipe, None, f"{config.name}.environment")
            self._add(session, config.name, recipe, message, author)
            return ImportedConfig(name=config.name, outcome="created", version=1)
        newest = await store.version(session, row.name, row.version)
        assert newest is not None
        recipe = self._kept(config.recipe, newest, f"{config.name}.environment")
        version = self._append(session, row, newest, recipe, message, author)
        outcome = "unchanged" if version is newest else "changed"
        return ImportedConfig(name=config.name, outcome=outcome, version=row.version)

    def _file_errors(self, name: str, recipe: Recipe) -> Sequence[FieldError]:
        return [*_name_errors(name), *self._checks.errors(recipe)]

    def _require_sound(self, recipe: Recipe) -> None:
        errors = self._checks.errors(recipe)
        if errors:
            for error in errors:
                error.field = f"recipe.{error.field}"
            raise invalid(errors)

    def _kept(self, recipe: Recipe, newest: ConfigVersionRow | None, field: str) -> Recipe:
        """Return a recipe from a client as it is kept: secret values sealed, masked ones as is."""
        before: Mapping[str, str] = newest.recipe["environment"] if newest else {}
        environment = self._vault.kept(recipe.environment, before, field)
        return recipe.model_copy(update={"environment": environment})

    async def _saved(
        self, row: ConfigRow, newest: ConfigVersionRow, version: ConfigVersionRow
    ) -> ConfigSaved:
        is_new = version is not newest
        if is_new:
            self._changed()
        return ConfigSaved(config=await self._view(row, version), changed=is_new)

    async def _insert(
        self, name: str, recipe: Recipe, message: str | None, author: str | None
    ) -> Config:
        if errors := _name_errors(name):
            raise invalid(errors)
        async with self._database.unit_of_work() as session:
            if await store.get(session, name) is not None:
                raise _taken(name)
            row, version = self._add(session, name, recipe, message, author)
        self._changed()
        return await self._view(row, version)

    def _add(
        self,
        session: AsyncSession,
        name: str,
        recipe: Recipe,
        message: str | None,
        author: str | None,
    ) -> store.Pair:
        now = self._clock.now()
        row = ConfigRow(name=name, version=1, created_at=now, updated_at=now)
        version = ConfigVersionRow(
            name=name, version=1, recipe=recipe.plain(), message=message, author=author, at=now
        )
        session.add(row)
        session.add(version)
        return row, version

    def _append(
        self,
        session: AsyncSession,
        row: ConfigRow,
        newest: ConfigVersionRow,
        recipe: Recipe,
        message: str | None,
        author: str | None,
    ) -> ConfigVersionRow:
        """Add a version and return it; the newest itself where it says the same."""
        plain = recipe.plain()
        if not any(differences(newest.recipe, plain)):
            return newest
        row.version += 1
        row.updated_at = self._clock.now()
        version = ConfigVersionRow(
            name=row.name,
            version=row.version,
            recipe=plain,
            message=message,
            author=author,
            at=row.updated_at,
        )
        session.add(version)
        return version

    async def _view(self, row: ConfigRow, newest: ConfigVersionRow) -> Config:
        summary = _summary(row, newest, await self._users())
        return Config(**summary, recipe=Recipe.model_validate(newest.recipe))


async def _pair(session: AsyncSession, name: str, *, for_update: bool = False) -> store.Pair:
    row = await store.get(session, name, for_update=for_update)
    newest = await store.version(session, name, row.version) if row is not None else None
    if row is None or newest is None:
        raise not_found("config", name, await store.names(session))
    return row, newest


def _summary(
    row: ConfigRow, newest: ConfigVersionRow, users: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "description": newest.recipe.get("description"),
        "model": newest.recipe["model"],
        "revision": newest.recipe.get("revision"),
        "message": newest.message,
        "author": newest.author,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "used_by": sorted(users.get(row.name, ())),
    }


def _version(row: ConfigVersionRow) -> ConfigVersion:
    return ConfigVersion.model_validate(row, from_attributes=True)


def _name_errors(name: str) -> list[FieldError]:
    if name not in RESERVED_NAMES:
        return []
    message = f"“{name}” is an address of the API. Choose another name."
    return [FieldError(field="name", message=message, suggestion=f"{name}-config")]


def _number(cursor: str | None) -> int | None:
    text = decode_cursor(cursor)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:
        message = "Not a cursor of this list. Leave it out to start from the first page."
        raise invalid([FieldError(field="cursor", message=message)])
    return int(text)


def _taken(name: str) -> Problem:
    return Problem(
        "config_name_taken",
        f"There is already a config “{name}”. Choose another name, or save a version of that one.",
        status=409,
    )


def _changed_since(newest: ConfigVersionRow, expected: int) -> Problem:
    return Problem(
        "config_changed",
        f"“{newest.name}” is at version {newest.version} now, saved by "
        f"{newest.author or 'somebody'}; you edited version {expected}. Look at what is new, then "
        "save again.",
        status=409,
        remediation=[Remedy(label=f"Compare versions {expected} and {newest.version}")],
    )


def _in_use(name: str, users: Sequence[str]) -> Problem:
    return Problem(
        "config_in_use",
        f"“{name}” is used by {', '.join(sorted(users)[:10])}. Delete these deployments first, or "
        "make them use another config.",
        status=409,
    )


def _no_such_version(row: ConfigRow, number: int) -> Problem:
    return Problem(
        "config_version_not_found",
        f"“{row.name}” has no version {number}; its versions are 1 to {row.version}.",
        status=404,
    )
