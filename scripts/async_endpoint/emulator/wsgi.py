"""The words of WSGI that the layers of the local AWS share, and who a request was signed for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
ADMIN: Final = "/_local/"  # begins the paths of the local AWS itself
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

# Of the Authorization header of an AWS signature, version 4.
SCOPE: Final = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


def is_admin(environ: Environ) -> bool:
    """Whether a request is for the local AWS itself; both authentication and routing ask here."""
    return bool(environ["PATH_INFO"].startswith(ADMIN))
