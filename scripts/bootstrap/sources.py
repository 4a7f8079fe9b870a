"""Where packages come from: what pip is configured to use here, said in uv's words.

uv reads neither pip's configuration nor its environment variables, so a company mirror or a
folder of wheels that works for pip is handed on here.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from bootstrap.command import output


def _configured(name: str, environment: Mapping[str, str]) -> str:
    """Return pip's setting `name`, from its environment variable or its configuration."""
    variable = "PIP_" + name.upper().replace("-", "_")
    if value := environment.get(variable):
        return value
    for section in ("global", "install"):
        if value := output([sys.executable, "-m", "pip", "config", "get", f"{section}.{name}"]):
            return value
    return ""


def find_links(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the folders and pages of wheels that are configured."""
    ours = [link for link in environment.get("UV_FIND_LINKS", "").split(",") if link]
    return ours or _configured("find-links", environment).split()


def uv_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that make uv use pip's index, wheel folders and certificates."""
    found = {
        "UV_FIND_LINKS": ",".join(find_links(environment)),
        "UV_DEFAULT_INDEX": environment.get("UV_DEFAULT_INDEX")
        or _configured("index-url", environment),
        "SSL_CERT_FILE": environment.get("SSL_CERT_FILE") or _configured("cert", environment),
    }
    return {name: value for name, value in found.items() if value}


def has_wheel(prefix: str, links: list[str]) -> bool:
    """Tell whether a local folder among `links` holds a wheel whose name starts with `prefix`."""
    plain = [link.removeprefix("file://") for link in links]
    folders = [Path(link) for link in plain if "://" not in link]
    return any(any(folder.glob(f"{prefix}*.whl")) for folder in folders if folder.is_dir())
