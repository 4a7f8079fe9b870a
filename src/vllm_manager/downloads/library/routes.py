"""HTTP routes of models on disk."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import ANYONE, OPERATORS
from vllm_manager.downloads.library.schemas import (
    AdoptableModel,
    AdoptRequest,
    ImportRequest,
    LibraryAccepted,
    LibraryDeleted,
    LibraryModelDetails,
    LibraryPage,
    VerifyRequest,
)
from vllm_manager.downloads.library.service import Library
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/models", tags=["models"], dependencies=[Depends(ANYONE)])

_AS_IT_IS = VerifyRequest()


def library_of(request: Request) -> Library:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.library


Service = Annotated[Library, Depends(library_of)]
ModelId = Annotated[
    str,
    Path(max_length=300, description="The model's id: `organisation--name@commit`."),
]


@router.get("", operation_id="listModels", summary="List the models on disk, by revision")
async def list_models(
    library: Service,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 200,
    cursor: str | None = None,
) -> LibraryPage:
    return await library.list(limit, cursor)


@router.get(
    "/adoptable",
    operation_id="listAdoptableModels",
    dependencies=[Depends(OPERATORS)],
    summary="List what this machine's own Hugging Face cache holds",
)
async def list_adoptable(library: Service) -> Page[AdoptableModel]:
    return await library.adoptable()


@router.post(
    "/adopt",
    operation_id="adoptModel",
    dependencies=[Depends(OPERATORS)],
    summary="Take a model in from this machine's own Hugging Face cache",
    status_code=202,
)
async def adopt_model(asked: AdoptRequest, library: Service) -> LibraryAccepted:
    """Its files are linked where that is possible, else copied; the cache keeps its own."""
    return LibraryAccepted(operation=await library.adopt(asked))


@router.post(
    "/import",
    operation_id="importModel",
    dependencies=[Depends(OPERATORS)],
    summary="Take a folder of this machine in as `local/<name>`",
    status_code=202,
)
async def import_model(asked: ImportRequest, library: Service) -> LibraryAccepted:
    """Only safetensors, configuration and tokenizer are copied; what is unsound is refused."""
    return LibraryAccepted(operation=await library.import_folder(asked))


@router.get("/{model_id}", operation_id="getModel", summary="Read one model on disk")
async def get_model(model_id: ModelId, library: Service) -> LibraryModelDetails:
    return await library.get(model_id)


@router.post(
    "/{model_id}/verify",
    operation_id="verifyModel",
    dependencies=[Depends(OPERATORS)],
    summary="Hash a model's files anew and name those that are wrong",
    status_code=202,
)
async def verify_model(
    model_id: ModelId, library: Service, asked: VerifyRequest = _AS_IT_IS
) -> LibraryAccepted:
    return LibraryAccepted(operation=await library.verify(model_id, refetch=asked.refetch))


@router.delete(
    "/{model_id}",
    operation_id="deleteModel",
    dependencies=[Depends(OPERATORS)],
    summary="Delete a model from the disk",
)
async def delete_model(model_id: ModelId, library: Service) -> LibraryDeleted:
    """Refused while a deployment names it. Files that another revision shares stay."""
    return LibraryDeleted(freed_bytes=await library.delete(model_id))
