"""Records the permissions that requests need: principal, action, resource and condition keys of each, by iam/actions.

Off until an administrator starts it, and then at most MAX_PERMISSIONS different ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.access.backend_facts import BackendFacts
from async_endpoint.emulator.api_calls import call_of
from async_endpoint.emulator.auth.identities import caller_of
from async_endpoint.emulator.call_parameters import parameters_of
from async_endpoint.emulator.wsgi import SCOPE, Application, Environ, StartResponse
from async_endpoint.iam import actions
from async_endpoint.local_aws import ACCOUNT_ID

MAX_PERMISSIONS: Final = 20_000


class _Recorded(NamedTuple):
    principal: str
    operation: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...]


class AccessRecorder:
    """WSGI middleware in front of `application`."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._on = False
        self._recorded: dict[_Recorded, None] = {}
        self._unknown: dict[str, str] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self._on:
            self._record(environ)
        return self._application(environ, start_response)

    def admin(self, method: str, document: Mapping[str, Any]) -> dict[str, Any] | None:
        """GET: what was recorded. POST {"recording": bool}: forget it, and record from now on, or no longer."""
        if method == "GET":
            return self._document()
        if method != "POST":
            return None
        if not isinstance(document.get("recording"), bool):
            raise InvalidInput('The document must have "recording": true or false.')
        with self._lock:
            self._on = document["recording"]
            self._recorded.clear()
            self._unknown.clear()
        return {"recording": self._on}

    def _document(self) -> dict[str, Any]:
        with self._lock:
            recorded, unknown = list(self._recorded), dict(self._unknown)
        return {
            "recording": self._on,
            "permissions": [{**item._asdict(), "context": dict(item.context)} for item in recorded],
            "unknown": unknown,
            "complete": len(recorded) < MAX_PERMISSIONS,
        }

    def _record(self, environ: Environ) -> None:
        call, scope = call_of(environ), SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if call is None or scope is None:
            return
        operation, caller = f"{call.service}:{call.action}", caller_of(environ)
        principal = caller.arn if caller else ""
        facts = BackendFacts(scope["region"])
        try:
            needed = actions.required_permissions(
                actions.ApiCall(call.service, call.action, parameters_of(environ, call), scope["region"], ACCOUNT_ID), facts
            )
        except Exception as error:  # a request that AWS refuses before it looks at permissions, or a rule that is missing
            with self._lock:
                self._unknown[operation] = f"{type(error).__name__}: {error}"
            return
        with self._lock:
            for action, resource, context in needed:
                if len(self._recorded) < MAX_PERMISSIONS:
                    self._recorded[_Recorded(principal, operation, action, resource, tuple(sorted(context.items())))] = None
