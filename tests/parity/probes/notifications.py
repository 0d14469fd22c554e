"""Probes of notifications, with the shared endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from parity.account import Account
from parity.probe import Cost, Need, Observation, check, probe, undecided


@probe(
    "A71",
    needs=[Need.ENDPOINT],
    seconds=600,
    cost=Cost(requests=40),
    deviation="the success notification has no outputLocation in responseParameters",
)
def success_notification(aws: Account) -> Iterator[Observation]:
    """A success notification names endpoint, inference id, output, and the input as it was given."""
    source = f"s3://{aws.bucket}/input/{aws.name('request')}.json"
    aws.s3.put_object(Bucket=aws.bucket, Key=source.split("/", 3)[3], Body=b'{"a": 1}', ContentType="application/json")
    invoked = aws.endpoint.invoke(InputLocation=source, ContentType="application/json")
    outcome = aws.endpoint.outcome(invoked)
    expected = {"endpointName": aws.endpoint.name, "inputLocation": source, "outputLocation": invoked.output}
    seen = aws.endpoint.notification(invoked)
    if outcome.kind == "failure" or seen is None:
        reason = f"the request failed: {outcome.body!r}" if seen else "no notification within ten minutes"
        yield undecided("A71", reason, expected=str(expected))
        return
    named = seen.get("requestParameters", {}) | seen.get("responseParameters", {})
    observed = {key: named.get(key) for key in expected}
    yield check("A71", observed == expected, expected=str(expected), observed=observed)
