"""What a KMS key can be used for, by its KeySpec and KeyUsage, and reserved aliases. moto uses any key for most operations.

Codes: API reference, errors of each operation, and CreateKey, KeyUsage; CreateAlias ("The alias name cannot begin with
alias/aws/"; its error, which the service model lacks, is moto's for the aliases it knows). UpdateAlias: "The current and new
KMS key must be the same type …, and they must have the same key usage" (A280 for the code). Texts of CreateKey and of a wrong
usage: other emulators (LocalStack, local-kms); those of a wrong spec and of UpdateAlias are the local AWS's.
moto refuses wrong keys for signing as ValidationException, which Sign does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.kms.responses import KmsResponse

SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
_RESERVED: Final = "alias/aws/"
# The usages of a spec, by the start of its name: CreateKey, KeyUsage.
_USAGES: Final = {
    SYMMETRIC: ("ENCRYPT_DECRYPT",),
    "HMAC_": ("GENERATE_VERIFY_MAC",),
    "RSA_": ("ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    "ECC_NIST_P": ("SIGN_VERIFY", "KEY_AGREEMENT"),
    "ECC_SECG_": ("SIGN_VERIFY",),
    "SM2": ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "KEY_AGREEMENT"),
}
# The usage that an operation needs, and whether only symmetric keys will do.
_NEEDS: Final = {
    "encrypt": ("Encrypt", "ENCRYPT_DECRYPT", False),
    "generate_data_key": ("GenerateDataKey", "ENCRYPT_DECRYPT", True),
    "generate_data_key_without_plaintext": ("GenerateDataKeyWithoutPlaintext", "ENCRYPT_DECRYPT", True),
    "sign": ("Sign", "SIGN_VERIFY", False),
    "verify": ("Verify", "SIGN_VERIFY", False),
    "generate_mac": ("GenerateMac", "GENERATE_VERIFY_MAC", False),
    "verify_mac": ("VerifyMac", "GENERATE_VERIFY_MAC", False),
}
_ROTATION: Final = ("enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand")
_ALIASES: Final = ("create_alias", "update_alias", "delete_alias")
Method = Callable[[KmsResponse], Any]


def _key(response: KmsResponse) -> Any:
    """The key that a request names by id, ARN or alias; None if there is none, which moto refuses itself."""
    try:
        return response.kms_backend.keys.get(response.kms_backend.any_id_to_key_id(response._get_param("KeyId")))
    except (AttributeError, TypeError):
        return None


def _using(method: Method, operation: str, usage: str, *, symmetric: bool) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        key = _key(self)
        has = (key and key.key_usage) or "ENCRYPT_DECRYPT"  # moto keeps None for a key created without one
        if key is not None and (has != usage or (symmetric and key.key_spec != SYMMETRIC)):
            kind = f"key usage is {has}" if has != usage else f"key spec is {key.key_spec}"
            raise JsonRESTError("InvalidKeyUsageException", f"{key.arn} {kind} which is not valid for {operation}.")
        return method(self)

    return call


def _rotating(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        key = _key(self)
        if key is not None and key.key_spec != SYMMETRIC:
            raise JsonRESTError(
                "UnsupportedOperationException", f"{key.arn} key spec is {key.key_spec} which cannot be rotated."
            )
        return method(self)

    return call


def _public(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        key = _key(self)
        if key is not None and key.key_spec.startswith((SYMMETRIC, "HMAC_")):
            message = f"{key.arn} key spec is {key.key_spec} which has no public key."
            raise JsonRESTError("UnsupportedOperationException", message)
        return method(self)

    return call


def _unreserved(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        if str(self._get_param("AliasName")).startswith(_RESERVED):
            raise JsonRESTError("NotAuthorizedException", "")
        return method(self)

    return call


def _same_kind(method: Method) -> Method:
    """UpdateAlias, for a key of the type and usage of the present one only."""

    @wraps(method)
    def call(self: KmsResponse) -> Any:
        keys = self.kms_backend
        alias = str(self._get_param("AliasName"))
        before = keys.keys.get(keys.get_key_id_from_alias(alias)) if keys.alias_exists(alias) else None
        after = keys.keys.get(keys.get_key_id(str(self._get_param("TargetKeyId"))))
        if before is not None and after is not None and _kind(before) != _kind(after):
            message = f"{after.arn} has another type or usage than {before.arn}, the current key of {alias}."
            raise JsonRESTError("ValidationException", message)
        return method(self)

    return call


def _kind(key: Any) -> tuple[str, str]:
    spec = str(key.key_spec)
    kind = "symmetric" if spec == SYMMETRIC else "HMAC" if spec.startswith("HMAC_") else "asymmetric"
    return kind, key.key_usage or "ENCRYPT_DECRYPT"


def _fitting(method: Method) -> Method:
    @wraps(method)
    def call(self: KmsResponse) -> Any:
        spec = str(self._get_param("KeySpec") or self._get_param("CustomerMasterKeySpec") or SYMMETRIC)
        usage = self._get_param("KeyUsage")
        if usage is None and spec != SYMMETRIC:
            message = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
            raise JsonRESTError("ValidationException", message)
        allowed = next((usages for start, usages in _USAGES.items() if spec.startswith(start)), None)
        if usage is not None and allowed is not None and usage not in allowed:
            raise JsonRESTError("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}")
        return method(self)

    return call


create_key = _fitting(KmsResponse.create_key)  # written_policies.py replaces it with a call of this


def apply() -> None:
    wrapped: dict[str, Method] = {}
    for name, (operation, usage, symmetric) in _NEEDS.items():
        wrapped[name] = _using(getattr(KmsResponse, name), operation, usage, symmetric=symmetric)
    wrapped |= {name: _rotating(getattr(KmsResponse, name)) for name in _ROTATION}
    wrapped |= {name: _unreserved(getattr(KmsResponse, name)) for name in _ALIASES}
    wrapped["update_alias"] = _same_kind(wrapped["update_alias"])
    wrapped["get_public_key"] = _public(KmsResponse.get_public_key)
    for name, method in wrapped.items():
        setattr(KmsResponse, name, method)
