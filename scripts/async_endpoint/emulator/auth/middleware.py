"""Authentication middleware: the admin token for `/_local/`, a signature for every other request."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable

from werkzeug.wrappers import Response

from async_endpoint.emulator.auth.errors import AuthenticationError
from async_endpoint.emulator.auth.form_post import is_form_post, verify_form_post
from async_endpoint.emulator.auth.identities import CALLER_KEY, AccessKeys, Caller
from async_endpoint.emulator.auth.sigv4 import ALGORITHM
from async_endpoint.emulator.auth.verification import Verifier
from async_endpoint.emulator.error_responses import not_authenticated
from async_endpoint.emulator.wsgi import Application, Environ, StartResponse, is_admin
from async_endpoint.local_aws import AccessKey

_SCREENED = "async_endpoint.screened"


class AuthMiddleware:
    """WSGI middleware in front of `application`: answers unauthenticated requests, neither counted nor read further."""

    def __init__(
        self, application: Application, access_key: AccessKey, admin_token: str, instance_id: Callable[[], str]
    ) -> None:
        self._application = application
        self._authorization = f"Bearer {admin_token}".encode()
        self._instance_id = instance_id
        self._verifier = Verifier(AccessKeys(access_key))

    def refusal(self, environ: Environ) -> Response | None:
        """The response to a request that its head shows to be unauthenticated, before its body is read; None to accept it."""
        if is_admin(environ):
            return None if self._is_admin(environ) else self._admin_denied()
        if is_form_post(environ):  # signed in its body
            return None
        try:
            environ[_SCREENED] = self._verifier.screen(environ)
        except AuthenticationError as refusal:
            return not_authenticated(environ, refusal.s3, refusal.other)
        return None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        refusal = None if _SCREENED in environ else self.refusal(environ)
        if refusal is not None:
            return refusal(environ, start_response)
        if not is_admin(environ):
            try:
                environ[CALLER_KEY] = self._authenticate(environ)
            except AuthenticationError as error:
                return not_authenticated(environ, error.s3, error.other)(environ, start_response)
        return self._application(environ, start_response)

    def _is_admin(self, environ: Environ) -> bool:
        given = str(environ.get("HTTP_AUTHORIZATION", "")).encode("latin-1", "replace")
        return hmac.compare_digest(given, self._authorization)

    def _admin_denied(self) -> Response:
        error = "The token of this local AWS is missing or wrong; it is the admin_token in .local/aws/credentials.json."
        body = json.dumps({"error": error, "instance_id": self._instance_id()})
        return Response(body, 403, content_type="application/json")

    def _authenticate(self, environ: Environ) -> Caller:
        """The caller. A request signed in its URL or form gets an Authorization header with the scope of its signature.

        Later layers choose the service by that header; moto's own guess, from path and body, takes a presigned upload for a
        call of STS.
        """
        if is_form_post(environ):
            caller, scope = verify_form_post(environ, self._verifier)
        else:
            caller, scope = self._verifier.complete(environ, environ[_SCREENED])
        if "HTTP_AUTHORIZATION" not in environ:
            credential = f"{caller.access_key_id}/{scope}"
            environ["HTTP_AUTHORIZATION"] = f"{ALGORITHM} Credential={credential}, SignedHeaders=host, Signature=verified"
        return caller
