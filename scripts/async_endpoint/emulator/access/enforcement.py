"""Enforcement of IAM: every authenticated call is decided by the policies of its caller and of what it acts on, or denied.

A call that iam/actions does not know is decided by its action alone, on "*": see `decide_unmapped` (A243). Nothing passes
undecided: a call that can be read in two ways is refused, and so is one with unreadable parameters, but for administrators.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from werkzeug.wrappers import Response

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import error_responses
from async_endpoint.emulator.access.ambiguity import ambiguity
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
from async_endpoint.emulator.wsgi import AUTHORIZED, DELETABLE, SCOPE, Application, Environ, StartResponse
from async_endpoint.iam import AccessRequest, Verdict, actions
from async_endpoint.iam.actions import UNKNOWN, Permission, UnknownResource
from async_endpoint.local_aws import ACCOUNT_ID

log = logging.getLogger(__name__)
_ROLE_ARN: Final = re.compile(r"arn:aws:iam::\d{12}:role/.+")
_PROFILE_ARN: Final = re.compile(r"arn:aws:iam::\d{12}:instance-profile/(?:.+/)?(?P<name>[^/]+)")
_TAGS_OF_RESOURCES: Final = ("resourcetag/", "existingobjecttag/")


class UnreadableCall(ValueError):
    """A call that its caller may make, whose parameters cannot be read, so that what else it needs is not known."""


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
        if unclear := ambiguity(environ, call):
            return error_responses.service_failure(call, environ, *unclear)
        try:
            denial = self._denied(environ, principal, call, scope["region"])
        except UnreadableCall as error:
            return error_responses.invalid_request(call, environ, error)
        if denial is None:
            environ[AUTHORIZED] = True
            return None
        if self.denials.add(caller.arn, call, denial.permission):
            log.warning("Denied %s %s: %s", call.service, call.action, denial.message)
        return error_responses.access_denied(call, environ, denial.message)

    def _denied(self, environ: Environ, principal: Principal, call: ApiCall, region: str) -> Denial | None:
        """What a call lacks first; None if it is allowed. Raises UnreadableCall if that cannot be found out."""
        unreadable: Exception | None = None
        try:
            params = parameters_of(environ, call)
        except Exception as error:  # malformed: the service would say so, or read it otherwise
            params, unreadable = {}, error
        caller = principal.arn if ":user/" in principal.arn else ""
        made = actions.ApiCall(call.service, call.action, params, region, ACCOUNT_ID, caller=caller)
        keys = request_keys(environ, made)
        if not actions.has_rules(call.service, call.action):
            return self._denied_unmapped(environ, principal, call, made, keys, readable=unreadable is None)
        facts = BackendFacts(region)
        try:
            needed = [] if unreadable else actions.required_permissions(made, facts)
        except Exception as error:  # a parameter that the rules need and that is missing, or of another type
            needed, unreadable = [], error
        elsewhere = next((item.resource for item in needed if _is_elsewhere(item.resource, region)), None)
        if elsewhere and call.service != "sts":
            unreadable = ValueError(f"{elsewhere} is of another region or account.")
        if unreadable is not None:
            return self._denied_unreadable(principal, call, keys, unreadable)
        if (call.service, call.action) == ("s3", "DeleteObjects"):  # S3 denies each object in its response
            environ[DELETABLE] = self._allowed_resources(principal, needed, keys)
            return None
        for item in needed:
            if not (verdict := self._decide(principal, item, keys)).allowed:
                return Denial(item, denial_message(call, item, verdict))
        return None

    def _allowed_resources(self, principal: Principal, needed: list[Permission], keys: Keys) -> frozenset[str]:
        """The resources of permissions, for each of which the principal has all of them."""
        denied = {item.resource for item in needed if not self._decide(principal, item, keys).allowed}
        return frozenset(item.resource for item in needed) - denied

    def _denied_unreadable(self, principal: Principal, call: ApiCall, keys: Keys, cause: Exception) -> Denial | None:
        """A call whose parameters cannot be read: denied if its action is, else invalid, but for administrators."""
        action = f"{actions.prefix_of(call.service)}:{call.action}"
        verdict = decide_unmapped(principal, action, keys)
        if not verdict.allowed:
            return Denial(Permission(action, "*", {}), f"{verdict.explain}. {cause}")
        if principal.unrestricted:
            return None
        raise UnreadableCall(f"{type(cause).__name__}: {cause}")

    def _decide(self, principal: Principal, permission: Permission, keys: Keys) -> Verdict:
        policy = (policy_of(permission.resource) or "").lower()
        tagged = any(word in policy or principal.mentions(word) for word in _TAGS_OF_RESOURCES)
        tags = resource_tag_keys(permission.resource, self._hosting_tags, _version(permission, keys)) if tagged else {}
        try:
            if isinstance(permission.resource, UnknownResource):
                return decide_unmapped(principal, permission.action, {**keys, **permission.context})
            return decide(principal, permission, {**keys, **tags})
        except InvalidInput as error:  # an invalid policy allows nothing
            who = AccessRequest(permission.action, permission.resource, principal.arn, session=principal.session).caller
            text = f"User: {who} is not authorized to perform: {permission.action} on resource: {permission.resource}"
            return Verdict(False, False, None, f"{text}. {error}")

    def _denied_unmapped(
        self, environ: Environ, principal: Principal, call: ApiCall, made: actions.ApiCall, keys: Keys, *, readable: bool
    ) -> Denial | None:
        """The decision on a call whose resources are not known; a role that it names needs iam:PassRole too."""
        # A name that no pattern of some actions matches, as the action is not known.
        name = call.action or f"({environ['REQUEST_METHOD']} {environ['PATH_INFO']})"
        action = f"{actions.prefix_of(call.service)}:{name}"
        verdict = decide_unmapped(principal, action, keys)
        if not verdict.allowed:
            hint = '. The local AWS does not know the resources of this action, so policies must allow it on "*".'
            return Denial(Permission(action, "*", {}), verdict.explain + hint)
        roles = _passed_roles(made.params, BackendFacts(made.region)) if readable else [UNKNOWN]
        for arn in () if call.service in ("iam", "sts") else roles:
            passed = Permission("iam:PassRole", arn, {"iam:PassedToService": f"{call.service}.amazonaws.com"})
            if not (verdict := self._decide(principal, passed, keys)).allowed:
                return Denial(passed, denial_message(call, passed, verdict))
        return None


def _is_elsewhere(arn: str, region: str) -> bool:
    """Whether an ARN is of another region or account than a call: services could take it for the resource of its name here."""
    parts = arn.split(":", 5)
    return len(parts) == 6 and (parts[3] not in ("", region) or parts[4] not in ("", "aws", ACCOUNT_ID))


def _version(permission: Permission, keys: Keys) -> str | None:
    """The version of an object that a permission is about."""
    version = keys.get("s3:VersionId")
    return version if isinstance(version, str) and "Version" in permission.action else None


def _passed_roles(params: Mapping[str, Any], facts: BackendFacts) -> Iterator[str]:
    """The ARNs of the roles that parameters name, at whatever depth, by ARN or by instance profile."""
    for found in _strings(params):
        if _ROLE_ARN.fullmatch(found):
            yield found
        elif profile := _PROFILE_ARN.fullmatch(found):
            yield from facts.profile_roles(profile["name"])
    for profile_of in _values(params, "IamInstanceProfile"):
        if isinstance(profile_of, Mapping) and profile_of.get("Name"):
            yield from facts.profile_roles(str(profile_of["Name"]))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _values(value: Any, name: str) -> Iterator[Any]:
    """The values of a member at whatever depth."""
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _values(item, name)
    if isinstance(value, Mapping) and name in value:
        yield value[name]
