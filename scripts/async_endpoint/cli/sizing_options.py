"""Arguments and options of the commands that size an endpoint: `simulate`, `recommend` and `usage`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Arrivals = Annotated[
    list[str],
    typer.Argument(
        metavar="ARRIVALS…",
        help="FILE.csv, FILE.sqlite (of a batch), s3://BUCKET/PREFIX, cloudwatch:DAYS, or a model such as poisson:30/h.",
    ),
]
Trace = Annotated[
    list[str] | None,
    typer.Option(
        "--trace",
        metavar="ARRIVALS",
        help="FILE.csv, FILE.sqlite (of a batch), s3://BUCKET/PREFIX, cloudwatch:DAYS, or a model such as poisson:30/h.",
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="REGION", help="Of the prices, where ENV is `defaults`. Default: us-east-1.")
]
Stretch = Annotated[
    str | None,
    typer.Option("--stretch", metavar="day|week|SECONDS", help="Stretch the times between arrivals to fill this time."),
]
Duration = Annotated[
    str | None,
    typer.Option("--duration", metavar="day|week|SECONDS", help="The time to look at, from the first minute of the arrivals."),
]
ServiceTime = Annotated[
    str | None,
    typer.Option(
        "--service-time",
        metavar="DIST|FORMULA",
        help="Seconds of a request: 12, lognormal:MEAN,P95, uniform:A,B, sample:A,B,…, or a formula over columns of a trace.",
    ),
]
StartTime = Annotated[
    str | None,
    typer.Option(
        "--start-time",
        metavar="DIST",
        help="Seconds until a new instance serves. Default: the profile's, or those of the endpoint's scaling activities.",
    ),
]
ProfileFile = Annotated[Path | None, typer.Option("--profile", metavar="FILE", help="What `profile` measured.")]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Of all that is drawn at random; the same seed, the same result.")
]
InstanceType = Annotated[str | None, typer.Option("--instance-type", metavar="ml.TYPE", help="Instead of the endpoint's.")]
Concurrency = Annotated[
    int | None,
    typer.Option("--max-concurrent-invocations", metavar="N", min=1, max=1_000, help="Requests at once per instance."),
]
MinInstances = Annotated[int | None, typer.Option("--min-instances", metavar="N", min=0, help="Instead of the endpoint's.")]
MaxInstances = Annotated[int | None, typer.Option("--max-instances", metavar="N", min=1, help="Instead of the endpoint's.")]
InitialInstances = Annotated[
    int | None, typer.Option("--initial-instances", metavar="N", min=0, help="In service when the time begins.")
]
TargetBacklog = Annotated[
    float | None, typer.Option("--target-backlog-per-instance", metavar="N", min=0.01, help="Of the target tracking policy.")
]
ScaleInCooldown = Annotated[int | None, typer.Option("--scale-in-cooldown", metavar="SECONDS", min=0, help="After scaling in.")]
ScaleOutCooldown = Annotated[
    int | None, typer.Option("--scale-out-cooldown", metavar="SECONDS", min=0, help="After scaling out.")
]
WakeCooldown = Annotated[int | None, typer.Option("--wake-cooldown", metavar="SECONDS", min=0, help="After waking from zero.")]
RequestTtl = Annotated[
    int | None,
    typer.Option("--request-ttl", metavar="SECONDS", min=60, max=21_600, help="After which waiting requests expire."),
]
MetricDelay = Annotated[
    int, typer.Option("--metric-delay", metavar="MINUTES", min=0, max=15, help="Until alarms see a minute; about 1 on AWS.")
]
