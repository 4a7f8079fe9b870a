"""The one public port: `/v1/*` straight to engines, everything else to the control plane.

This package is imported by every worker, so nothing heavy (pydantic, FastAPI, SQLAlchemy) may be
imported from here. The control plane's side lives in `publisher` and `control_routes`.
"""

from vllm_manager.gateway.launch import serve

__all__ = ["serve"]
