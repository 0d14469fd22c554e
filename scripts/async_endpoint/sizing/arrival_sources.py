"""Arrivals as commands name them, and the workload that they are: one set of options for `simulate`, `recommend` and `usage`.

A source is FILE.csv (capacity/arrivals/trace.py), FILE.sqlite (the manifest of a batch), s3://BUCKET/PREFIX (uploaded inputs),
cloudwatch:DAYS (an estimate from the endpoint's metrics), or a model of arrivals (capacity/arrivals/models.py). Several are
taken together.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.batch.manifest import submission_times
from async_endpoint.capacity.arrivals.formula import is_formula, parse_formula
from async_endpoint.capacity.arrivals.models import generate, parse_arrivals
from async_endpoint.capacity.arrivals.trace import END_OF_TIME, EPOCH, MOST_SECONDS, Trace, parse_trace
from async_endpoint.capacity.distributions import Distribution, Sampled, draws, parse_distribution
from async_endpoint.capacity.profile import Profile
from async_endpoint.capacity.workload import Workload, within_timeout
from async_endpoint.core.errors import InvalidInput, NotApplied
from async_endpoint.core.outputs import EndpointDetails
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.input_files import checked_status, open_input, printable, unreadable
from async_endpoint.sizing.metric_arrivals import metric_arrivals
from async_endpoint.sizing.metric_history import period_of
from async_endpoint.sizing.s3_arrivals import s3_arrivals

DURATIONS: Final = {"day": 86_400.0, "week": 604_800.0}
SYNTAX: Final = (
    "FILE.csv, FILE.sqlite (a batch's manifest), s3://BUCKET/PREFIX, cloudwatch:DAYS, or a model such as poisson:30/h"
)

Live = tuple[AwsSession, EndpointDetails]
"""A live endpoint, and a session of its region."""


@dataclass(frozen=True)
class ArrivalOptions:
    """How arrivals become a workload; `service_time`, `stretch` and `duration` as they are given on the command line.

    `duration` is the window from its beginning on, by default what the sources cover, and a week for models of arrivals alone.
    `stretch` is the time that a window is stretched to. `now` is in epoch seconds.
    """

    service_time: str | None = None
    profile: Profile | None = None
    stretch: str | None = None
    duration: str | None = None
    seed: int | str = 0
    now: float = 0.0


@dataclass(frozen=True)
class ReadWorkload:
    """A workload, and sentences on where it comes from and how far it can be trusted."""

    workload: Workload
    notes: tuple[str, ...]


def read_workload(sources: Sequence[str], options: ArrivalOptions, live: Callable[[], Live]) -> ReadWorkload:
    """The workload of one or more sources; `live` is called for those that need the endpoint, once all were checked.

    Those without dates begin with those that have some. Each source has random numbers of its own.

    Raises InvalidInput for a source or an option that cannot be used, NotReady for metrics that are not there, and what `live`
    raises.
    """
    if not sources:
        raise InvalidInput(f"No arrivals are given; give {SYNTAX}.")
    window = parse_duration(options.duration, "--duration") if options.duration else None
    stretch = parse_duration(options.stretch, "--stretch") if options.stretch else None
    for source in sources:
        _check_source(source)
    if options.service_time and is_formula(options.service_time):
        parse_formula(options.service_time)
    elif options.service_time:
        parse_distribution(options.service_time)
    own = [replace(options, seed=_seed(options.seed, position)) for position in range(len(sources))]
    traces, notes = _traces(sources, own, window, live)
    pairs = [(trace, service_times(trace, one)) for trace, one in zip(traces, own, strict=True)]
    start = min(trace.covered[0] for trace in traces)
    end = start + window if window else max(trace.covered[1] for trace in traces)
    _check_span(sources, start, end)
    # By time alone: what arrives together stays in the order in which it was listed, which is that of the queue.
    requests = sorted(
        ((time, seconds) for trace, service in pairs for time, seconds in zip(trace.times, service, strict=True) if time < end),
        key=itemgetter(0),
    )
    if not requests:
        raise InvalidInput(f"No request of {sources[0]} arrives within --duration {options.duration}; give a longer one.")
    service, cut = within_timeout(seconds for _, seconds in requests)
    workload = Workload(
        array("d", (time for time, _ in requests)),
        service,
        start,
        end,
        " and ".join(trace.source for trace in traces),
        any(trace.estimated for trace in traces),
    )
    notes = (*dict.fromkeys(note for trace in traces for note in trace.notes), *notes, *cut)
    if stretch is None:
        return ReadWorkload(workload, notes)
    note = (
        f"Times between arrivals are stretched: {workload.seconds:,.0f} s to {stretch:,.0f} s; hours and weekdays are not real."
    )
    return ReadWorkload(workload.stretched(stretch), (*notes, note))


def parse_duration(text: str, option: str) -> float:
    """Seconds from `day`, `week` or a number of seconds; raises InvalidInput naming the option."""
    seconds = DURATIONS.get(text)
    try:
        seconds = float(text) if seconds is None else seconds
    except ValueError:
        seconds = 0.0
    if not 60 <= seconds <= 366 * 86_400:
        raise InvalidInput(f"{option} is {text!r}; give day, week, or 60 to 31,622,400 seconds.")
    return seconds


def service_times(trace: Trace, options: ArrivalOptions) -> array[float]:
    """The service time of each request: as --service-time says, else as the source does, else from the profile."""
    text = options.service_time
    if text and is_formula(text):
        return parse_formula(text).seconds(trace.columns, len(trace), trace.source)
    if text:
        return _drawn(parse_distribution(text), len(trace), options.seed)
    if trace.service is not None:
        return trace.service
    if options.profile is not None:
        return _drawn(Sampled(options.profile.alone), len(trace), options.seed)
    raise InvalidInput(
        f"{trace.source} does not say how long a request takes; give --service-time, --profile, or a column service_seconds."
    )


def _drawn(distribution: Distribution, count: int, seed: int | str) -> array[float]:
    values = draws(distribution, seed, "service")
    times = array("d", (next(values) for _ in range(count)))
    if min(times, default=1.0) <= 0:
        raise InvalidInput("A service time is 0 seconds; all must be above zero.")
    return times


def _check_source(source: str) -> None:
    """Raise InvalidInput for what is no source, before the endpoint is looked at, which takes seconds."""
    kind, colon, rest = source.partition(":")
    if source.startswith("s3://"):
        S3Uri.parse(source)
    elif colon and kind == "cloudwatch":
        period_of(_days(source, rest))
    elif _is_model(source):
        parse_arrivals(source)
    else:
        checked_status(Path(source))


def _check_span(sources: Sequence[str], start: float, end: float) -> None:
    """Raise InvalidInput for a window that is too long, which is mostly a mistake in the unit of times, or too late."""
    if end - start <= MOST_SECONDS and end < END_OF_TIME:
        return
    names = " and ".join(map(printable, sources))
    raise InvalidInput(
        f"The requests of {names} are spread over {(end - start) / 86_400:,.0f} days from {_date(start)} on; at most 366 days "
        "before the year 9999 are simulated: check the unit of their times (milliseconds?), or give a part or --duration."
    )


def _seed(seed: int | str, position: int) -> int | str:
    """The seed of a source: that of the command line for the first one, and streams of their own for others."""
    return f"{seed}.{position + 1}" if position else seed


def _is_model(source: str) -> bool:
    kind, colon, _ = source.partition(":")
    return bool(colon) and kind not in ("s3", "cloudwatch") and not Path(source).exists()


def _traces(
    sources: Sequence[str], options: Sequence[ArrivalOptions], window: float | None, live: Callable[[], Live]
) -> tuple[list[Trace], tuple[str, ...]]:
    """The trace of each source, those without dates placed beside those that have some, and a sentence if there were any."""
    read = {index: _recorded(source, options[index], live) for index, source in enumerate(sources) if not _is_model(source)}
    start = min((trace.covered[0] for trace in read.values() if trace.dated), default=EPOCH)
    placed = {index: trace if trace.dated else trace.moved(start - EPOCH) for index, trace in read.items()}
    end = max((trace.covered[1] for trace in placed.values()), default=start + DURATIONS["week"])
    until = start + window if window else end
    for index, source in enumerate(sources):
        if index not in placed:
            placed[index] = _modelled(source, options[index].seed, start, until)
    traces = [placed[index] for index in range(len(sources))]
    if start == EPOCH or all(index in read and read[index].dated for index in placed):
        return traces, ()
    return traces, (f"What has no dates begins with what has some, at {_date(start)}.",)


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def _recorded(source: str, options: ArrivalOptions, live: Callable[[], Live]) -> Trace:
    if source.startswith("s3://"):
        return s3_arrivals(live()[0], source)
    kind, colon, rest = source.partition(":")
    if colon and kind == "cloudwatch":
        session, endpoint = live()
        return metric_arrivals(session, endpoint, _days(source, rest), options.now, options.seed)
    path = Path(source)
    if path.suffix in (".sqlite", ".db"):
        return Trace(array("d", submission_times(path)), f"the batch of {printable(path)}")
    return _csv(path)


def _modelled(source: str, seed: int | str, start: float, end: float) -> Trace:
    times = generate(parse_arrivals(source), start, end, seed=seed)
    if not times:
        raise InvalidInput(f"{source} has no request within {end - start:,.0f} seconds; give a longer --duration.")
    return Trace(times, f"{source}, seed {seed}", window=(start, end), dated=False)


def _csv(path: Path) -> Trace:
    with open_input(path) as file:
        try:
            return parse_trace(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), printable(path))
        except OSError as error:
            raise unreadable(path, error) from error


def _days(source: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{printable(source)} names no number of days; write cloudwatch:14.") from None


def not_applied(address: str) -> Callable[[], Live]:
    """What to pass as `live` for an endpoint that only a plan has."""

    def fail() -> Live:
        raise NotApplied(
            f"{address} has not been applied, so it has no metrics and no inputs; give arrivals from a file or a model."
        )

    return fail
