"""HTTP routes of downloads."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import ANYONE, OPERATORS, Operator
from vllm_manager.downloads.schemas import (
    Download,
    DownloadChange,
    DownloadDetails,
    DownloadFile,
    DownloadRequest,
    DownloadState,
)
from vllm_manager.downloads.service import Downloads
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/downloads", tags=["downloads"], dependencies=[Depends(ANYONE)])


def downloads_of(request: Request) -> Downloads:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.downloads


Service = Annotated[Downloads, Depends(downloads_of)]
DownloadId = Annotated[str, Path(max_length=40, description="The download's id.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


@router.get("", operation_id="listDownloads", summary="List downloads, newest first")
async def list_downloads(
    downloads: Service,
    limit: Limit = 50,
    cursor: str | None = None,
    state: DownloadState | None = None,
) -> Page[Download]:
    return await downloads.list(limit, cursor, state)


@router.post(
    "", operation_id="createDownload", summary="Fetch a model from the Hub", status_code=202
)
async def create_download(asked: DownloadRequest, user: Operator, downloads: Service) -> Download:
    """Asking again for what is under way, paused or failed goes on with that same download."""
    return await downloads.create(asked, user)


@router.get("/{download_id}", operation_id="getDownload", summary="Read one download")
async def get_download(download_id: DownloadId, downloads: Service) -> DownloadDetails:
    return await downloads.get(download_id)


@router.get(
    "/{download_id}/files", operation_id="listDownloadFiles", summary="List a download's files"
)
async def list_download_files(
    download_id: DownloadId, downloads: Service, limit: Limit = 200, cursor: str | None = None
) -> Page[DownloadFile]:
    return await downloads.files(download_id, limit, cursor)


@router.patch(
    "/{download_id}",
    operation_id="changeDownload",
    dependencies=[Depends(OPERATORS)],
    summary="Change a priority",
)
async def change_download(
    download_id: DownloadId, change: DownloadChange, downloads: Service
) -> Download:
    return await downloads.change(download_id, change)


@router.post(
    "/{download_id}/pause",
    operation_id="pauseDownload",
    dependencies=[Depends(OPERATORS)],
    summary="Pause a download; what has come is kept",
    status_code=202,
)
async def pause_download(download_id: DownloadId, downloads: Service) -> Download:
    return await downloads.act(download_id, "pause")


@router.post(
    "/{download_id}/resume",
    operation_id="resumeDownload",
    dependencies=[Depends(OPERATORS)],
    summary="Go on with a paused download",
    status_code=202,
)
async def resume_download(download_id: DownloadId, downloads: Service) -> Download:
    return await downloads.act(download_id, "resume")


@router.post(
    "/{download_id}/cancel",
    operation_id="cancelDownload",
    dependencies=[Depends(OPERATORS)],
    summary="Give a download up and remove its partial files",
    status_code=202,
)
async def cancel_download(download_id: DownloadId, downloads: Service) -> Download:
    return await downloads.act(download_id, "cancel")


@router.post(
    "/{download_id}/retry",
    operation_id="retryDownload",
    dependencies=[Depends(OPERATORS)],
    summary="Try a download again that failed or was cancelled",
    status_code=202,
)
async def retry_download(download_id: DownloadId, downloads: Service) -> Download:
    return await downloads.act(download_id, "retry")
