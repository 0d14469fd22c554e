"""Checks of CloudFormation's requests: names, template, parameters, and the options that are not emulated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.cloudformation.aws_calls import InProcessCalls
from async_endpoint.emulator.cloudformation.errors import validation_error
from async_endpoint.emulator.cloudformation.stacks import Values
from async_endpoint.emulator.cloudformation.template import MAX_BODY_BYTES, MAX_TEMPLATE_BYTES
from async_endpoint.emulator.sagemaker.protocol import service_model

_NAME: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# Options that would change what a stack does; others describe it only.
_NOT_EMULATED: Final = (
    "DeploymentConfig",
    "ImportExistingResources",
    "IncludeNestedStacks",
    "NotificationARNs",
    "ResourceTypes",
    "ResourcesToImport",
    "StackPolicyBody",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "StackPolicyURL",
    "TimeoutInMinutes",
)


def check_request(action: str, request: Values) -> None:
    """Raise StackError when a required member is missing."""
    shape = service_model("cloudformation").operation_model(action).input_shape
    missing = [name for name in (shape.required_members if shape else ()) if name not in request]
    if missing:
        where = missing[0][0].lower() + missing[0][1:]
        raise validation_error(
            f"1 validation error detected: Value at '{where}' failed to satisfy constraint: Member must not be null"
        )


def check_name(name: str, member: str = "stackName") -> str:
    """The name of a new stack or change set; raises StackError for one that CloudFormation refuses."""
    if not _NAME.fullmatch(name):
        raise validation_error(
            f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    return name


def check_options(request: Values) -> str:
    """What to do on failure: ROLLBACK, DELETE or DO_NOTHING. Raises StackError for options that are not emulated."""
    for name in _NOT_EMULATED:
        if request.get(name):
            raise validation_error(f"{name} is not emulated by the local AWS; leave it out.")
    if any(tag["Key"].lower().startswith("aws:") for tag in request.get("Tags") or ()):
        raise validation_error("aws: prefixed tag key names are not allowed for external use.")
    if (request.get("RollbackConfiguration") or {}).get("RollbackTriggers"):
        raise validation_error("RollbackConfiguration with triggers is not emulated by the local AWS; leave it out.")
    if request.get("DisableRollback") is not None and request.get("OnFailure"):
        raise validation_error("Only one of DisableRollback and OnFailure can be specified.")
    if request.get("DisableRollback"):
        return "DO_NOTHING"
    on_failure = str(request.get("OnFailure") or "ROLLBACK")
    if on_failure not in ("ROLLBACK", "DELETE", "DO_NOTHING"):
        raise validation_error(
            f"1 validation error detected: Value '{on_failure}' at 'onFailure' failed to satisfy constraint: "
            "Member must satisfy enum value set: [ROLLBACK, DELETE, DO_NOTHING]"
        )
    return on_failure


def given_parameters(request: Values, previous: Mapping[str, str]) -> dict[str, str]:
    """The values of a request's parameters; raises StackError for a previous value that there is none of."""
    values: dict[str, str] = {}
    for item in request.get("Parameters") or []:
        name = item["ParameterKey"]
        if item.get("UsePreviousValue"):
            if name not in previous:
                raise validation_error(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a "
                    f"parameter key not in the previous template"
                )
            values[name] = previous[name]
        else:
            values[name] = str(item.get("ParameterValue", ""))
    return values


def template_text(request: Values, calls: InProcessCalls) -> str:
    """The template of a request, read from S3 as the caller if it is given by its address; raises StackError."""
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if bool(body) == bool(url):
        raise validation_error("Either Template URL or Template Body must be specified.")
    if body:
        if len(body.encode()) > MAX_BODY_BYTES:
            raise validation_error(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_BODY_BYTES}"
            )
        return str(body)
    uri = _object_of(str(url))
    try:
        text: bytes = calls.client("s3").get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read(MAX_TEMPLATE_BYTES + 1)
    except ClientError as error:
        raise validation_error(f"S3 error: {error.response['Error'].get('Message', '')}") from error
    if len(text) > MAX_TEMPLATE_BYTES:
        raise validation_error(f"Template may not exceed {MAX_TEMPLATE_BYTES} bytes in size.")
    return text.decode(errors="replace")


def _object_of(url: str) -> S3Uri:
    """The object that the address of a template names; raises StackError for another address."""
    parts = urlsplit(url)
    if parts.hostname and (parts.hostname == "localhost" or parts.hostname.startswith("127.")):  # of this local AWS
        bucket, _, key = parts.path.lstrip("/").partition("/")
        return S3Uri(bucket, key)
    try:
        if parts.scheme == "https":
            return S3Uri.parse(url)
    except InvalidInput as error:
        raise validation_error("TemplateURL must be a supported URL.") from error
    raise validation_error("TemplateURL must be a supported URL.")
