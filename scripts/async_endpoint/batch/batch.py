"""run_batch: processes the items of a source into a folder, and reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.batch.manifest import Manifest
from async_endpoint.batch.report import MAX_REASONS, BatchReport, Reason, write_report
from async_endpoint.batch.results import MANIFEST, Results, make_folder
from async_endpoint.batch.run import BatchRun, Options, Progress
from async_endpoint.batch.source import open_source
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.failure_reasons import first_line
from async_endpoint.core.outputs import AsyncEndpointOutputs

DEFAULTS: Final = Options()
CLIENT_DEFAULTS: Final = ClientConfig()


def run_batch(
    outputs: AsyncEndpointOutputs,
    source: str,
    out: Path,
    *,
    endpoint_url: str | None = None,
    role_arn: str | None = None,
    session: AwsSession | None = None,
    options: Options = DEFAULTS,
    config: ClientConfig = CLIENT_DEFAULTS,
    on_source: Callable[[int | None], None] = lambda total: None,
    on_tick: Callable[[Progress], None] = lambda progress: None,
) -> BatchReport:
    """Process every item of `source` into the folder `out`, resuming where an earlier run ended.

    `session` is by default one for AWS, or for the local AWS at `endpoint_url`, that assumes `role_arn` if one is given.
    `on_source` receives the number of items, None if unknown, and `on_tick` the progress, several times a second.
    Failed items are in the report. Raises InvalidInput for an unusable source or folder, Refused while another process works in
    that folder, and what ends a run (see BatchRun.run): then the same call resumes.
    """
    found = open_source(source, session or AwsSession.create(outputs.region, endpoint_url, role_arn=role_arn), out)
    make_folder(out)
    name = outputs.endpoint.name
    with Manifest(out / MANIFEST, endpoint=name, source=found.text) as manifest:
        results = Results(out)
        results.prepare()
        on_source(found.count())
        started_at = time.monotonic()
        with AsyncEndpoint.from_outputs(
            outputs,
            config=config,
            session=session,
            endpoint_url=endpoint_url,
            role_arn=role_arn,
            run=manifest.name,
            on_accepted=lambda invocation, submitted: manifest.submitted(invocation.tag[0], submitted.as_dict()),
        ) as endpoint:
            progress = BatchRun(endpoint, manifest, results, options).run(found, on_tick)
        seconds = time.monotonic() - started_at
        counts = manifest.counts()
        if not sum(counts.values()):
            raise InvalidInput(f"{source} ({found.kind}) has no items; give one that has.")
        ended = progress.done + progress.failed
        report = BatchReport(
            environment=outputs.environment,
            endpoint=name,
            source=found.text,
            folder=str(out),
            runs=manifest.run,
            items=sum(counts.values()),
            done=counts["done"],
            failed=counts["failed"],
            open=counts["sending"] + counts["submitted"],
            run_seconds=seconds,
            ended_in_run=ended,
            rate=ended / seconds if seconds else 0.0,
            median_seconds=manifest.seconds(0.5),
            p95_seconds=manifest.seconds(0.95),
            longest_seconds=manifest.seconds(1.0),
            reasons=tuple(Reason(first_line(text), items) for text, items in manifest.reasons(MAX_REASONS)),
        )
        write_report(results, manifest, report)
    return report
