"""The client: an asynchronous endpoint that takes requests and gives futures."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.client import process, target
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.collector import Collector
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.deduplication import Finished, Known, Requests, fingerprint
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.payload import Payload
from async_endpoint.client.reaper import reap
from async_endpoint.client.results import Request, Submitted
from async_endpoint.client.retries import Retries
from async_endpoint.client.sending import KEY_CHARS, Sender, checked_name
from async_endpoint.client.target import Target
from async_endpoint.core.errors import Abandoned, AsyncEndpointError, EndpointNotReady, InvalidInput, NotReady
from async_endpoint.core.outputs import AsyncEndpointOutputs

DEFAULTS: Final = ClientConfig()
ROOM_SECONDS: Final = 0.5  # how long a caller waits for room before it looks whether the client is still open

log = logging.getLogger(__name__)


class AsyncEndpoint:
    """A deployed endpoint. `submit` and `map` take requests; each becomes an Invocation, which is a future.

        with AsyncEndpoint.from_environment("local") as endpoint:
            invocation = endpoint.submit(Path("shirt.png"))
            print(invocation.result().document())

    Safe among threads; one thread collects for all invocations. Make one and keep it: each has a run of its own, whose name
    begins every inference id and is the folder that its outputs lie in. In a forked child every method raises UsageError.
    """

    def __init__(
        self,
        endpoint: AsyncEndpointOutputs | Mapping[str, Any] | Target,
        *,
        config: ClientConfig = DEFAULTS,
        session: AwsSession | None = None,
        endpoint_url: str | None = None,
        run: str | None = None,
        explain: Callable[[str], object] = log.info,
        on_accepted: Callable[[Invocation, Submitted], object] = lambda invocation, submitted: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`endpoint` is the Terraform output `async_endpoint`, parsed or as decoded JSON, or a Target.

        `session` None: made for AWS, or for the local AWS at `endpoint_url` (in a mapping, its key `endpoint_url`). `run` names
        the run, up to 32 letters, digits, hyphens and underscores; give one to submit the same keys again. `explain` is told
        how results are found. `on_accepted` is called by the thread that sent a request, once the endpoint has accepted it and
        before anything can come of it. Raises InvalidInput and UsageError.
        """
        if isinstance(endpoint, Mapping):
            endpoint_url = endpoint_url or endpoint.get("endpoint_url")
            endpoint = AsyncEndpointOutputs.parse(endpoint)
        if not isinstance(endpoint, AsyncEndpointOutputs | Target):
            raise InvalidInput(
                f"The endpoint is of type {type(endpoint).__name__}; give the output async_endpoint of an environment, or a "
                "Target."
            )
        if not isinstance(config, ClientConfig):
            raise InvalidInput(f"The config is of type {type(config).__name__}; give a ClientConfig.")
        self.target = Target.of(endpoint) if isinstance(endpoint, AsyncEndpointOutputs) else endpoint
        self.config, self.run = config, f"r{secrets.token_hex(6)}" if run is None else run
        self._on_accepted = on_accepted
        self._session = session or _session(self.target.region, endpoint_url, config)
        self._closing, self._lock = threading.Event(), threading.Lock()
        self._sender = Sender(self._session, self.target, self.run, config, clock, self._pause)
        self._senders = ThreadPoolExecutor(config.concurrency, "async-endpoint-send")
        self._readers = ThreadPoolExecutor(config.concurrency, "async-endpoint-read")
        self._room = threading.BoundedSemaphore(2 * config.concurrency)  # requests with a sender, or about to have one
        retries = Retries(3, config.backoff_seconds, config.backoff_cap_seconds, self._pause)
        self._collector = Collector(self._session, self.target, f"{self.run}-", config, clock, retries, self._readers, explain)
        self._open = threading.Event()
        self._thread: threading.Thread | None = None
        self._requests = Requests()
        self._process = process.current()
        atexit.register(self.close)

    @classmethod
    def from_environment(cls, address: str, *, local: bool = False, **options: Any) -> AsyncEndpoint:
        """An endpoint of this checkout: ENV/NAME, or ENV where it has one. Terraform is asked, which takes a second or two.

        `local` uses the local AWS whatever the environment. `options` are those of the class. Raises NotReady when nothing is
        applied, UnknownEnvironment, UnknownEndpoint and AmbiguousEndpoint.
        """
        from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - the client needs no Terraform otherwise

        outputs, endpoint_url = read_endpoint(address, local=local)
        return cls(outputs, endpoint_url=endpoint_url, **options)

    @classmethod
    def from_name(
        cls,
        name: str,
        region: str,
        *,
        input_uri: str | None = None,
        endpoint_url: str | None = None,
        config: ClientConfig = DEFAULTS,
        **options: Any,
    ) -> AsyncEndpoint:
        """Any asynchronous endpoint, deployed by whatever means: SageMaker tells where its results go.

        Inputs are put below `input_uri`, or `input/` in the bucket of the results. Raises what `described` does.
        """
        session = options.pop("session", None) or _session(region, endpoint_url, config)
        return cls(target.described(session, name, input_uri), session=session, config=config, **options)

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
        """Hand over one request: a file's Path, bytes, or the S3 URI of an input, or a Request that says all of it.

        Returns at once, unless many requests wait to be sent already: then it waits for room. Whatever goes wrong with the
        request is reported by its invocation. A `key` used before in this client, with the same payload and options, is one
        request: it is sent once and each invocation gets its outcome; one that has ended is collected again. Raises
        InvalidInput for an argument of a wrong type, a key that cannot be used or names another request; Abandoned when closed.
        """
        self._check_process()
        request = (
            payload
            if isinstance(payload, Request)
            else Request(payload=payload, content_type=content_type, accept=accept, key=key, inline=inline, tag=tag)
        )
        invocation, mark = self._invocation(request)
        known = self._requests.claim(invocation, mark)
        if isinstance(known, Known) and known.collected:
            invocation.follow(known.invocation)
            return invocation
        invocation.add_done_callback(self._ended if request.key is not None else self._ended_unnamed)
        try:
            self._start()
            while not self._room.acquire(timeout=ROOM_SECONDS):
                self._start()  # raises when the client was closed meanwhile: no room is made then
        except AsyncEndpointError as error:
            invocation.settle(error)  # others may have used the same key meanwhile, and wait for this one
            raise
        self._collector.watch(invocation)
        with suppress(RuntimeError):  # closed just now: the collector has abandoned it
            self._senders.submit(self._send, request, invocation, known)
        return invocation

    def map(self, requests: Iterable[Payload | Request], *, ordered: bool = False) -> Iterator[Invocation]:
        """Submit each of `requests` and yield its invocation once it is done, as they complete or in order.

        At most `config.window` are under way or done and not taken, so memory does not grow with their number. Nothing is
        raised for a request that fails or cannot be used: its invocation reports that. An error of `requests` itself ends the
        iteration. Raises InvalidInput for what cannot be iterated over.
        """
        self._check_process()
        if isinstance(requests, str | bytes | Request) or not isinstance(requests, Iterable):
            raise InvalidInput(f"The requests are of type {type(requests).__name__}; give an iterable of payloads.")
        return self._in_order(requests) if ordered else self._as_completed(requests)

    def send(self, request: Request) -> Submitted:
        """Hand over one request, wait for its acceptance and no longer; `resume` collects it, here or in another process.

        A key used before is treated as by `submit`. Raises what keeps the request from being accepted.
        """
        self._check_process()
        if not isinstance(request, Request):
            raise InvalidInput(f"The request is of type {type(request).__name__}; give a Request.")
        invocation, mark = self._invocation(request)
        known = self._requests.claim(invocation, mark, collected=False)
        if isinstance(known, Known):
            return known.invocation.accepted()
        if isinstance(known, Finished) and known.submitted is not None:
            return known.submitted
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
        """Collect a request that was submitted before, by `send` or by another process."""
        self._check_process()
        if not isinstance(submitted, Submitted):
            raise InvalidInput(f"What is to be resumed is of type {type(submitted).__name__}; give what `send` returned.")
        self._start()
        invocation = Invocation(submitted.inference_id, submitted.inference_id.rpartition("-")[2], tag, submitted)
        invocation.sent = 2  # how often is not known: an output counts before a failure
        known = self._requests.claim(invocation, None)
        if isinstance(known, Known) and known.collected:
            first = known.invocation.submitted
            if first is not None and first.output_location != submitted.output_location:
                raise InvalidInput(
                    f"{submitted.inference_id} is being collected from {first.output_location} and cannot be collected from "
                    f"{submitted.output_location} too; give each request an id of its own."
                )
            invocation.follow(known.invocation)
            return invocation
        invocation.add_done_callback(self._ended)
        self._collector.watch(invocation)
        self._collector.accepted(invocation)
        return invocation

    @property
    def skipped_messages(self) -> int:
        """How many messages of the run's queue were no notification and were passed over."""
        return self._collector.skipped_messages

    # --- its end -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Abandon what is pending, and remove the queue of this run with its subscriptions. May be called twice.

        Does nothing in a forked child: queue and requests are its parent's.
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
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- within ------------------------------------------------------------------------------------------------------

    def _check_process(self) -> None:
        process.check(self._process, f"The client of endpoint {self.target.name}")

    def _invocation(self, request: Request) -> tuple[Invocation, str | None]:
        """The invocation of a request, and what stands for its payload where others may use its key."""
        if request.key is None:
            key = self._requests.next_key(f"{self.run}-")
            return Invocation(f"{self.run}-{key}", key, request.tag), None
        key = checked_name("key", request.key, KEY_CHARS)
        return Invocation(f"{self.run}-{key}", key, request.tag), fingerprint(request)

    def _ended(self, invocation: Invocation) -> None:
        self._requests.release(invocation, keep=_may_be_accepted(invocation))

    def _ended_unnamed(self, invocation: Invocation) -> None:
        self._requests.release(invocation, keep=False)

    def _start(self) -> None:
        """The collector's thread, with the first request: a client that only sends needs none."""
        if self._thread is not None and not self._closing.is_set():
            return
        with self._lock:
            if self._closing.is_set():
                raise Abandoned(f"The client of endpoint {self.target.name} is closed; make another one.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._collect, name="async-endpoint-collect", daemon=True)
                self._thread.start()

    def _collect(self) -> None:
        try:
            self._collector.open()
        except Exception:  # listing needs nothing opened
            log.exception("Notifications could not be opened.")
        finally:
            self._open.set()
        if self._collector.listens:
            self._readers.submit(reap, self._session, self.target)
        self._collector.run()

    def _send(self, request: Request, invocation: Invocation, known: Known | Finished | None) -> None:
        """Have the endpoint accept `request`, unless it is `known` to have accepted it, or about to."""
        try:
            self._open.wait()
            if isinstance(known, Known):
                submitted = known.invocation.accepted()
            elif known is not None and known.submitted is not None:
                submitted = known.submitted
                invocation.sent = 2  # how often is not known: an output counts before a failure
            else:
                submitted = self._sender.send(request, invocation)
                self._on_accepted(invocation, submitted)
            invocation.accept(submitted)
            if known is not None:
                self._collector.watch(invocation)  # it may have ended before we listened
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
        """Sleep; whether the client is closing, at once when it is."""
        return self._closing.wait(seconds)

    def _offer(self, request: Payload | Request) -> Invocation:
        """Submit an element of an iteration; one that cannot be used fails alone."""
        try:
            return self.submit(request)
        except InvalidInput as error:
            key = str(request.key) if isinstance(request, Request) else ""
            unusable = Invocation(f"{self.run}-{key}", key, request.tag if isinstance(request, Request) else None)
            unusable.settle(error)
            return unusable

    def _in_order(self, requests: Iterable[Payload | Request]) -> Iterator[Invocation]:
        under_way: deque[Invocation] = deque()
        for request in requests:
            if len(under_way) >= self.config.window:
                under_way[0].exception()
                yield under_way.popleft()
            under_way.append(self._offer(request))
            while under_way and under_way[0].done():
                yield under_way.popleft()
        for invocation in under_way:
            invocation.exception()
            yield invocation

    def _as_completed(self, requests: Iterable[Payload | Request]) -> Iterator[Invocation]:
        done: deque[Invocation] = deque()
        changed = threading.Condition()

        def add(invocation: Invocation) -> None:
            with changed:
                done.append(invocation)
                changed.notify()

        def taken() -> Invocation:
            with changed:
                changed.wait_for(lambda: done)
                return done.popleft()

        under_way = 0
        for request in requests:
            if under_way >= self.config.window:
                yield taken()
                under_way -= 1
            self._offer(request).add_done_callback(add)
            under_way += 1
            while done:
                yield done.popleft()
                under_way -= 1
        for _ in range(under_way):
            yield taken()


def _session(region: str, endpoint_url: str | None, config: ClientConfig) -> AwsSession:
    """A session that never retries: the client does. Senders, readers and the collector may each hold a connection."""
    session = AwsSession.create(region, endpoint_url, attempts=1, connections=2 * config.concurrency + 2)
    session.client("s3")  # unusable AWS settings are reported to the caller, not by every invocation
    return session


def _may_be_accepted(invocation: Invocation) -> bool:
    """Whether the endpoint has accepted a request that ended, or may have: then its key stands for it from now on."""
    refused = invocation.exception(0)
    unanswered = isinstance(refused, NotReady) and not isinstance(refused, EndpointNotReady)
    return invocation.submitted is not None or invocation.sent > 1 or (invocation.sent == 1 and unanswered)
