"""The same provider as a process whose ID tokens say who somebody is and no more, as some do.

Groups, names and addresses are then at its userinfo endpoint alone.
"""

import runpy
from typing import Any

from oidc_provider_mock import _app  # pyright: ignore[reportPrivateUsage]


def _only_who(_self: object, user: Any, _scope: str) -> dict[str, object]:
    return {"sub": user.sub}


if __name__ == "__main__":
    _app.OpenIDCode.generate_user_info = _only_who  # pyright: ignore
    runpy.run_module("oidc_provider_mock", run_name="__main__")
