"""A real-time endpoint and an asynchronous one compared over recorded inputs: answers, failures and latency."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from async_endpoint.aws import AwsSession, error_code, error_message
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.models import Request, guess_content_type
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, InvocationFailed
from async_endpoint.core.failure_reasons import first_line
from async_endpoint.core.limits import REAL_TIME_BODY_BYTES
from async_endpoint.core.markdown import code, text
from async_endpoint.input_files import checked_status, printable, read_input
from async_endpoint.operations.compare import TOLERANCE, difference

PERCENTILES: Final = (50, 90, 95, 99)
# The documentation says 25 MB since 2025 (service quotas), the service model 6 MB ([M] BodyBlob): the endpoint decides
REAL_TIME_BYTES: Final = 26_214_400
REAL_TIME_SECONDS: Final = 60.0
# What size is refused by is not documented: a constraint of the service model, or HTTP status 413
_TOO_LARGE_CODES: Final = frozenset(
    {"413", "RequestEntityTooLarge", "RequestTooLarge", "ValidationError", "ValidationException"}
)
_TIMED_OUT: Final = "Your invocation timed out"  # as users quote it
LISTED: Final = 50  # inputs that are named in the report for people


class Verdict(StrEnum):
    """How the two answers to one input compare."""

    EQUAL = "equal"
    SAME_ERROR = "same error"  # the model refused the input, with the same status
    ASYNCHRONOUS_ONLY = "asynchronous only"  # real time cannot answer it: it takes too long, or is too large
    REAL_TIME_FAILED = "real time failed"  # for another reason: denied, throttled, unavailable, an error of the model
    DIFFERENT = "different"
    REAL_TIME_ONLY = "real time only"
    NEITHER = "neither"


GOOD: Final = frozenset({Verdict.EQUAL, Verdict.SAME_ERROR, Verdict.ASYNCHRONOUS_ONLY})


@dataclass(frozen=True)
class Answer:
    """One endpoint's answer: `body`, or an `error` in one line; `status` is the model's, where it answered with an error, and 0
    where it did not answer.

    `beyond` is whether real time can answer the input at all: it waits 60 seconds, for inputs up to a size.
    """

    seconds: float
    body: bytes | None = None
    content_type: str = ""
    error: str = ""
    status: int | None = None
    beyond: bool = False


@dataclass(frozen=True)
class Compared:
    """One input: what was found, and in `detail` where the answers differ or why one is missing."""

    name: str
    verdict: Verdict
    detail: str
    real_time_seconds: float
    asynchronous_seconds: float


@dataclass(frozen=True)
class Latency:
    """Of the calls that were answered, in seconds, from sending to the whole answer at the caller."""

    answered: int
    percentiles: tuple[tuple[int, float], ...]
    longest: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Nearest-rank percentiles."""
        ordered = sorted(seconds)
        ranks = [(percent, math.ceil(percent / 100 * len(ordered))) for percent in PERCENTILES]
        found = tuple((percent, ordered[rank - 1]) for percent, rank in ranks) if ordered else ()
        return cls(len(ordered), found, ordered[-1] if ordered else 0.0)

    def as_dict(self) -> dict[str, Any]:
        named = {f"p{percent}": seconds for percent, seconds in self.percentiles}
        return {"answered": self.answered, **named, "longest": self.longest}


@dataclass(frozen=True)
class ComparisonReport:
    """`items` are in the order of the inputs."""

    real_time_endpoint: str
    asynchronous_endpoint: str
    items: tuple[Compared, ...]
    real_time: Latency
    asynchronous: Latency

    @property
    def passed(self) -> bool:
        """Whether callers would notice nothing but later answers, and answers that real time cannot give.

        A failure of real time for another reason compares nothing, so it is no equality.
        """
        return all(item.verdict in GOOD for item in self.items)

    @property
    def counts(self) -> dict[str, int]:
        """Inputs by verdict, all verdicts."""
        found = Counter(item.verdict for item in self.items)
        return {str(verdict): found[verdict] for verdict in Verdict}

    def as_dict(self) -> dict[str, Any]:
        return {
            "real_time_endpoint": self.real_time_endpoint,
            "asynchronous_endpoint": self.asynchronous_endpoint,
            "passed": self.passed,
            "counts": self.counts,
            "latency": {"real_time": self.real_time.as_dict(), "asynchronous": self.asynchronous.as_dict()},
            "inputs": [
                {
                    "name": item.name,
                    "verdict": str(item.verdict),
                    "detail": item.detail,
                    "real_time_seconds": item.real_time_seconds,
                    "asynchronous_seconds": item.asynchronous_seconds,
                }
                for item in self.items
            ],
        }

    def markdown(self) -> str:
        """The report as GitHub's Markdown, for a pull request or an issue."""
        both = (self.real_time, self.asynchronous)
        lines = [
            f"### {code(self.real_time_endpoint)} and {code(self.asynchronous_endpoint)}: "
            f"{'the same answers' if self.passed else 'answers differ'}",
            "",
            "| | real time | asynchronous |",
            "|---|---|---|",
            "| answered | " + " | ".join(f"{one.answered} of {len(self.items)}" for one in both) + " |",
            *(
                f"| latency p{percent} | " + " | ".join(_seconds(dict(one.percentiles).get(percent)) for one in both) + " |"
                for percent in PERCENTILES
            ),
            "| longest | " + " | ".join(_seconds(one.longest if one.answered else None) for one in both) + " |",
            "",
            "| inputs | answers |",
            "|---|---|",
            *(f"| {count} | {verdict} |" for verdict, count in self.counts.items() if count),
        ]
        found = [item for item in self.items if item.verdict is not Verdict.EQUAL]
        lines += [""] * bool(found)
        lines += [f"- {code(item.name)}: {item.verdict}: {text(item.detail)}" for item in found[:LISTED]]
        lines += [f"- and {len(found) - LISTED} more"] * (len(found) > LISTED)
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Options:
    """How inputs are sent and answers compared. `timeout` is of one asynchronous request, None for its own deadline."""

    content_type: str | None = None
    accept: str | None = None
    tolerance: float = TOLERANCE
    ignored: Collection[str] = ()
    concurrency: int = 4
    repeat: int = 1
    timeout: float | None = None


def compare_endpoints(
    session: AwsSession,
    real_time: str,
    endpoint: AsyncEndpoint,
    inputs: Iterable[Path],
    options: Options,
    on_item: Callable[[Compared], object] = lambda item: None,
) -> ComparisonReport:
    """Send each of `inputs` to both endpoints, first to the real-time one, `options.concurrency` inputs at a time.

    `session` calls the real-time endpoint, and should make one attempt of a call: a retry would hide a failure. Failures of
    calls are in the report. Closes `endpoint` when it is interrupted. Raises InvalidInput, before anything is sent, for inputs
    that are none.
    """
    files = files_of(inputs)
    answered: tuple[list[float], list[float]] = ([], [])

    def one(path: Path) -> Compared:
        first = _ask_real_time(session, real_time, path, options)
        second = _ask_asynchronous(endpoint, path, options)
        for seconds, answer in zip(answered, (first, second), strict=True):
            if answer.body is not None:
                seconds.append(answer.seconds)
        item = Compared(printable(path), *judge(first, second, options), first.seconds, second.seconds)
        on_item(item)
        return item

    with ThreadPoolExecutor(options.concurrency, "async-endpoint-compare") as workers:
        try:
            items = tuple(workers.map(one, files * options.repeat))
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            endpoint.close()  # ends what workers wait for
            raise
    return ComparisonReport(real_time, endpoint.info.name, items, Latency.of(answered[0]), Latency.of(answered[1]))


def files_of(inputs: Iterable[Path]) -> list[Path]:
    """The files among `inputs`, and those directly in folders, without hidden ones; raises InvalidInput for anything else."""
    files: list[Path] = []
    for path in inputs:
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        else:
            checked_status(path)
            files.append(path)
    if not files:
        raise InvalidInput("There are no inputs to compare answers to; give files, or folders of files.")
    return files


def judge(first: Answer, second: Answer, options: Options) -> tuple[Verdict, str]:
    """Compare the real-time answer with the asynchronous one."""
    if first.body is not None and second.body is not None:
        found = difference(first.body, second.body, tolerance=options.tolerance, ignored=options.ignored)
        if found is None and first.content_type != second.content_type:
            found = f"content types are {first.content_type!r} and {second.content_type!r}"
        return (Verdict.EQUAL, "") if found is None else (Verdict.DIFFERENT, found)
    if first.body is not None:
        return Verdict.REAL_TIME_ONLY, second.error
    if second.body is not None:
        too_large = first.status == 0 and len(second.body) > REAL_TIME_BODY_BYTES
        return Verdict.ASYNCHRONOUS_ONLY if first.beyond or too_large else Verdict.REAL_TIME_FAILED, first.error
    if first.status and first.status == second.status:
        return Verdict.SAME_ERROR, first.error
    return Verdict.NEITHER, f"real time: {first.error}; asynchronous: {second.error}"


def _ask_real_time(session: AwsSession, name: str, path: Path, options: Options) -> Answer:
    optional = {"Accept": options.accept} if options.accept else {}
    begun, size = time.monotonic(), _size(path)
    try:
        body = read_input(path, REAL_TIME_BYTES)
        kind = options.content_type or guess_content_type(path.name)
        reply = session.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=kind, **optional)
        answer = reply["Body"].read()
        return Answer(time.monotonic() - begun, answer, reply.get("ContentType", ""))
    except ClientError as error:
        said = f"{error_code(error)}: {error_message(error)}"
        status = error.response.get("OriginalStatusCode")
        beyond = _is_beyond_real_time(error, size)
        return Answer(time.monotonic() - begun, error=first_line(said), status=status, beyond=beyond)
    except (BotoCoreError, InvalidInput) as error:
        seconds = time.monotonic() - begun
        late = isinstance(error, ReadTimeoutError) and seconds >= REAL_TIME_SECONDS
        return Answer(seconds, error=first_line(str(error)), beyond=late or size > REAL_TIME_BYTES)


def _size(path: Path) -> int:
    """The file's, in bytes; 0 if it has gone, as reading it shows."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_beyond_real_time(error: ClientError, size: int) -> bool:
    """Whether InvokeEndpoint refused a large input, or its model did not answer within its 60 seconds."""
    if size > REAL_TIME_BODY_BYTES and error_code(error) in _TOO_LARGE_CODES:
        return True
    timed_out = str(error.response.get("OriginalMessage", "")).startswith(_TIMED_OUT)
    return error_code(error) == "ModelError" and error.response.get("OriginalStatusCode") == 0 and timed_out


def _ask_asynchronous(endpoint: AsyncEndpoint, path: Path, options: Options) -> Answer:
    begun = time.monotonic()
    request = Request(path, content_type=options.content_type, accept=options.accept)
    invocation = endpoint.submit(request)
    try:
        completed = invocation.result(options.timeout)
        return Answer(time.monotonic() - begun, completed.body, completed.content_type)
    except InvocationFailed as error:
        return Answer(time.monotonic() - begun, error=first_line(error.reason), status=error.status)
    except AsyncEndpointError as error:
        return Answer(time.monotonic() - begun, error=first_line(str(error)))
    finally:
        if not invocation.done():
            endpoint.abandon(invocation)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
