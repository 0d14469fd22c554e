"""AsyncEndpoint: the client of one asynchronous endpoint."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, suppress
from types import TracebackType
from typing import Any, Final, Literal, overload

from async_endpoint.aws import AwsSession
from async_endpoint.client import iteration
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.collector import Collector
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.deduplication import ActiveRequest, FinishedRequest, RequestRegistry, fingerprint
from async_endpoint.client.endpoint_info import EndpointInfo, describe_endpoint
from async_endpoint.client.forks import check_process, current_process
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import Completed, Payload, Request, Submitted
from async_endpoint.client.retries import Retries
from async_endpoint.client.sender import KEY_CHARS, Sender, validate_name
from async_endpoint.core.errors import Abandoned, AsyncEndpointError, InvalidInput, ResultNotReady, UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs, only_endpoint
from async_endpoint.workspace import Workspace

DEFAULT_CONFIG: Final = ClientConfig()
BACKPRESSURE_POLL_SECONDS: Final = 0.5  # how often a caller that waits for room checks that the client is still open

log = logging.getLogger(__name__)

Explain = Callable[[str], object]
OnAccepted = Callable[[Invocation, Submitted], object]


def _ignore(invocation: Invocation, submitted: Submitted) -> None:
    """The default of `on_accepted`."""


class AsyncEndpoint:
    """The client of a deployed endpoint: takes requests and returns an Invocation, a future, for each.

        with AsyncEndpoint.from_terraform("local/recommender") as endpoint:
            invocation = endpoint.submit(Path("shirt.png"))
            print(invocation.result().json())

    Thread-safe; one thread collects for all invocations. Create one and keep it: each has a run of its own, whose name is
    in all inference ids and is the folder of all outputs. In a forked child and after `close`, requests raise UsageError.

    `info` describes the endpoint; `from_terraform`, `from_outputs` and `from_name` provide it.
    """

    def __init__(
        self,
        info: EndpointInfo,
        *,
        config: ClientConfig = DEFAULT_CONFIG,
        session: AwsSession | None = None,
        endpoint_url: str | None = None,
        role_arn: str | None = None,
        run: str | None = None,
        explain: Explain = log.info,
        on_accepted: OnAccepted = _ignore,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Calls go through `session`, by default one for AWS, or for the local AWS at `endpoint_url`; it assumes `role_arn`,
        where one is given, with the credentials that are found.

        `run` names the run: up to 24 letters, digits, hyphens and underscores; pass one to submit the same keys again.
        `explain` receives how results are found, and why. `on_accepted` is called in the thread that sent a request, when the
        endpoint has accepted it and before its outcome is collected. Raises InvalidInput, and UsageError for unusable AWS
        settings.
        """
        if not isinstance(info, EndpointInfo):
            raise InvalidInput(
                f"The endpoint is of type {type(info).__name__}; use AsyncEndpoint.from_outputs, from_terraform or from_name, "
                "or pass an EndpointInfo."
            )
        _check_type("config", config, ClientConfig)
        if session is not None:
            _check_type("session", session, AwsSession)
        self.info, self.config = info, config
        self.run = f"r{secrets.token_hex(6)}" if run is None else run
        self._on_accepted = on_accepted
        self._session = session or _session(info.region, endpoint_url, role_arn, config)
        self._closing, self._lock = threading.Event(), threading.Lock()
        self._sender = Sender(self._session, info, self.run, config, clock, self._pause)
        self._senders = ThreadPoolExecutor(config.concurrency, "async-endpoint-send")
        self._readers = ThreadPoolExecutor(config.concurrency, "async-endpoint-read")
        self._room = threading.BoundedSemaphore(2 * config.concurrency)  # requests being sent, or about to be
        retries = Retries(3, config.backoff_base, config.backoff_cap, self._pause)
        self._collector = Collector(self._session, info, config, clock, retries, self._readers, explain)
        self._thread: threading.Thread | None = None
        self._requests = RequestRegistry()
        self._process = current_process()
        atexit.register(self.close)

    @classmethod
    def from_terraform(
        cls,
        address: str,
        *,
        local: bool = False,
        workspace: Workspace | None = None,
        config: ClientConfig = DEFAULT_CONFIG,
        run: str | None = None,
        explain: Explain = log.info,
    ) -> AsyncEndpoint:
        """An endpoint of a checkout: `ENV/NAME`, or `ENV` if it has only one. Runs Terraform, which takes a second or two.

        `local` selects the local AWS whatever the environment; `workspace` is the checkout, by default the one around the
        current folder. Other arguments as in the constructor. Raises NotReady if nothing is applied, UnknownEnvironment,
        UnknownEndpoint, AmbiguousEndpoint if ENV has several endpoints, and InvalidInput for an argument of a wrong type.
        """
        _check_text("address", address, "ENV/NAME")
        if workspace is not None:
            _check_type("workspace", workspace, Workspace)
        from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - the client needs no Terraform otherwise

        outputs, access = read_endpoint(address, local=local, workspace=workspace)
        url, role = access.endpoint_url, access.role_arn
        return cls.from_outputs(outputs, config=config, endpoint_url=url, role_arn=role, run=run, explain=explain)

    @classmethod
    def from_outputs(
        cls,
        outputs: AsyncEndpointOutputs | Mapping[str, Any],
        *,
        config: ClientConfig = DEFAULT_CONFIG,
        session: AwsSession | None = None,
        endpoint_url: str | None = None,
        role_arn: str | None = None,
        run: str | None = None,
        explain: Explain = log.info,
        on_accepted: OnAccepted = _ignore,
        clock: Clock = SYSTEM_CLOCK,
    ) -> AsyncEndpoint:
        """The endpoint that a Terraform output describes, parsed or as decoded JSON (`async-endpoint outputs --json`).

        The JSON is that of one endpoint, or the whole document if it has only one. A key `endpoint_url` of the endpoint applies
        unless the argument is given. Other arguments and errors as in the constructor.
        """
        if isinstance(outputs, Mapping):
            outputs = only_endpoint(outputs)
            endpoint_url = endpoint_url or outputs.get("endpoint_url")
            outputs = AsyncEndpointOutputs.parse(outputs)
        if not isinstance(outputs, AsyncEndpointOutputs):
            raise InvalidInput(
                f"The outputs are of type {type(outputs).__name__}; pass AsyncEndpointOutputs, or the decoded JSON that "
                "`async-endpoint outputs ENV/NAME --json` prints."
            )
        info = EndpointInfo.from_outputs(outputs)
        return cls(
            info,
            config=config,
            session=session,
            endpoint_url=endpoint_url,
            role_arn=role_arn,
            run=run,
            explain=explain,
            on_accepted=on_accepted,
            clock=clock,
        )

    @classmethod
    def from_name(
        cls,
        name: str,
        region: str,
        *,
        input_uri: str | None = None,
        config: ClientConfig = DEFAULT_CONFIG,
        session: AwsSession | None = None,
        endpoint_url: str | None = None,
        role_arn: str | None = None,
        run: str | None = None,
        explain: Explain = log.info,
    ) -> AsyncEndpoint:
        """The asynchronous endpoint called `name`, however it was deployed; SageMaker says where its results go.

        Inputs are uploaded below `input_uri`, by default `input/` in the bucket of the results. Other arguments as in the
        constructor. Raises EndpointNotReady if there is no such endpoint, UsageError if it is not asynchronous.
        """
        _check_text("name", name, "the name of an endpoint")
        _check_text("region", region, "the name of a region, such as eu-west-1")
        if input_uri is not None:
            _check_text("input_uri", input_uri, "an S3 URI")
        if session is not None:
            _check_type("session", session, AwsSession)
        session = session or _session(region, endpoint_url, role_arn, config)
        info = describe_endpoint(session, name, input_uri)
        return cls(info, config=config, session=session, run=run, explain=explain)

    # --- requests ----------------------------------------------------------------------------------------------------

    def submit(
        self,
        payload: Payload | Request,
        *,
        content_type: str | None = None,
        accept: str | None = None,
        key: str | None = None,
        inline: bool | None = None,
        tag: Any = None,
    ) -> Invocation:
        """Submit one request: a file's Path, bytes, the S3 URI of an input, or a Request that has all of the arguments.

        Returns at once, unless many requests wait to be sent: then it blocks until there is room. Errors of the request are
        reported by its invocation. A `key` used before in this client, with the same payload and options, is the same request:
        it is sent once, each invocation gets its outcome, and one that has ended is collected again. Raises InvalidInput for an
        argument of a wrong type and for an unusable or conflicting key, UsageError if the client is closed.
        """
        request = (
            payload
            if isinstance(payload, Request)
            else Request(payload=payload, content_type=content_type, accept=accept, key=key, inline=inline, tag=tag)
        )
        return self.submit_within(request, None)

    def submit_within(self, request: Request, seconds: float | None) -> Invocation:
        """`submit`, which waits for up to `seconds`, for room only; raises ResultNotReady then, and the request is not sent."""
        self.check_usable()
        until = None if seconds is None else time.monotonic() + seconds
        invocation, mark = self._invocation(request, self._collector.next_prefix(waits=seconds is None))
        known = self._requests.claim(invocation, mark)
        while isinstance(known, ActiveRequest) and known.collected:
            if invocation.follow(known.invocation):
                return invocation
            known = self._requests.claim(invocation, mark)  # it was cancelled meanwhile
        invocation.on_end(self._ended if request.key is not None else self._ended_unnamed)
        try:
            self._start()
            while not self._room.acquire(timeout=_pause_before(until)):
                self._start()  # raises if the client was closed meanwhile: no room is made then
                if until is not None and time.monotonic() >= until:
                    raise ResultNotReady(f"{invocation.inference_id} was not sent within {seconds:g} s: others wait before it.")
        except Exception:  # no thread can be started, the client was closed, or there is no room
            invocation.withdraw()  # others may have used the same key meanwhile, and wait for this one
            raise
        self._collector.watch(invocation)
        with suppress(RuntimeError):  # closed just now: the collector has cancelled it
            self._senders.submit(self._send, request, invocation, known)
        return invocation

    @overload
    def map(
        self, payloads: Iterable[Payload | Request], *, return_exceptions: Literal[False] = False
    ) -> Iterator[Completed]: ...

    @overload
    def map(
        self, payloads: Iterable[Payload | Request], *, return_exceptions: bool
    ) -> Iterator[Completed | AsyncEndpointError]: ...

    def map(
        self, payloads: Iterable[Payload | Request], *, return_exceptions: bool = False
    ) -> Iterator[Completed | AsyncEndpointError]:
        """The result of each of `payloads`, in their order, as Executor.map yields them.

        At most `config.max_in_flight` are in flight or not yielded, so memory does not grow with their number. The first
        failure is raised in its place and ends the iteration; with `return_exceptions` it is yielded instead, and the
        iteration continues. Ending early cancels what has not been sent. Raises InvalidInput if `payloads` is not iterable.
        """
        return self._results(self._invocations(payloads, iteration.in_order), return_exceptions)

    def as_completed(self, payloads: Iterable[Payload | Request]) -> Iterator[Invocation]:
        """Submit each of `payloads` and yield its invocation when it is done, whichever is first.

        At most `config.max_in_flight` are in flight or not yielded, so memory does not grow with their number. Nothing is
        raised for a request that fails or is invalid: its invocation reports that. An error of the iterable itself ends the
        iteration, and ending early cancels what has not been sent. Raises InvalidInput if `payloads` is not an iterable of
        payloads.
        """
        return self._invocations(payloads, iteration.as_completed)

    def send(self, request: Request) -> Submitted:
        """Submit one request and wait for its acceptance only; `resume` collects it, here or in another process.

        A key used before is treated as by `submit`. Raises what keeps the request from being accepted.
        """
        self.check_usable()
        if not isinstance(request, Request):
            raise InvalidInput(f"The request is of type {type(request).__name__}; pass a Request.")
        invocation, mark = self._invocation(request)
        known = self._requests.claim(invocation, mark, collected=False)
        while isinstance(known, ActiveRequest):
            with suppress(CancelledError):
                return known.invocation.accepted()
            known = self._requests.claim(invocation, mark, collected=False)
        if known is not None and known.submitted is not None:
            return known.submitted
        invocation.begin()
        try:
            submitted = self._sender.send(request, invocation)
        except BaseException as error:
            expected = error if isinstance(error, AsyncEndpointError) else None
            invocation.settle(expected or AsyncEndpointError(f"{invocation.inference_id} was not sent ({error!r})."))
            self._requests.release(invocation, keep=request.key is not None and _may_be_accepted(invocation))
            raise
        invocation.accept(submitted)
        self._requests.release(invocation, keep=request.key is not None)
        return submitted

    def resume(self, submitted: Submitted, *, tag: Any = None) -> Invocation:
        """Collect a request that was submitted earlier, by `send` or by another process; one that has ended is read at once."""
        self.check_usable()
        if not isinstance(submitted, Submitted):
            raise InvalidInput(f"The submitted request is of type {type(submitted).__name__}; pass what `send` returned.")
        self._start()
        invocation = Invocation(submitted.inference_id, submitted.inference_id.rpartition("-")[2], tag, submitted)
        invocation.sent = 2  # unknown how often: an output takes precedence over a failure
        known = self._requests.claim(invocation, None)
        while isinstance(known, ActiveRequest) and known.collected:
            first = known.invocation.submitted
            if first is not None and first.output_location != submitted.output_location:
                raise InvalidInput(
                    f"{submitted.inference_id} is being collected from {first.output_location} and cannot be collected from "
                    f"{submitted.output_location} as well; give each request an id of its own."
                )
            if invocation.follow(known.invocation):
                return invocation
            known = self._requests.claim(invocation, None)
        invocation.on_end(self._ended)
        invocation.begin()
        self._collector.watch(invocation)
        self._collector.accepted(invocation)
        return invocation

    def abandon(self, invocation: Invocation) -> None:
        """Collect `invocation` no longer: cancelled if it is not being sent yet, else it ends with Abandoned.

        The endpoint answers a request that it has accepted all the same, unless its time to live passes before.
        """
        if not invocation.cancel():
            self._collector.settle(invocation, Abandoned(f"{invocation.inference_id} is no longer waited for."))

    @property
    def runtime_exceptions(self) -> Any:
        """The exception classes of this client's own boto3 client of sagemaker-runtime."""
        return self._session.runtime.exceptions

    @property
    def skipped_messages(self) -> int:
        """How many messages of the reply queue were not notifications and were skipped."""
        return self._collector.skipped_messages

    # --- closing -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End all pending requests and release the reply queue for the next run. May be called twice.

        What has not been sent is cancelled; what has been sent ends with Abandoned, and its result will still be written to its
        output location. Does nothing in a forked child: queue and requests are the parent's.
        """
        if os.getpid() != self._process:
            return
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
        atexit.unregister(self.close)
        self._senders.shutdown(wait=False, cancel_futures=True)
        self._collector.close()
        self._readers.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> AsyncEndpoint:
        self.check_usable()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = ", closed" if self._closing.is_set() else ""
        return f"<AsyncEndpoint {self.info.name} in {self.info.region}, run {self.run}{closed}>"

    # --- internals ---------------------------------------------------------------------------------------------------

    def check_usable(self) -> None:
        """Raise UsageError in a forked child, and if the client is closed."""
        check_process(self._process, f"The client of endpoint {self.info.name}")
        if self._closing.is_set():
            raise UsageError(f"The client of endpoint {self.info.name} is closed; create another one.")

    def _invocation(self, request: Request, prefix: str = "") -> tuple[Invocation, str | None]:
        """The invocation of a request, and the fingerprint of its payload if others may use its key."""
        if request.key is None:
            key = self._requests.next_key(f"{self.run}-")
            return Invocation(f"{prefix}{self.run}-{key}", key, request.tag), None
        key = validate_name("key", request.key, KEY_CHARS)
        return Invocation(f"{prefix}{self.run}-{key}", key, request.tag), fingerprint(request)

    def _ended(self, invocation: Invocation) -> None:
        if invocation.withdrawn:
            self._collector.forget(invocation)
        self._requests.release(invocation, keep=_may_be_accepted(invocation))

    def _ended_unnamed(self, invocation: Invocation) -> None:
        if invocation.withdrawn:
            self._collector.forget(invocation)
        self._requests.release(invocation, keep=False)

    def _start(self) -> None:
        """Start the collector's thread with the first request: a client that only sends needs none."""
        if self._thread is not None and not self._closing.is_set():
            return
        with self._lock:
            self.check_usable()
            if self._thread is None:
                thread = threading.Thread(target=self._collector.run, name="async-endpoint-collect", daemon=True)
                thread.start()  # one that cannot be started now is started with a later request
                self._thread = thread

    def _send(self, request: Request, invocation: Invocation, known: ActiveRequest | FinishedRequest | None) -> None:
        """Have the endpoint accept `request`, unless it was cancelled, or `known` has been accepted or is about to be."""
        try:
            if not invocation.begin():
                return
            if isinstance(known, ActiveRequest):
                submitted = known.invocation.accepted()
            elif known is not None and known.submitted is not None:
                submitted = known.submitted
                invocation.sent = 2  # unknown how often: an output takes precedence over a failure
            else:
                submitted = self._sender.send(request, invocation)
                self._on_accepted(invocation, submitted)
            invocation.accept(submitted)
            if known is not None:
                self._collector.watch(invocation)  # it may have ended before the queue was subscribed
            self._collector.accepted(invocation)
        except AsyncEndpointError as error:
            self._collector.settle(invocation, error)
        except Exception as error:
            log.exception("%s could not be sent.", invocation.inference_id)
            self._collector.settle(
                invocation, AsyncEndpointError(f"{invocation.inference_id} could not be sent ({error!r}); report this.")
            )
        finally:
            self._room.release()

    def _pause(self, seconds: float) -> bool:
        """Sleep; returns whether the client is closing, at once if it is."""
        return self._closing.wait(seconds)

    def _submit_or_fail(self, request: Payload | Request) -> Invocation:
        """Submit an element of an iteration; an invalid one fails by itself."""
        try:
            return self.submit(request)
        except InvalidInput as error:
            key = str(request.key) if isinstance(request, Request) else ""
            invalid = Invocation(f"{self.run}-{key}", key, request.tag if isinstance(request, Request) else None)
            invalid.settle(error)
            return invalid

    def _invocations(
        self,
        payloads: Iterable[Payload | Request],
        iterate: Callable[[iteration.Submit, Iterable[Payload | Request], int], Generator[Invocation, None, None]],
    ) -> Generator[Invocation, None, None]:
        self.check_usable()
        if isinstance(payloads, str | bytes | Request) or not isinstance(payloads, Iterable):
            raise InvalidInput(f"The payloads are of type {type(payloads).__name__}; pass an iterable of payloads.")
        return iterate(self._submit_or_fail, payloads, self.config.max_in_flight)

    def _results(
        self, invocations: Generator[Invocation, None, None], return_exceptions: bool
    ) -> Iterator[Completed | AsyncEndpointError]:
        with closing(invocations):
            for invocation in invocations:
                error = invocation.exception()
                if error is None:
                    yield invocation.result()
                elif return_exceptions:
                    yield error
                else:
                    raise error


def _check_text(name: str, value: object, expected: str) -> None:
    if not isinstance(value, str):
        raise InvalidInput(f"The {name} is of type {type(value).__name__}; pass {expected} as a str.")
    if not value:
        raise InvalidInput(f"The {name} is empty; pass {expected}.")


def _check_type(name: str, value: object, expected: type) -> None:
    if not isinstance(value, expected):
        raise InvalidInput(f"The {name} is of type {type(value).__name__}; pass an object of type {expected.__name__}.")


def _session(region: str, endpoint_url: str | None, role_arn: str | None, config: ClientConfig) -> AwsSession:
    """A session that never retries: the client does. Senders, readers and the collector may each hold a connection."""
    _check_text("region", region, "the name of a region, such as eu-west-1")
    _check_type("config", config, ClientConfig)
    if endpoint_url is not None:
        _check_text("endpoint_url", endpoint_url, "a URL")
    if role_arn is not None:
        _check_text("role_arn", role_arn, "the ARN of a role")
    connections = 2 * config.concurrency + 2
    session = AwsSession.create(region, endpoint_url, role_arn=role_arn, attempts=1, connections=connections)
    session.client("s3")  # unusable AWS settings are reported to the caller, not by every invocation
    return session


def _pause_before(until: float | None) -> float:
    """Seconds to wait for room at a time, up to the moment `until` of the monotonic clock."""
    return BACKPRESSURE_POLL_SECONDS if until is None else min(max(until - time.monotonic(), 0.0), BACKPRESSURE_POLL_SECONDS)


def _may_be_accepted(invocation: Invocation) -> bool:
    """Whether a request that ended may have been accepted: then its key keeps identifying it."""
    return not invocation.withdrawn and (invocation.submitted is not None or invocation.sent > 0)
