"""Enforcement of IAM: every authenticated call is decided by the policies of its caller and of what it acts on, or denied.

A call that iam/actions does not know is decided by its action alone, on "*": see `decide_unmapped` (A243).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from werkzeug.wrappers import Response

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import error_responses
from async_endpoint.emulator.access.backend_facts import BackendFacts
from async_endpoint.emulator.access.decision import Keys, decide, decide_unmapped
from async_endpoint.emulator.access.denials import DenialLog, denial_message
from async_endpoint.emulator.access.principals import Principal, principal_of
from async_endpoint.emulator.access.request_keys import request_keys
from async_endpoint.emulator.access.resource_policies import policy_of
from async_endpoint.emulator.access.resource_tags import HostingTags, resource_tag_keys
from async_endpoint.emulator.api_calls import ApiCall, call_of
from async_endpoint.emulator.auth.identities import caller_of
from async_endpoint.emulator.call_parameters import parameters_of
from async_endpoint.emulator.wsgi import AUTHORIZED, DENIED_OBJECTS, SCOPE, Application, Environ, StartResponse
from async_endpoint.iam import AccessRequest, Verdict, actions
from async_endpoint.iam.actions import Permission
from async_endpoint.local_aws import ACCOUNT_ID

log = logging.getLogger(__name__)
_ROLE_ARN: Final = re.compile(r"arn:aws:iam::\d{12}:role/.+")
_TAGS_OF_RESOURCES: Final = ("resourcetag/", "existingobjecttag/")


class Denial(NamedTuple):
    """A permission that a call lacks, and the message of its error."""

    permission: Permission
    message: str


class Enforcement:
    """WSGI middleware in front of `application`; decides nothing while `enabled` is False.

    `hosting_tags` returns the tags of a model, endpoint configuration or endpoint by ARN.
    """

    def __init__(self, application: Application, hosting_tags: HostingTags, *, enabled: bool) -> None:
        self._application = application
        self._hosting_tags = hosting_tags
        self.enabled = enabled
        self.denials = DenialLog()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self.enabled:
            refusal = self._refusal(environ)
            if refusal is not None:
                return refusal(environ, start_response)
        return self._application(environ, start_response)

    def status(self) -> dict[str, Any]:
        """Whether IAM is enforced, and the latest denials."""
        return {"enforced": self.enabled, "denials": self.denials.document()}

    def _refusal(self, environ: Environ) -> Response | None:
        caller, call = caller_of(environ), call_of(environ)
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if caller is None or call is None or scope is None:
            return None
        principal = principal_of(caller)
        if principal.token and call.service == "iam":
            return error_responses.invalid_client_token(call, environ)
        denial = self._denied(environ, principal, call, scope["region"])
        if denial is None:
            environ[AUTHORIZED] = True
            return None
        if self.denials.add(caller.arn, call, denial.permission):
            log.warning("Denied %s %s: %s", call.service, call.action, denial.message)
        return error_responses.access_denied(call, environ, denial.message)

    def _denied(self, environ: Environ, principal: Principal, call: ApiCall, region: str) -> Denial | None:
        """What a call lacks first; None if it is allowed."""
        try:
            params = parameters_of(environ, call)
        except Exception:  # malformed: the service will say so, unless the caller may not call it at all
            params = None
        caller = principal.arn if ":user/" in principal.arn else ""
        made = actions.ApiCall(call.service, call.action, params or {}, region, ACCOUNT_ID, caller=caller)
        keys = request_keys(environ, made)
        try:
            needed = None if params is None else actions.required_permissions(made, BackendFacts(region))
        except Exception:  # an operation without rules, or a parameter that they need and that is missing
            needed = None
        if needed is None:
            return self._denied_unmapped(environ, principal, call, made, keys)
        missing = [(item, verdict) for item in needed if not (verdict := self._decide(principal, item, keys)).allowed]
        if (call.service, call.action) == ("s3", "DeleteObjects"):  # S3 denies each object in its response
            environ[DENIED_OBJECTS] = frozenset(item.resource for item, _ in missing)
            return None
        return next((Denial(item, denial_message(call, item, verdict)) for item, verdict in missing), None)

    def _decide(self, principal: Principal, permission: Permission, keys: Keys) -> Verdict:
        policy = (policy_of(permission.resource) or "").lower()
        tagged = any(word in policy or principal.mentions(word) for word in _TAGS_OF_RESOURCES)
        tags = resource_tag_keys(permission.resource, self._hosting_tags) if tagged else {}
        try:
            return decide(principal, permission, {**keys, **tags})
        except InvalidInput as error:  # an invalid policy allows nothing
            who = AccessRequest(permission.action, permission.resource, principal.arn, session=principal.session).caller
            text = f"User: {who} is not authorized to perform: {permission.action} on resource: {permission.resource}"
            return Verdict(False, False, None, f"{text}. {error}")

    def _denied_unmapped(
        self, environ: Environ, principal: Principal, call: ApiCall, made: actions.ApiCall, keys: Keys
    ) -> Denial | None:
        """The decision on a call whose resources are not known; a role that it names needs iam:PassRole too."""
        name = call.action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        action = f"{actions.prefix_of(call.service)}:{name}"
        verdict = decide_unmapped(principal, action, keys)
        if not verdict.allowed:
            hint = '. The local AWS does not know the resources of this action, so policies must allow it on "*".'
            return Denial(Permission(action, "*", {}), verdict.explain + hint)
        for arn in () if call.service in ("iam", "sts") else _role_arns(made.params):
            passed = Permission("iam:PassRole", arn, {"iam:PassedToService": f"{call.service}.amazonaws.com"})
            if not (verdict := self._decide(principal, passed, keys)).allowed:
                return Denial(passed, denial_message(call, passed, verdict))
        return None


def _role_arns(value: Any) -> Iterator[str]:
    """The ARNs of roles in a parameter, at whatever depth."""
    if isinstance(value, str):
        if _ROLE_ARN.fullmatch(value):
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _role_arns(item)
