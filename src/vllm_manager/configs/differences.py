"""What differs between two recipes, member by member. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from vllm_manager.configs.schemas import ConfigChange


def differences(before: Any, after: Any, path: str = "") -> Iterator[ConfigChange]:
    """Yield every difference between two JSON values, each with its dotted path."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _in_objects(
            cast(Mapping[str, Any], before), cast(Mapping[str, Any], after), path
        )
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_lists(cast(list[Any], before), cast(list[Any], after), path)
    elif not _same(cast(object, before), cast(object, after)):
        yield _changed(path, before, after)


def _changed(path: str, before: Any, after: Any) -> ConfigChange:
    if before is None:
        return ConfigChange(path=path, kind="added", after=after)
    if after is None:
        return ConfigChange(path=path, kind="removed", before=before)
    return ConfigChange(path=path, kind="changed", before=before, after=after)


def _same(before: object, after: object) -> bool:
    """Whether two values are one; in Python, 1 equals true."""
    return before == after and type(before) is type(after)


def _in_objects(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str
) -> Iterator[ConfigChange]:
    for name in {**before, **after}:
        inner = f"{path}.{name}" if path else name
        if name not in after:
            yield ConfigChange(path=inner, kind="removed", before=before[name])
        elif name not in before:
            yield ConfigChange(path=inner, kind="added", after=after[name])
        else:
            yield from differences(before[name], after[name], inner)


def _in_lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[ConfigChange]:
    for index in range(max(len(before), len(after))):
        inner = f"{path}[{index}]"
        if index >= len(after):
            yield ConfigChange(path=inner, kind="removed", before=before[index])
        elif index >= len(before):
            yield ConfigChange(path=inner, kind="added", after=after[index])
        else:
            yield from differences(before[index], after[index], inner)
