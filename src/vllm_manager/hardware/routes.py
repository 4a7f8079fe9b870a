"""HTTP routes of the hardware."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vllm_manager.auth.guard import ANYONE
from vllm_manager.hardware.schemas import HardwareSnapshot
from vllm_manager.hardware.service import Hardware

router = APIRouter(prefix="/api/v1/hardware", tags=["hardware"], dependencies=[Depends(ANYONE)])


def hardware_of(request: Request) -> Hardware:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.hardware


@router.get(
    "",
    operation_id="getHardware",
    summary="Read this machine's processors, memory, GPUs and disks as they are now",
)
async def get_hardware(hardware: Annotated[Hardware, Depends(hardware_of)]) -> HardwareSnapshot:
    """What can't be read is null, and its reason is in `problems`."""
    return await hardware.snapshot()
