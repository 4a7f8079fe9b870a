"""Keys over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import Anyone, require_role
from vllm_manager.auth.keys.schemas import KeyChange, KeyRequest, KeyRotation, KeyView, NewKey
from vllm_manager.auth.keys.service import Keys
from vllm_manager.auth.schemas import Principal
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])


def keys_of(request: Request) -> Keys:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.keys


Service = Annotated[Keys, Depends(keys_of)]
KeyId = Annotated[str, Path(max_length=40, description="The key's id, `key_…`.")]
Filter = Annotated[str | None, Query(max_length=64, description="Id or name.")]
Maker = Annotated[Principal, Depends(require_role("administrator", "operator", "member"))]

_AFTER_A_DAY = KeyRotation()


@router.get("", operation_id="listKeys", summary="List keys, the newest first")
async def list_keys(
    keys: Service,
    principal: Anyone,
    owner: Filter = None,
    team: Filter = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[KeyView]:
    """Your own; an administrator's list has everybody's."""
    return await keys.page(principal, owner, team, cursor, limit)


@router.post("", operation_id="createKey", summary="Make a key", status_code=201)
async def create_key(asked: KeyRequest, keys: Service, principal: Maker) -> NewKey:
    """The answer holds the key itself, this once. It works at the gateway within a second."""
    return await keys.create(principal, asked)


@router.get("/{key_id}", operation_id="getKey", summary="Read what is known of a key")
async def get_key(key_id: KeyId, keys: Service, principal: Anyone) -> KeyView:
    return await keys.get(principal, key_id)


@router.patch("/{key_id}", operation_id="changeKey", summary="Change a key")
async def change_key(key_id: KeyId, asked: KeyChange, keys: Service, principal: Maker) -> KeyView:
    """What is left out stays. Its limits may be lowered; an administrator may also raise them."""
    return await keys.change(principal, key_id, asked)


@router.post(
    "/{key_id}/rotate",
    operation_id="rotateKey",
    summary="Replace a key by a new one",
    status_code=201,
)
async def rotate_key(
    key_id: KeyId, keys: Service, principal: Maker, asked: KeyRotation = _AFTER_A_DAY
) -> NewKey:
    """The new key works at once, the old one beside it until `old_until`."""
    return await keys.rotate(principal, key_id, asked)


@router.post("/{key_id}/revoke", operation_id="revokeKey", summary="End a key at once")
async def revoke_key(key_id: KeyId, keys: Service, principal: Anyone) -> KeyView:
    """Every gateway worker refuses it within a second. It can't be undone."""
    return await keys.revoke(principal, key_id)
