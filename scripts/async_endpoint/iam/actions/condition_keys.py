"""Condition keys of a whole call, from its parameters: tags that it sets or removes, and the services' own keys.

Source: service authorization references, "Condition keys" of each service; IAM guide, aws:RequestTag and aws:TagKeys. Keys that
belong to one permission of several are in the rules of the operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from async_endpoint.iam.actions.call import ApiCall

Keys = dict[str, str | list[str]]

_TAGGING: Final = ("Tags", "tags", "Tag")
_UNTAGGING: Final = ("TagKeys", "tagKeys", "TagKeyList")
_CLOUDWATCH: Final = {"Namespace": "cloudwatch:namespace"}
_STS: Final = {
    "DurationSeconds": "sts:DurationSeconds",
    "ExternalId": "sts:ExternalId",
    "RoleSessionName": "sts:RoleSessionName",
    "SourceIdentity": "sts:SourceIdentity",
    "TransitiveTagKeys": "sts:TransitiveTagKeys",
}
_KMS: Final = {
    "BypassPolicyLockoutSafetyCheck": "kms:BypassPolicyLockoutSafetyCheck",
    "GrantOperations": "kms:GrantOperations",
    "Operations": "kms:GrantOperations",
    "GranteePrincipal": "kms:GranteePrincipal",
    "KeySpec": "kms:KeySpec",
    "KeyUsage": "kms:KeyUsage",
    "MultiRegion": "kms:MultiRegion",
    "Origin": "kms:KeyOrigin",
    "PendingWindowInDays": "kms:ScheduleKeyDeletionPendingWindowInDays",
}
# By service and operation, the keys of parameters where they have them.
_SIMPLE: Final[Mapping[str, Mapping[str, str]]] = {"cloudwatch": _CLOUDWATCH, "kms": _KMS, "sts": _STS}


def call_condition_keys(call: ApiCall) -> Keys:
    """The condition keys of a call; a key of several values is a list."""
    keys: Keys = {}
    tags = dict(_tags(call))
    for name, value in tags.items():
        keys[f"aws:RequestTag/{name}"] = value
    named = [*tags, *(str(name) for source in _UNTAGGING for name in call.params.get(source) or ())]
    if named:
        keys["aws:TagKeys"] = named
    for parameter, key in _SIMPLE.get(call.service, {}).items():
        if call.params.get(parameter) not in (None, "", []):
            keys[key] = _value(call.params[parameter])
    if call.service == "kms":
        keys |= _encryption_context(call.params.get("EncryptionContext"))
        keys |= {"kms:CallerAccount": call.account}
        if str(call.params.get("KeyId", "")).startswith("alias/"):
            keys["kms:RequestAlias"] = call.params["KeyId"]
    if call.service == "sagemaker":
        keys |= _sagemaker(call.params)
    return keys


def _tags(call: ApiCall) -> Iterator[tuple[str, str]]:
    """The tags that a call sets, in every form in which services take them."""
    if call.service == "s3":
        yield from parse_qsl(str(call.params.get("Tagging") or ""), keep_blank_values=True)
        return
    for source in _TAGGING:
        given = call.params.get(source)
        if isinstance(given, Mapping):
            yield from ((str(key), str(value)) for key, value in given.items())
        elif isinstance(given, list):
            for item in given:
                if isinstance(item, Mapping) and (item.get("Key") or item.get("TagKey")):
                    yield str(item.get("Key") or item["TagKey"]), str(item.get("Value") or item.get("TagValue") or "")


def _encryption_context(given: Any) -> Keys:
    if not isinstance(given, Mapping) or not given:
        return {}
    found: Keys = {f"kms:EncryptionContext:{key}": str(value) for key, value in given.items()}
    return found | {"kms:EncryptionContextKeys": [str(key) for key in given]}


def _sagemaker(params: Mapping[str, Any]) -> Keys:
    """Keys of models and endpoint configurations (service authorization reference of SageMaker)."""
    keys: Keys = {}
    variants = [item for item in params.get("ProductionVariants") or () if isinstance(item, Mapping)]
    types = [str(item["InstanceType"]) for item in variants if item.get("InstanceType")]
    network = params.get("VpcConfig") if isinstance(params.get("VpcConfig"), Mapping) else {}
    several = {
        "sagemaker:InstanceTypes": types,
        "sagemaker:VpcSubnets": [str(name) for name in (network or {}).get("Subnets") or ()],
        "sagemaker:VpcSecurityGroupIds": [str(name) for name in (network or {}).get("SecurityGroupIds") or ()],
    }
    keys |= {key: values for key, values in several.items() if values}
    if params.get("KmsKeyId"):
        keys["sagemaker:VolumeKmsKey"] = str(params["KmsKeyId"])
    if params.get("EnableNetworkIsolation") is not None:
        keys["sagemaker:NetworkIsolation"] = _value(params["EnableNetworkIsolation"])
    models = [str(item["ModelName"]) for item in variants if item.get("ModelName")]
    return keys | ({"sagemaker:ModelName": models} if models else {})


def _value(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
