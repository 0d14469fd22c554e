"""The runtime API: InvokeEndpoint and InvokeEndpointAsync."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from werkzeug.wrappers import Response

from async_endpoint.core import limits
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.hosting import error_messages
from async_endpoint.emulator.hosting.async_inference import output_locations
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.execution_role import AccessDenied
from async_endpoint.emulator.hosting.hosted_config import AsyncSettings
from async_endpoint.emulator.hosting.model_spec import ModelSpec
from async_endpoint.emulator.hosting.real_time import InvokeRequest, ModelFailed, NoCapacity, Throttled
from async_endpoint.emulator.hosting.request_queue import BINARY, AsyncInvocation
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.moto_backends import ResourceNotFound
from async_endpoint.emulator.sagemaker.protocol import ApiError, service_model
from async_endpoint.emulator.sagemaker.request_validation import validate_request
from async_endpoint.local_aws import ACCOUNT_ID

PREFIX = "X-Amzn-SageMaker-"


def validation_error(message: str) -> ApiError:
    """The runtime's ValidationError (its control plane says ValidationException)."""
    return ApiError("ValidationError", message)


# Members of InvokeEndpoint for features that no endpoint of the local AWS can have.
_UNSUPPORTED = {
    "EnableExplanations": "explanations",
    "InferenceComponentName": "inference components",
    "PrefixAwareId": "prefix-aware routing",
    "SessionId": "stateful sessions",
}


class RequestHeaders:
    """The members of a request: its headers, each of which carries one, and its body."""

    def __init__(self, operation: str, endpoint_name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ValidationError with all violated constraints of the service model."""
        self._headers = {name.lower(): _decoded(value) for name, value in headers.items()}
        members: dict[str, Any] = {"EndpointName": endpoint_name, "Body": body}
        for member, (header, kind) in _header_members(operation).items():
            value = self._headers.get(header)
            if value is not None:
                members[member] = _integer(member, value) if kind == "integer" else value
        self._members = validate_request("sagemaker-runtime", operation, members, validation_error)

    def text(self, member: str) -> str:
        """A string member, empty when not sent."""
        return str(self._members.get(member, ""))

    def number(self, member: str, default: int) -> int:
        """An integer member."""
        return int(self._members.get(member, default))

    def has(self, member: str) -> bool:
        return member in self._members

    def plain(self, name: str) -> str | None:
        """A header without SageMaker's prefix, such as Content-Type."""
        return self._headers.get(name.lower())


@cache
def _header_members(operation: str) -> dict[str, tuple[str, str]]:
    """The members of an operation that are headers: lower-case name of the header, and type."""
    members = service_model("sagemaker-runtime").operation_model(operation).input_shape.members
    return {
        name: (shape.serialization["name"].lower(), shape.type_name)
        for name, shape in members.items()
        if shape.serialization.get("location") == "header"
    }


def _integer(member: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ApiError("SerializationException", f"'{text}' can not be converted to an Integer (at '{member}')") from error


def _decoded(value: str) -> str:
    """Decode a header: SDKs send UTF-8, WSGI decodes Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


class RuntimeApi:
    """The two actions of the runtime API."""

    def __init__(self, hosting: Hosting, accepted: Callable[[HostedEndpoint, AsyncInvocation], None] = lambda *_: None) -> None:
        """`accepted` is called with each asynchronous request before it is queued; it may raise ApiError to reject it."""
        self._hosting = hosting
        self._accepted = accepted

    # --- asynchronous --------------------------------------------------------------------------------------------------

    def invoke_async(self, region: str, name: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Queue a request and answer 202 with its output and failure locations as headers; raises ApiError."""
        endpoint = self._endpoint(region, name)
        settings = endpoint.deployment.async_settings
        if settings is None:
            raise validation_error(f"Endpoint {name} is not an asynchronous endpoint; call InvokeEndpoint.")
        invocation = self._invocation(RequestHeaders("InvokeEndpointAsync", name, headers, body), body, settings)
        with endpoint.changed:  # a snapshot sees the request both journaled and queued, or neither
            if not endpoint.accepts_requests:
                raise _not_in_service(endpoint)
            self._accepted(endpoint, invocation)
            endpoint.invoke_async(invocation)
        answer = Response(json.dumps({"InferenceId": invocation.inference_id}), 202, content_type="application/json")
        if invocation.output is not None:
            answer.headers[f"{PREFIX}OutputLocation"] = str(invocation.output)
        if invocation.failure is not None:
            answer.headers[f"{PREFIX}FailureLocation"] = str(invocation.failure)
        return answer

    def _invocation(self, sent: RequestHeaders, body: bytes, settings: AsyncSettings) -> AsyncInvocation:
        now = self._hosting.clock.now()
        location = sent.text("InputLocation") if sent.has("InputLocation") else None
        _check_input(location, body)
        ttl = sent.number("RequestTTLSeconds", limits.DEFAULT_REQUEST_TTL_SECONDS)
        output, failure = output_locations(
            settings, str(uuid.uuid4()), sent.text("Filename"), sent.text("S3OutputPathExtension")
        )
        return AsyncInvocation(
            inference_id=sent.text("InferenceId") or str(uuid.uuid4()),
            output=output,
            failure=failure,
            received_at=now,
            expires_at=now + ttl,
            timeout_seconds=sent.number("InvocationTimeoutSeconds", limits.DEFAULT_INVOCATION_TIMEOUT_SECONDS),
            # Without a ContentType the S3 object's own is used: SageMaker's SDK and samples rely on that.
            content_type=sent.text("ContentType") or ("" if location else sent.plain("Content-Type") or BINARY),
            accept=sent.text("Accept") or None,
            custom_attributes=sent.text("CustomAttributes") or None,
            input_location=location,
            body=body if location is None else None,
        )

    # --- real time -----------------------------------------------------------------------------------------------------

    def invoke(self, region: str, name: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer with the container's response; raises ApiError."""
        endpoint = self._endpoint(region, name)
        if endpoint.real_time is None:
            raise validation_error(f"Endpoint {name} is an asynchronous endpoint; call InvokeEndpointAsync.")
        if not endpoint.accepts_requests:
            raise _not_in_service(endpoint)
        sent = RequestHeaders("InvokeEndpoint", name, headers, body)
        call = _call(sent, body)
        variant = endpoint.real_time.choose(call)
        if variant is None:
            wanted = f"Variant {call.target_variant}" if call.target_variant else "A variant that receives traffic"
            raise validation_error(f"{wanted} not found in endpoint {name} of account {ACCOUNT_ID}.")
        if variant.spec.serverless and len(body) > limits.SERVERLESS_BODY_BYTES:
            raise validation_error(f"Body has {len(body)} bytes; at most {limits.SERVERLESS_BODY_BYTES} are accepted.")
        _check_targets(sent, variant.spec.model)
        try:
            response, variant = endpoint.real_time.invoke(call, variant)
        except Throttled as error:
            raise ApiError("ThrottlingException", "Rate exceeded", 429) from error
        except NoCapacity as error:
            raise ApiError("ServiceUnavailable", str(error), 503) from error
        except (AccessDenied, ResourceNotFound) as error:
            raise _no_model_data(variant.spec.model, call.target, error) from error
        except ModelFailed as failure:
            raise _model_error(failure, region, endpoint) from failure
        answer = Response(response.body, 200, content_type=response.content_type)
        answer.headers["x-Amzn-Invoked-Production-Variant"] = variant.name
        if response.custom_attributes:
            answer.headers[f"{PREFIX}Custom-Attributes"] = response.custom_attributes
        return answer

    def _endpoint(self, region: str, name: str) -> HostedEndpoint:
        endpoint = self._hosting.get(region, name)
        if endpoint is None:
            raise validation_error(f"Endpoint {name} of account {ACCOUNT_ID} not found.")
        return endpoint


def _not_in_service(endpoint: HostedEndpoint) -> ApiError:
    return validation_error(
        f"Endpoint {endpoint.name} of account {ACCOUNT_ID} is not in service: its status is {endpoint.status}."
    )


def _check_input(location: str | None, body: bytes) -> None:
    if location is None and not body:
        raise validation_error("Give either InputLocation or Body; this request has neither.")
    if location is not None and body:
        raise validation_error("Give either InputLocation or Body; this request has both.")
    if location is None:
        return
    try:
        key = S3Uri.parse(location).key
    except InvalidInput as error:
        raise validation_error(f"InputLocation: {error}") from error
    if not key:
        raise validation_error(f"InputLocation {location} names a bucket; give an object in it.")


def _call(sent: RequestHeaders, body: bytes) -> InvokeRequest:
    """The request to the container, with the headers that SageMaker forwards."""
    for member, feature in _UNSUPPORTED.items():
        if sent.has(member):
            raise validation_error(f"The local AWS does not support {feature}; call without {member}.")
    target_model = sent.text("TargetModel")
    passed = {
        "Content-Type": sent.text("ContentType") or BINARY,
        "Accept": sent.text("Accept"),
        f"{PREFIX}Inference-Id": sent.text("InferenceId"),
        f"{PREFIX}Custom-Attributes": sent.text("CustomAttributes"),
        f"{PREFIX}Target-Model": target_model,
    }
    return InvokeRequest(
        body=body,
        headers={name: value for name, value in passed.items() if value},
        target_variant=sent.text("TargetVariant"),
        target=target_model or sent.text("TargetContainerHostname"),
    )


def _check_targets(sent: RequestHeaders, model: ModelSpec) -> None:
    """TargetModel is required exactly for a multi-model container, TargetContainerHostname for a model in Direct mode."""
    hostname = sent.text("TargetContainerHostname") if sent.has("TargetContainerHostname") else None
    if model.multi_model is not sent.has("TargetModel"):
        needed = "requires a TargetModel" if model.multi_model else "accepts no TargetModel: it is not a multi-model container"
        raise validation_error(f"Model {model.name} {needed}.")
    if model.direct is not (hostname is not None):
        needed = (
            "requires a TargetContainerHostname"
            if model.direct
            else "accepts no TargetContainerHostname: it is not in Direct mode"
        )
        raise validation_error(f"Model {model.name} {needed}.")
    known = [container.hostname for container in model.containers]
    if hostname is not None and hostname not in known:
        raise validation_error(f"Model {model.name} has no container {hostname}; its containers are {', '.join(known)}.")


def _no_model_data(model: ModelSpec, target: str, error: Exception) -> ApiError:
    data = model.containers[0].model_data
    assert data is not None  # only a multi-model container reads archives during a request
    uri = data.uri.join(target)
    return validation_error(
        f"Failed to download model data(bucket: {uri.bucket}, key: {uri.key}). Please ensure that there is an object located "
        f"at the URL and that the role passed to CreateModel has permissions to download the model. ({error})"
    )


def _model_error(failure: ModelFailed, region: str, endpoint: HostedEndpoint) -> ApiError:
    """ModelError, with AWS's message and members."""
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    text = str(failure)[: error_messages.MODEL_ERROR_CHARS]
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    said = error_messages.container_error(failure.status, failure.container, text)
    message = f"{said}. See {console} in account {ACCOUNT_ID} for more information."
    members = {
        "OriginalStatusCode": failure.status,
        "OriginalMessage": text,
        "LogStreamArn": f"arn:aws:logs:{region}:{ACCOUNT_ID}:log-group:{group}:log-stream:{failure.log_stream}",
    }
    return ApiError("ModelError", message, 424, members)
