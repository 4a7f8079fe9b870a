"""HTTP routes of the catalog and of Hugging Face tokens."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from vllm_manager.auth.guard import ANYONE, Operator, User
from vllm_manager.catalog.queries import SearchQuery
from vllm_manager.catalog.schemas import (
    Listing,
    ModelCard,
    ModelDetails,
    ModelPage,
    Scope,
    Sort,
    TokenPut,
    TokenTest,
    TokenView,
)
from vllm_manager.catalog.service import Catalog
from vllm_manager.kit.errors import Problem

router = APIRouter(prefix="/api/v1/catalog", tags=["catalog"], dependencies=[Depends(ANYONE)])


def catalog_of(request: Request) -> Catalog:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.catalog


CatalogOf = Annotated[Catalog, Depends(catalog_of)]
Revision = Annotated[
    str | None, Query(max_length=128, description="A branch, tag or commit. Default: `main`.")
]
ScopeQuery = Annotated[
    Scope, Query(description="`installation`: for everyone; `user`: for yourself.")
]
Word = Annotated[str | None, Query(max_length=100)]
Amount = Annotated[int | None, Query(ge=0, le=1 << 50)]


@router.get("/search", operation_id="searchModels", summary="Search the model hub")
async def search_models(
    catalog: CatalogOf,
    principal: User,
    q: Annotated[str | None, Query(max_length=200, description="Words in the model's id.")] = None,
    task: Word = None,
    library: Word = None,
    license: Word = None,
    min_parameters: Amount = None,
    max_parameters: Amount = None,
    sort: Sort = "trending",
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> ModelPage:
    query = SearchQuery(
        q, task, library, license, min_parameters, max_parameters, sort, limit, cursor
    )
    return await catalog.search(query, principal.user_id)


@router.get("/popular", operation_id="listPopularModels", summary="List popular models")
async def list_popular_models(
    catalog: CatalogOf, limit: Annotated[int, Query(ge=1, le=50)] = 20
) -> ModelPage:
    return await catalog.popular(limit)


@router.get("/models/{repo:path}/card", operation_id="getModelCard", summary="Read a model's card")
async def get_model_card(
    repo: str, catalog: CatalogOf, principal: User, revision: Revision = None
) -> ModelCard:
    return await catalog.card(repo, revision, principal.user_id)


@router.get(
    "/models/{repo:path}/files", operation_id="listModelFiles", summary="List a model's files"
)
async def list_model_files(
    repo: str, catalog: CatalogOf, principal: User, revision: Revision = None
) -> Listing:
    token = await catalog.token_of(principal.user_id)
    return await catalog.files(repo, revision or "main", token)


@router.get("/models/{repo:path}", operation_id="getCatalogModel", summary="Get one model")
async def get_catalog_model(
    repo: str, catalog: CatalogOf, principal: User, revision: Revision = None
) -> ModelDetails:
    return await catalog.model(repo, revision, principal.user_id)


@router.get("/token", operation_id="getHubToken", summary="See which Hugging Face token is set")
async def get_hub_token(
    catalog: CatalogOf, principal: Operator, scope: ScopeQuery = "installation"
) -> TokenView:
    return await catalog.tokens.view(scope, principal.user_id)


@router.put("/token", operation_id="putHubToken", summary="Set a Hugging Face token")
async def put_hub_token(
    body: TokenPut, catalog: CatalogOf, principal: Operator, scope: ScopeQuery = "installation"
) -> TokenView:
    _may_change(principal.role, scope)
    return await catalog.tokens.put(scope, principal.user_id, body.token.get_secret_value())


@router.delete(
    "/token", operation_id="deleteHubToken", summary="Forget a Hugging Face token", status_code=204
)
async def delete_hub_token(
    catalog: CatalogOf, principal: Operator, scope: ScopeQuery = "installation"
) -> None:
    _may_change(principal.role, scope)
    await catalog.tokens.delete(scope, principal.user_id)


@router.post(
    "/token/test", operation_id="testHubToken", summary="Test the Hugging Face token in force"
)
async def test_hub_token(catalog: CatalogOf, principal: Operator) -> TokenTest:
    return await catalog.tokens.test(principal.user_id)


def _may_change(role: str, scope: Scope) -> None:
    if scope == "installation" and role != "administrator":
        raise Problem(
            "forbidden",
            "The installation's token is set by an administrator. You can set one of your own.",
            status=403,
        )
