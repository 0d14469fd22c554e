"""WSGI types shared by the middleware layers, the administration path, and the credential scope of a signature."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
ADMIN: Final = "/_local/"  # prefix of the local AWS's own API
FORM_FIELDS: Final = "async_endpoint.form_fields"  # the fields of an upload by HTML form, by lower-case name
CALLED_VIA: Final = "async_endpoint.called_via"  # the service that makes a request with the rights of its own caller
AUTHORIZED: Final = "async_endpoint.authorized"  # True once enforcement has allowed a request
DELETABLE: Final = "async_endpoint.deletable"  # of a request for DeleteObjects, the ARNs of the objects that may be deleted
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

# The credential scope in the Authorization header of an AWS signature version 4.
SCOPE: Final = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


def is_admin(environ: Environ) -> bool:
    """Whether a request is for the administration API; used by both authentication and routing."""
    return bool(environ["PATH_INFO"].startswith(ADMIN))
