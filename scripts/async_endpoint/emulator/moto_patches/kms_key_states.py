"""States of KMS keys. moto uses keys that are disabled or pending deletion, and fails on ARNs where it expects key ids.

By the table "Key states of AWS KMS keys" (KMS developer guide), an operation on a key in the wrong state is DisabledException
or KMSInvalidStateException. Operations that manage a key take its id or ARN; moto looks an ARN up as an id and answers 500.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

_USES: Final = (
    "encrypt",
    "generate_data_key",
    "generate_data_key_without_plaintext",
    "generate_mac",
    "get_public_key",
    "sign",
    "verify",
    "verify_mac",
)
# The member with the key, and whether the operation also needs an enabled key.
_MANAGES: Final = {
    "create_alias": ("TargetKeyId", False),
    "update_alias": ("TargetKeyId", False),
    "create_grant": ("KeyId", True),
    "enable_key": ("KeyId", False),
    "disable_key": ("KeyId", False),
    "enable_key_rotation": ("KeyId", True),
    "disable_key_rotation": ("KeyId", True),
    "rotate_key_on_demand": ("KeyId", True),
    "schedule_key_deletion": ("KeyId", False),
    "tag_resource": ("KeyId", False),
    "untag_resource": ("KeyId", False),
    "update_key_description": ("KeyId", False),
}
_IN_EVERY_STATE: Final = ("cancel_key_deletion", "get_key_rotation_status", "put_key_policy", "get_key_policy")
Method = Callable[[KmsResponse], Any]
_METHODS: Final = {name: getattr(KmsResponse, name) for name in (*_USES, *_MANAGES, *_IN_EVERY_STATE)}
_decrypt = KmsBackend.decrypt
_re_encrypt = KmsBackend.re_encrypt


def _error(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


def _check(key: Any, *, enabled: bool) -> None:
    if key.key_state == "PendingDeletion":
        raise _error("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if enabled and key.key_state == "Disabled":
        raise _error("DisabledException", f"{key.arn} is disabled.")


def _found(response: KmsResponse, member: str) -> Any:
    """The key that a request names by id, ARN or alias; None if there is none, which moto refuses itself."""
    identifier = response._get_param(member)
    if not isinstance(identifier, str):
        return None
    try:
        return response.kms_backend.keys.get(response.kms_backend.any_id_to_key_id(identifier))
    except (AttributeError, TypeError):  # an unknown alias
        return None


def _using(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        key = _found(self, "KeyId")
        if key is not None:
            _check(key, enabled=True)
        return method(self)

    return call


def _managing(method: Method, member: str, *, enabled: bool | None) -> Method:
    """A method with the state checked (None: any state will do), and with the key's id where the request has an ARN."""

    @wraps(method)
    def call(self: KmsResponse) -> Any:
        key, document = _found(self, member), json.loads(self.body)
        if key is not None and str(document[member]).startswith("arn:") and ":key/" in document[member]:
            self.body = json.dumps(document | {member: key.id})
        if key is not None and enabled is not None:
            _check(key, enabled=enabled)
        return method(self)

    return call


def _cancel(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        key = _found(self, "KeyId")
        if key is not None and key.key_state != "PendingDeletion":
            raise _error("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
        return method(self)

    return call


def _schedule(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        days = self._get_param("PendingWindowInDays", 30)
        if not isinstance(days, int) or not 7 <= days <= 30:
            raise _error("ValidationException", "PendingWindowInDays must be between 7 and 30 days (inclusive).")
        return method(self)

    return call


def _decrypt_checked(self: KmsBackend, *arguments: Any, **named: Any) -> Any:
    answer = _decrypt(self, *arguments, **named)
    _check(self.keys[answer[1].rpartition("/")[2]], enabled=True)
    return answer


def _re_encrypt_checked(self: KmsBackend, *arguments: Any, **named: Any) -> Any:
    answer = _re_encrypt(self, *arguments, **named)
    for arn in answer[1:3]:
        _check(self.keys[arn.rpartition("/")[2]], enabled=True)
    return answer


put_key_policy = _managing(_METHODS["put_key_policy"], "KeyId", enabled=None)


def apply() -> None:
    methods = _METHODS | {name: _using(_METHODS[name]) for name in _USES}
    methods["schedule_key_deletion"] = _schedule(methods["schedule_key_deletion"])
    methods["cancel_key_deletion"] = _cancel(methods["cancel_key_deletion"])
    methods |= {name: _managing(methods[name], member, enabled=enabled) for name, (member, enabled) in _MANAGES.items()}
    methods |= {name: _managing(methods[name], "KeyId", enabled=None) for name in _IN_EVERY_STATE}
    for name, method in methods.items():
        setattr(KmsResponse, name, method)
    KmsBackend.decrypt, KmsBackend.re_encrypt = _decrypt_checked, _re_encrypt_checked
