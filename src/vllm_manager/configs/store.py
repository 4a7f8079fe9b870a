"""Queries on configs; every call runs in its caller's session."""

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.configs.tables import ConfigRow, ConfigVersionRow

Pair = tuple[ConfigRow, ConfigVersionRow]


async def get(session: AsyncSession, name: str, *, for_update: bool = False) -> ConfigRow | None:
    return await session.get(ConfigRow, name, with_for_update=for_update or None)


async def version(session: AsyncSession, name: str, number: int) -> ConfigVersionRow | None:
    return await session.get(ConfigVersionRow, (name, number))


async def page(
    session: AsyncSession, limit: int | None, after: str | None, text: str | None
) -> Sequence[Pair]:
    """Return configs with their newest versions; those whose name or model holds `text`."""
    newest = and_(
        ConfigVersionRow.name == ConfigRow.name, ConfigVersionRow.version == ConfigRow.version
    )
    query = select(ConfigRow, ConfigVersionRow).join(ConfigVersionRow, newest)
    query = query.order_by(ConfigRow.name)
    if limit is not None:
        query = query.limit(limit)
    if after is not None:
        query = query.where(ConfigRow.name > after)
    if text:
        model = ConfigVersionRow.recipe["model"].as_string()
        query = query.where(
            or_(
                ConfigRow.name.contains(text, autoescape=True),
                model.icontains(text, autoescape=True),
            )
        )
    return [(row, newest_row) for row, newest_row in await session.execute(query)]


async def versions(
    session: AsyncSession, name: str, limit: int, before: int | None
) -> Sequence[ConfigVersionRow]:
    """Return up to `limit` versions, newest first, older than `before`."""
    query = select(ConfigVersionRow).where(ConfigVersionRow.name == name)
    if before is not None:
        query = query.where(ConfigVersionRow.version < before)
    order = ConfigVersionRow.version.desc()
    return (await session.scalars(query.order_by(order).limit(limit))).all()


async def names(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(ConfigRow.name).order_by(ConfigRow.name)))


async def newest(session: AsyncSession) -> Mapping[str, int]:
    """Return the number of each config's newest version."""
    rows = await session.execute(select(ConfigRow.name, ConfigRow.version))
    return {name: number for name, number in rows}  # noqa: C416 (typed)


async def remove(session: AsyncSession, name: str) -> None:
    """Delete a config and all its versions."""
    await session.execute(delete(ConfigVersionRow).where(ConfigVersionRow.name == name))
    await session.execute(delete(ConfigRow).where(ConfigRow.name == name))
