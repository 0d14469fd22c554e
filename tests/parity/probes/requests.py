"""Probes of asynchronous calls and of failing requests, with the shared endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator

from parity.account import Account
from parity.probe import Cost, Need, Observation, check, compare, probe, undecided
from parity.scope import TAG

SHARED = [Need.ENDPOINT]


@probe("A122", seconds=60, cost=Cost(requests=4), deviation="a call to an unknown endpoint is answered with ResourceNotFound")
def unknown_endpoint(aws: Account) -> Iterator[Observation]:
    """A call to an endpoint that does not exist is a ValidationError that says not found."""
    name = aws.name("absent")
    source = f"s3://{aws.bucket}/input/absent"
    seen = aws.attempt(aws.runtime.invoke_endpoint_async, EndpointName=name, InputLocation=source)
    holds = seen.startswith("ValidationError") and re.search("not found|not in service", seen, re.IGNORECASE) is not None
    yield check("A122", holds, expected="ValidationError: … not found", observed=seen)


@probe("A121", needs=SHARED, seconds=900, cost=Cost(requests=20), deviation="the container receives application/octet-stream")
def content_type_of_the_object(aws: Account) -> Iterator[Observation]:
    """Without ContentType the container receives the content type of the object in S3."""
    key = f"input/{aws.name('typed')}"
    aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=b'{"report": "content type"}', ContentType="text/csv")
    outcome = aws.endpoint.outcome(aws.endpoint.invoke(InputLocation=f"s3://{aws.bucket}/{key}"))
    yield compare("A121", expected="text/csv", observed=outcome.body.decode(errors="replace"))


@probe(
    "A123",
    needs=SHARED,
    seconds=900,
    cost=Cost(requests=20),
    deviation="S3OutputPathExtension is put before the name without a slash",
)
def keys_of_outputs(aws: Account) -> Iterator[Observation]:
    """Extension and Filename are folder and name below the output path; without them the name is <id>.out."""
    path, folder = f"s3://{aws.bucket}/output/", aws.name("folder")
    named = aws.endpoint.invoke({"a": 1}, S3OutputPathExtension=folder, Filename="answer.json")
    yield compare("A123", expected=f"{path}{folder}/answer.json", observed=named.output)
    others = {aws.endpoint.invoke({"a": 1}).output for _ in range(2)}
    matching = [output for output in others if re.fullmatch(re.escape(path) + r"[^/]+\.out", output)]
    yield check("A123", len(matching) == 2, expected=f"two of {path}<id>.out", observed=sorted(others))
    outcome = aws.endpoint.outcome(named)
    yield compare("A123", expected=("output", {"a": 1}), observed=(outcome.kind, outcome.document))


@probe(
    "A124",
    "A72",
    "A130",
    "A141",
    "A110",
    needs=SHARED,
    seconds=1200,
    cost=Cost(requests=60),
    deviation="the failure's key ends in .err",
)
def request_that_the_model_fails(aws: Account) -> Iterator[Observation]:
    """The failure object is where the response said, names the model's error, and is announced by the error topic."""
    text = aws.name("reason")
    invoked = aws.endpoint.invoke({"fail": text}, Filename="answer.json", S3OutputPathExtension="folder")
    form = re.escape(f"s3://{aws.bucket}/failure/") + r"[^/]+-error\.out"
    holds = re.fullmatch(form, invoked.failure or "") is not None
    yield check("A124", holds, expected=f"s3://{aws.bucket}/failure/<id>-error.out", observed=invoked.failure)
    outcome = aws.endpoint.outcome(invoked)
    yield compare("A72", expected=("failure", invoked.failure), observed=(outcome.kind, outcome.location))
    said = outcome.body.decode(errors="replace")
    holds = "Received server error (500) from" in said and text in said
    yield check("A130", holds, expected=f"Received server error (500) from … {text}", observed=said[:1000])
    begins = re.match(r"(ClientError: )?Received (client|server) error \(\d+\) from", said) is not None
    yield check("A110", begins, expected="begins with Received server error (500) from", observed=said[:1000])
    message = aws.endpoint.notification(invoked)
    if message is None:
        yield undecided("A141", "no error notification within ten minutes")
        return
    yield compare("A141", expected=("error", invoked.failure), observed=(message["queue"], message.get("failureLocation")))
    holds = message.get("invocationStatus") == "Failed" and "Received server error (500) from" in message.get(
        "failureReason", ""
    )
    yield check("A130", holds, expected="Failed: … Received server error (500) from …", observed=message)


@probe(
    "A131",
    needs=SHARED,
    seconds=1200,
    cost=Cost(requests=60),
    deviation="a request whose input is missing gets no failure object",
)
def request_without_its_input(aws: Account) -> Iterator[Observation]:
    """A missing input ends in a failure object and an error notification, and is counted."""
    invoked = aws.endpoint.invoke(InputLocation=f"s3://{aws.bucket}/input/{aws.name('absent')}", ContentType="text/plain")
    outcome = aws.within(lambda: aws.endpoint.seen(invoked), 900)
    yield compare("A131", expected="failure", observed=outcome.kind if outcome else "no object within 15 minutes")
    message = aws.endpoint.notification(invoked)
    yield compare("A131", expected="Failed", observed=message and message.get("invocationStatus"))
    counted = aws.within(lambda: sum(aws.endpoint.metric("RequestDownloadFailures", VariantName="primary")), 600)
    yield check("A131", counted is not None, expected="RequestDownloadFailures ≥ 1", observed=counted)


@probe(
    "A135",
    needs=SHARED,
    seconds=1200,
    cost=Cost(requests=40),
    deviation="a request that exceeds its time-out ends with the model's late response",
)
def request_that_takes_too_long(aws: Account) -> Iterator[Observation]:
    """A request that exceeds InvocationTimeoutSeconds fails, and the instance serves the next one."""
    late = aws.endpoint.invoke({"sleep": 6}, InvocationTimeoutSeconds=2)
    outcome = aws.within(lambda: aws.endpoint.seen(late), 900)
    yield compare("A135", expected="failure", observed=outcome.kind if outcome else "no object within 15 minutes")
    message = aws.endpoint.notification(late)
    yield compare("A135", expected="Failed", observed=message and message.get("invocationStatus"))
    following = aws.endpoint.outcome(aws.endpoint.invoke({"a": 1}))
    yield compare("A135", expected="output", observed=following.kind)


@probe(
    "A173",
    needs=SHARED,
    seconds=1200,
    cost=Cost(requests=40),
    deviation="asynchronous endpoints publish Invocations",
)
def names_of_metrics(aws: Account) -> Iterator[Observation]:
    """Processed requests are counted as InvocationsProcessed; the metrics of real-time endpoints do not appear."""
    aws.endpoint.outcome(aws.endpoint.invoke({"a": 1}))
    variant = {"VariantName": "primary"}
    counted = aws.within(lambda: sum(aws.endpoint.metric("InvocationsProcessed", **variant)), 600)
    yield check("A173", counted is not None, expected="InvocationsProcessed ≥ 1", observed=counted)
    foreign = ("Invocations", "InvocationsPerInstance", "OverheadLatency")
    present = [name for name in foreign if aws.endpoint.metric(name, **variant)]
    yield compare("A173", expected=[], observed=present)


@probe(
    "A174",
    needs=SHARED,
    seconds=1200,
    cost=Cost(requests=40),
    deviation="container output is in the data-log stream",
)
def log_streams(aws: Account) -> Iterator[Observation]:
    """A failed request has a line with its inference id in data-log; the container writes to the instance's stream."""
    text = aws.name("line")
    invoked = aws.endpoint.invoke({"print": text, "fail": text})
    assert aws.endpoint.outcome(invoked).kind == "failure"
    group = f"/aws/sagemaker/Endpoints/{aws.endpoint.name}"

    def streams(words: str) -> set[str]:
        pages = aws.logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=f'"{words}"')
        try:  # a page may be empty and have a successor
            return {event["logStreamName"] for page in pages for event in page["events"]}
        except aws.logs.exceptions.ResourceNotFoundException:  # the group comes with the first line
            return set()

    platform = aws.within(lambda: streams(invoked.inference_id), 600) or set()
    holds = bool(platform) and all(re.fullmatch(r"primary/i-[^/]+/data-log", stream) for stream in platform)
    yield check("A174", holds, expected="primary/<instance>/data-log", observed=sorted(platform))
    container = aws.within(lambda: streams(f"{text} printed"), 600) or set()
    holds = bool(container) and all(re.fullmatch(r"primary/i-[^/]+", stream) for stream in container)
    yield check("A174", holds, expected="primary/<instance>", observed=sorted(container))


@probe("A61", needs=SHARED, seconds=60, cost=Cost(requests=4), deviation="DesiredWeight of a new variant is 0")
def weight_of_a_new_variant(aws: Account) -> Iterator[Observation]:
    """DesiredWeight equals the InitialVariantWeight of the configuration, which is 1 where it says nothing."""
    (variant,) = aws.endpoint.describe()["ProductionVariants"]
    yield compare("A61", expected=1.0, observed=variant.get("DesiredWeight"))


@probe("A51", needs=SHARED, seconds=600, cost=Cost(requests=20), deviation="GetResources lists no endpoint configurations")
def resources_by_tag(aws: Account) -> Iterator[Observation]:
    """tag:GetResources finds models and endpoint configurations by their tags soon after their creation."""
    names = {"sagemaker:model": aws.model, "sagemaker:endpoint-config": aws.endpoint.config}
    wanted = {"Key": TAG, "Values": [aws.guard.run]}

    def found(kind: str) -> bool:
        pages = aws.tagging.get_paginator("get_resources").paginate(TagFilters=[wanted], ResourceTypeFilters=[kind])
        return any(item["ResourceARN"].endswith(f"/{names[kind]}") for page in pages for item in page["ResourceTagMappingList"])

    for kind in names:
        seen = aws.within(lambda kind=kind: found(kind), 300)
        yield compare("A51", expected=f"{kind} found", observed=f"{kind} {'found' if seen else 'not found in five minutes'}")


@probe(
    "A82",
    needs=SHARED,
    seconds=1200,
    cost=Cost(requests=40),
    deviation="metrics of asynchronous endpoints have no dimension EndpointConfigName",
)
def metrics_by_configuration(aws: Account) -> Iterator[Observation]:
    """The metrics of a variant are published with its EndpointConfigName too."""
    aws.endpoint.outcome(aws.endpoint.invoke({"a": 1}))
    place = {"VariantName": "primary", "EndpointConfigName": aws.endpoint.config}
    for name in ("ModelLatency", "InvocationsProcessed", "Invocation5XXErrors"):
        counted = aws.within(lambda name=name: aws.endpoint.metric(name, "SampleCount", **place), 600)
        yield check("A82", bool(counted), expected=f"{name} of {aws.endpoint.config}", observed=counted)
