"""Routing of requests: SageMaker's hosting APIs to our own implementation, every other service to moto."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final
from xml.parsers.expat import ExpatError

from botocore.model import OperationNotFoundError
from moto import backend_index, backends
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import error_responses
from async_endpoint.emulator.api_calls import SERVICES, ApiCall, call_of, is_known, service_of
from async_endpoint.emulator.cloudformation import service as cloudformation
from async_endpoint.emulator.json_requests import check_json, json_object
from async_endpoint.emulator.moto_patches import apply_lazily
from async_endpoint.emulator.request_body import CALL_BYTES, IN_MEMORY_BYTES, BadRequest, decompress
from async_endpoint.emulator.sagemaker.absent_resources import SERVED_BY_MOTO
from async_endpoint.emulator.sagemaker.control_plane import ControlPlane
from async_endpoint.emulator.sagemaker.protocol import ApiError, json_error, json_response
from async_endpoint.emulator.sagemaker.request_validation import validate_request
from async_endpoint.emulator.sagemaker.runtime_api import RuntimeApi, validation_error
from async_endpoint.emulator.sagemaker.unsupported_members import check_supported
from async_endpoint.emulator.without_effect import is_refused
from async_endpoint.emulator.wsgi import ADMIN, SCOPE, Application, Environ, StartResponse, is_admin

STOP = "stop"
# How many large requests moto processes at a time: it has a body in memory more than once, except the content of an S3 object.
LARGE_REQUESTS = 2
_MOTOS_OWN = ("moto_api", "instance_metadata")  # what moto serves besides AWS services
# What moto raises for parameters that it does not validate and for resources that do not exist: SDKs must not repeat the call.
_REFUSALS = (AttributeError, ExpatError, LookupError, TypeError, ValueError)
# Of the errors of the operating system, those that may pass: the call is answered with a 500, which SDKs repeat. That a file is
# absent, or a name too long, is due to the request.
_TRANSIENT: Final = frozenset(
    (errno.EAGAIN, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC, errno.EROFS)
)
_CHANGED_MEANWHILE: Final = re.compile(r"(changed size|changed|mutated) during iteration")
# Signing names that moto's patterns give to a service of another name.
_MISROUTED: Final = frozenset(("execute-api",))
log = logging.getLogger(__name__)
_INVOCATION = re.compile(r"/endpoints/(?P<name>.+)/(?P<kind>async-invocations|invocations-response-stream|invocations)")


class Router:
    """The WSGI application of the local AWS."""

    def __init__(
        self,
        control: ControlPlane,
        runtime: RuntimeApi,
        admin: Callable[[str, str, dict[str, Any]], dict[str, Any] | None],
        stop: Callable[[], None],
        stacks: cloudformation.CloudFormation,
    ) -> None:
        """`admin` is called with method, path after ADMIN and JSON document; None is a 404, InvalidInput a 400.

        `stop` is called after the response to a POST of STOP has been sent.
        """
        self._control = control
        self._runtime = runtime
        self._admin = admin
        self._stop = stop
        self._stacks = stacks
        self._moto = MotoServices()
        self._large_requests = threading.Semaphore(LARGE_REQUESTS)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._hosting_response(Request(environ))
        except ApiError as error:
            answer = json_error(error)
        except Exception as error:  # an internal error is reported as AWS reports its own
            log.exception("%s %s failed.", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            answer = json_error(ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500))
        if answer is None:
            return self._moto_response(environ, start_response)
        answer.headers.setdefault("x-amzn-RequestId", str(uuid.uuid4()))  # as AWS answers; SDKs log it
        return answer(environ, start_response)

    def _moto_response(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """moto's response; for an unsupported action an error that names it, in the protocol of its service.

        Actions for which moto needs packages beyond its own are among these: Terraform and SDKs repeat for minutes a call that
        fails with 500, and no other.
        """
        try:
            _decompress(environ)
            if service_of(environ) == cloudformation.SERVICE:
                answer: Response = self._stacks.respond(environ)
                return answer(environ, start_response)
            call = call_of(environ)
            if call is not None and (is_refused(call.service, call.action) or not is_known(call)):
                return error_responses.unknown_action(call, environ)(environ, start_response)
            if call is not None:
                check_json(call, environ)
            large = int(environ.get("CONTENT_LENGTH") or 0) > IN_MEMORY_BYTES and service_of(environ) != "s3"
            with self._large_requests if large else contextlib.nullcontext():
                return _named_errors(self._moto.get_application(environ), environ, start_response)
        except ApiError as error:
            named = call_of(environ) or ApiCall("", "")
            return error_responses.service_failure(named, environ, error.code, str(error))(environ, start_response)
        except BadRequest as error:
            return error_responses.request_refused(environ, error.status, str(error))(environ, start_response)
        except Exception as error:
            call = call_of(environ)
            if call is None:
                answer = Response(
                    "This is not an AWS request: its signature names no service.\n", 400, content_type="text/plain"
                )
            elif isinstance(error, error_responses.CallDenied):
                answer = error_responses.access_denied(call, environ, str(error))
            elif isinstance(error, NotImplementedError | OperationNotFoundError | ImportError):
                answer = error_responses.unknown_action(call, environ)
            elif _is_transient(error):
                log.exception("%s %s failed.", environ["REQUEST_METHOD"], environ["PATH_INFO"])
                answer = error_responses.service_error(call, environ, 500)
            else:
                expected = isinstance(error, _REFUSALS) or call.service not in SERVICES
                log.warning(
                    "%s %s was refused: %s", call.service, call.action, _described(error), exc_info=None if expected else error
                )
                answer = error_responses.invalid_request(call, environ, error)
            return answer(environ, start_response)

    def _hosting_response(self, request: Request) -> Response | None:
        """The response to an administration or hosting request; None leaves the request to moto."""
        if is_admin(request.environ):
            return self._admin_response(request)
        scope = SCOPE.search(request.headers.get("Authorization", ""))
        if scope is None or scope["service"] != "sagemaker":
            return None
        invocation = _INVOCATION.fullmatch(request.path)
        if invocation is None:
            return self._control_plane(request, scope["region"])
        if invocation["kind"] == "invocations-response-stream":
            raise validation_error("The local AWS does not stream responses; call InvokeEndpoint.")
        invoke = self._runtime.invoke if invocation["kind"] == "invocations" else self._runtime.invoke_async
        return invoke(scope["region"], invocation["name"], dict(request.headers), request.get_data())

    def _admin_response(self, request: Request) -> Response:
        try:
            document = self._admin(request.method, request.path.removeprefix(ADMIN), json_object(request.get_data()))
            status = 200 if document is not None else 404
        except (ApiError, InvalidInput) as error:
            document, status = {"error": str(error)}, 400
        answer = Response(json.dumps(document or {}), status, content_type="application/json")
        if (request.method, request.path, status) == ("POST", ADMIN + STOP, 200):
            answer.call_on_close(self._stop)
        return answer

    def _control_plane(self, request: Request, region: str) -> Response | None:
        action = request.headers.get("X-Amz-Target", "").removeprefix("SageMaker.")
        body = request.get_data()
        document = json_object(body)
        if self._control.handles(action, document):
            return json_response(self._control.handle(action, region, document))
        call = call_of(request.environ)
        if action not in SERVED_BY_MOTO and call is not None:
            return error_responses.unknown_action(call, request.environ)
        check_supported(action, validate_request("sagemaker", action, document))
        request.environ["wsgi.input"] = io.BytesIO(body)
        return None


def _named_errors(application: Application, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The response of moto's `application`, and an error in the service's format where moto answers one without a code."""
    started: list[tuple[Any, ...]] = []
    answer = application(environ, lambda *arguments: started.append(arguments))
    status, headers = started[-1][:2]
    call = call_of(environ)
    if status >= "400" and environ["REQUEST_METHOD"] != "HEAD" and call is not None:
        answer = [b"".join(answer)]
        if not error_responses.has_code(headers, answer[0]):
            return error_responses.without_code(call, environ, int(status[:3]), answer[0])(environ, start_response)
    start_response(*started[-1])
    return answer


def _is_transient(error: Exception) -> bool:
    """Whether the same call may succeed: also one that read a collection of moto's while another call added to it."""
    if isinstance(error, RuntimeError):
        return _CHANGED_MEANWHILE.search(str(error)) is not None
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _TRANSIENT)


def _described(error: Exception) -> str:
    """An exception and where it was raised, in one line."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})" if frame else ""
    return f"{type(error).__name__}: {error}{where}"


class MotoServices(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's services, without the pages and paths of its server that AWS does not have.

    moto's dispatcher checks them before the signature: /moto-api (reset, seed, recording to files), /favicon.ico and instance
    metadata; and unsigned paths that begin with a service name. Here all of these are S3 paths.
    """

    def __init__(self) -> None:
        super().__init__(_backend)

    def get_application(self, environ: Environ) -> Application:
        """The application of the service that a request is signed for; S3's for an unsigned one.

        Raises NotImplementedError for a service that moto does not have.
        """
        service = self._service(environ)
        with self.lock:
            if service not in self.app_instances:
                self.app_instances[service] = self.create_app(service)
            application: Application = self.app_instances[service]
            return application

    def _service(self, environ: Environ) -> str:
        """moto's name of the service. S3 is found by name: its pattern of hosts includes services whose names begin with s3."""
        call = call_of(environ)
        if call is None or call.service in ("s3", "s3control"):
            return "s3" if call is None else call.service
        host = self.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
        service = _service_of_host(host) if host and call.service not in _MISROUTED else None
        if service is None or service == "s3" or service.startswith(_MOTOS_OWN):
            raise NotImplementedError(host)
        return service

    def get_service_from_path(self, path_info: str) -> tuple[str | None, str | None]:
        """No service: only moto itself requests such paths, for CloudFormation custom resources in Docker."""
        return None, None


@lru_cache(maxsize=1_024)
def _service_of_host(host: str) -> str | None:
    """moto's name of the service with this host name; None if it has none."""
    if host in backends.list_of_moto_modules():
        return host
    return next((service for service, pattern in backend_index.backend_url_patterns if pattern.match(f"http://{host}")), None)


def _backend(service: str) -> Any:
    """moto's application of a service, with its exceptions propagated instead of rendered as HTML.

    It does not answer CORS preflights, as moto would allow every origin everything; browser_guard.py does.
    """
    apply_lazily(service)
    werkzeug_app.DISABLE_GLOBAL_CORS = True
    application = create_backend_app(service)
    application.config["PROPAGATE_EXCEPTIONS"] = True
    return application


def _decompress(environ: Environ) -> None:
    """Decompress the gzip bodies that SDKs send, up to a size limit, which moto lacks. S3 objects are stored unchanged."""
    if environ.get("HTTP_CONTENT_ENCODING") == "gzip" and service_of(environ) not in (None, "s3"):
        body = decompress(environ["wsgi.input"], CALL_BYTES)
        environ["CONTENT_LENGTH"] = str(body.seek(0, io.SEEK_END))
        body.seek(0)
        environ["wsgi.input"] = body
        del environ["HTTP_CONTENT_ENCODING"]
