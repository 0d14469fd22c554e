"""Identification of API calls: service and action of a request, from the request alone, before it is answered."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from async_endpoint.emulator.sagemaker.protocol import service_model
from async_endpoint.emulator.wsgi import FORM_FIELDS, SCOPE

# By boto3's names.
SERVICES: Final = (
    "application-autoscaling",
    "cloudformation",
    "cloudwatch",
    "iam",
    "kms",
    "logs",
    "resourcegroupstaggingapi",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "service-quotas",
    "sns",
    "sqs",
    "sts",
)
# Where that is another name.
_SIGNED_AS = {"monitoring": "cloudwatch", "servicequotas": "service-quotas", "tagging": "resourcegroupstaggingapi"}
_SCOPE_OF_URL = re.compile(r"X-Amz-Credential=[^&]+(?:%2F|/)(?P<service>[^%/&]+)(?:%2F|/)aws4_request", re.IGNORECASE)
_INVOKED = re.compile(r"/endpoints/(?P<endpoint>[^/]+)/(?P<kind>async-invocations|invocations-response-stream|invocations)")
_INVOCATIONS = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "invocations": "InvokeEndpoint",
}
REST: Final = (
    "batch",
    "emr-serverless",
    "lambda",
    "rds-data",
    "s3control",
    "scheduler",
)  # services beside S3 and the runtime whose requests name no action
_S3_CONTROL: Final = "/v20180820/"  # where the paths of S3 Control begin, which is signed as S3
_CALL_KEY = "async_endpoint.call"
_FORM = "application/x-www-form-urlencoded"


class ApiCall(NamedTuple):
    """An API call. `action` is empty if the request matches no action, `endpoint` if it invokes none."""

    service: str
    action: str
    endpoint: str = ""


@cache
def actions(service: str) -> frozenset[str]:
    """The names of a service's actions."""
    return frozenset(service_model(service).operation_names)


def is_known(call: ApiCall) -> bool:
    """Whether a call is of an action of a service in SERVICES, or of another service, whose actions are not looked up here."""
    return call.service not in SERVICES or call.action in actions(call.service)


def call_of(environ: dict[str, Any]) -> ApiCall | None:
    """The call that a WSGI request makes; None for an unsigned one. Cached in `environ`."""
    if _CALL_KEY not in environ:
        environ[_CALL_KEY] = _identify(environ)
    call: ApiCall | None = environ[_CALL_KEY]
    return call


def service_of(environ: dict[str, Any]) -> str | None:
    """The service that a request is signed for, from its headers and URL; None for an unsigned request."""
    scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")) or _SCOPE_OF_URL.search(environ.get("QUERY_STRING", ""))
    return None if scope is None else _SIGNED_AS.get(scope["service"], scope["service"])


def _identify(environ: dict[str, Any]) -> ApiCall | None:
    service = service_of(environ)
    if service is None:
        return None
    invoked = _INVOKED.fullmatch(environ["PATH_INFO"]) if service == "sagemaker" else None
    if invoked is not None:
        return ApiCall("sagemaker-runtime", _INVOCATIONS[invoked["kind"]], invoked["endpoint"])
    if service == "s3" and _is_s3_control(environ):
        service = "s3control"
    if service == "s3":
        if FORM_FIELDS in environ:
            return ApiCall(service, "PutObject")
        return ApiCall(service, s3_action(*_s3_request(environ)))
    if service in REST:
        return ApiCall(service, _rest_action(service, environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    return ApiCall(service, next(iter(named_actions(environ)), ""))


def _is_s3_control(environ: dict[str, Any]) -> bool:
    """Whether a request that is signed as S3 is one of S3 Control, which SDKs send to ACCOUNT.HOST, or to HOST itself."""
    if not environ["PATH_INFO"].startswith(_S3_CONTROL):
        return False
    return "HTTP_X_AMZ_ACCOUNT_ID" in environ or not bucket_of_host(environ)


def is_cbor(environ: dict[str, Any]) -> bool:
    """Whether a request has Smithy's RPC v2 CBOR protocol: a path /service/NAME/operation/ACTION, and bodies in CBOR."""
    return environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor"


def bucket_of_host(environ: dict[str, Any]) -> str:
    """The bucket in a host name such as BUCKET.localhost:4599 or BUCKET.s3.localhost; empty without one (moto's rule)."""
    host = str(environ.get("HTTP_HOST", "")).rpartition(":")[0] or str(environ.get("HTTP_HOST", ""))
    name = host.lower().removeprefix("www.")
    if name.startswith("localhost") or "." not in name or name.startswith("[") or name.replace(".", "").isdigit():
        return ""
    return name.partition(".")[0]


@cache
def uri_pattern(service: str, action: str) -> re.Pattern[str]:
    """The path of an operation of a REST service, with a group for each parameter in it; {name+} may have slashes."""
    path = str(service_model(service).operation_model(action).http["requestUri"]).partition("?")[0]
    greedy = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(path))
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", greedy))


def _rest_action(service: str, method: str, path: str) -> str:
    """The operation of a REST service with this method and path; empty if there is none."""
    for name in service_model(service).operation_names:
        if service_model(service).operation_model(name).http["method"] == method and uri_pattern(service, name).fullmatch(path):
            return str(name)
    return ""


def s3_action(method: str, path: str, query: frozenset[str], headers: frozenset[str]) -> str:
    """The S3 action of a request, by the service model: of the actions whose requirements are met, the most specific one.

    `query` holds the names of parameters, and name=value of each; `headers` lower-case names.
    """
    route = _s3_route(method, path, query, headers)
    return "" if route is None else route.action


def conflicting_subresources(environ: dict[str, Any]) -> frozenset[str]:
    """The subresources in the URL of an S3 request, such as acl and tagging, unless they are all of one action.

    S3 refuses such requests: "Conflicting query string parameters".
    """
    method, path, query, headers = _s3_request(environ)
    level = _level(path)
    known = {name for route in _s3_routes().get((method, level), ()) for name in route.subresources}
    given = frozenset(query & known)
    route = _s3_route(method, path, query, headers)
    return given if route is None or not given <= route.subresources else frozenset()


class _Route(NamedTuple):
    action: str
    query: frozenset[str]
    headers: frozenset[str]
    subresources: frozenset[str]

    @property
    def rank(self) -> tuple[int, int]:
        """How specific it is; a subresource counts more than a header."""
        return len(self.subresources), len(self.query) + len(self.headers)


def _s3_route(method: str, path: str, query: frozenset[str], headers: frozenset[str]) -> _Route | None:
    routes = _s3_routes().get((method, _level(path)), ())
    return next((route for route in routes if route.query <= query and route.headers <= headers), None)


def _level(path: str) -> str:
    bucket, _, key = path.lstrip("/").partition("/")
    return "key" if key else "bucket" if bucket else "service"


@cache
def _s3_routes() -> dict[tuple[str, str], list[_Route]]:
    """Routes by method and level (service, bucket or key), the most specific first."""
    levels = {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "key"}
    routes: dict[tuple[str, str], list[_Route]] = {}
    for action in sorted(actions("s3"), key=lambda name: (len(name), name)):  # of two with equal requirements, the shorter name
        model = service_model("s3").operation_model(action)
        path, _, fixed = model.http["requestUri"].partition("?")
        if model.deprecated or path not in levels:
            continue
        members = [model.input_shape.members[name] for name in model.input_shape.required_members] if model.input_shape else []
        headers = {item["name"].lower() for item in _serialized(members, "header")}
        query = {item["name"] for item in _serialized(members, "querystring")}
        subresources = {name for name in fixed.split("&") if name and not name.startswith("x-id")} | (query & {"uploadId"})
        route = _Route(action, frozenset(query | subresources), frozenset(headers), frozenset(subresources))
        routes.setdefault((model.http["method"], levels[path]), []).append(route)
    return {at: sorted(found, key=lambda route: route.rank, reverse=True) for at, found in routes.items()}


def _serialized(members: list[Any], location: str) -> list[Any]:
    return [member.serialization for member in members if member.serialization.get("location") == location]


def _s3_request(environ: dict[str, Any]) -> tuple[str, str, frozenset[str], frozenset[str]]:
    """Method, path with the bucket, query and headers, as `s3_action` takes them."""
    path, bucket = environ["PATH_INFO"], bucket_of_host(environ)
    return environ["REQUEST_METHOD"], f"/{bucket}{path}" if bucket else path, _query(environ), _headers(environ)


def named_actions(environ: dict[str, Any]) -> list[str]:
    """The actions that a request names: in its path (CBOR), in X-Amz-Target (JSON), or else in its form or its URL (query).

    A request that names several can be read in two ways.
    """
    target = environ.get("HTTP_X_AMZ_TARGET")
    found = [target.rpartition(".")[2]] if target else []
    if is_cbor(environ):
        found.append(str(environ["PATH_INFO"]).rpartition("/operation/")[2])
    found += _form(environ).get("Action", [])
    if "Action=" in environ.get("QUERY_STRING", ""):
        found += parse_qs(environ["QUERY_STRING"]).get("Action", [])
    return list(dict.fromkeys(found))


def _query(environ: dict[str, Any]) -> frozenset[str]:
    given = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return frozenset({*given, *(f"{name}={value}" for name, values in given.items() for value in values)})


def _headers(environ: dict[str, Any]) -> frozenset[str]:
    return frozenset(name.removeprefix("HTTP_").replace("_", "-").lower() for name in environ if name.startswith("HTTP_"))


def _form(environ: dict[str, Any]) -> dict[str, list[str]]:
    """The form in a request's body; the body can be read again."""
    if not environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"].seek(0)
    return parse_qs(body.decode(errors="replace"))
