"""Faults of calls (throttling, errors, latency, disconnects), as clients of AWS see them."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from async_endpoint.emulator.api_calls import SERVICES, s3_action
from async_endpoint.emulator.faults.faults import ActiveFault, apply_jitter
from async_endpoint.emulator.faults.kinds import LatencyFault, ThrottleFault
from support.common import unique, until
from support.fault_injection import ask, fault, known
from support.in_process_aws import REGION, AwsHarness

# One call of each service, by the protocol it speaks.
CALLS: dict[str, Callable[[AwsHarness], Any]] = {
    "application-autoscaling": lambda local_aws: local_aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker"),
    "cloudformation": lambda local_aws: local_aws.client("cloudformation").describe_stacks(),
    "cloudwatch": lambda local_aws: local_aws.cloudwatch.describe_alarms(),
    "iam": lambda local_aws: local_aws.iam.list_roles(),
    "kms": lambda local_aws: local_aws.kms.list_keys(),
    "logs": lambda local_aws: local_aws.logs.describe_log_groups(),
    "resourcegroupstaggingapi": lambda local_aws: local_aws.client("resourcegroupstaggingapi").get_resources(),
    "s3": lambda local_aws: local_aws.s3.list_buckets(),
    "sagemaker": lambda local_aws: local_aws.sagemaker.list_endpoints(),
    "sagemaker-runtime": lambda local_aws: local_aws.runtime.invoke_endpoint_async(EndpointName="none", Body=b"x"),
    "service-quotas": lambda local_aws: local_aws.client("service-quotas").list_service_quotas(ServiceCode="sagemaker"),
    "sns": lambda local_aws: local_aws.sns.list_topics(),
    "sqs": lambda local_aws: local_aws.sqs.list_queues(),
    "sts": lambda local_aws: local_aws.client("sts").get_caller_identity(),
}


def refused(call: Callable[[], Any]) -> tuple[str, int]:
    """Code and status of an error; fails the test if there is none."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def passes(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError:
        return False
    return True


@pytest.mark.parametrize("service", CALLS)
def test_each_service_throttles_and_fails_with_its_own_errors(local_aws: AwsHarness, service: str) -> None:
    throttled = {"s3": ("SlowDown", 503), "sqs": ("RequestThrottled", 403)}
    throttled |= dict.fromkeys(("cloudformation", "cloudwatch", "iam", "sns", "sts"), ("Throttling", 400))
    broken = {"s3": ("InternalError", 500), "sns": ("InternalError", 500)}
    with fault(local_aws, "throttle", service=service):
        assert refused(lambda: CALLS[service](local_aws)) == throttled.get(service, ("ThrottlingException", 400))
    with fault(local_aws, "error", service=service):
        assert refused(lambda: CALLS[service](local_aws)) == broken.get(service, ("InternalFailure", 500))
    with fault(local_aws, "error", service=service, status=503):
        assert refused(lambda: CALLS[service](local_aws)) == ("ServiceUnavailable", 503)


def test_every_service_is_covered() -> None:
    assert set(CALLS) == set(SERVICES)


def test_a_head_request_fails_with_a_status_only(local_aws: AwsHarness) -> None:
    with fault(local_aws, "throttle", action="HeadObject"):
        assert refused(lambda: local_aws.s3.head_object(Bucket="none", Key="none")) == ("503", 503)


def test_calls_outside_the_filters_are_not_affected(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    with fault(local_aws, "throttle", service="s3", action="PutObject") as name:
        assert refused(lambda: local_aws.put(bucket, "key", b"")) == ("SlowDown", 503)
        assert local_aws.keys(bucket) == []
        assert passes(local_aws.sqs.list_queues)
        assert known(local_aws)[name] | {"seed": 0} == {
            "id": name,
            "kind": "throttle",
            "service": "s3",
            "action": "PutObject",
            "rate": 1.0,
            "seed": 0,
            "asked": 1,
            "happened": 1,
        }
    local_aws.put(bucket, "key", b"")


def test_one_endpoints_invocations_fail_and_anothers_do_not(local_aws: AwsHarness) -> None:
    one, other = unique("endpoint"), unique("endpoint")

    def invoke(name: str) -> Any:
        return local_aws.runtime.invoke_endpoint_async(EndpointName=name, Body=b"x")

    with fault(local_aws, "error", endpoint=one):
        assert refused(lambda: invoke(one)) == ("InternalFailure", 500)
        assert refused(lambda: invoke(other)) == ("ValidationError", 400)


def test_the_same_seed_and_order_of_calls_give_the_same_outcome(local_aws: AwsHarness) -> None:
    def outcomes(seed: int) -> list[bool]:
        with fault(local_aws, "throttle", service="sqs", rate=0.4, seed=seed):
            return [passes(local_aws.sqs.list_queues) for _ in range(40)]

    first = outcomes(7)
    assert first == outcomes(7)
    assert first != outcomes(8)
    assert {True, False} == set(first)


def test_a_fault_expires_after_its_count(local_aws: AwsHarness) -> None:
    with fault(local_aws, "error", service="sqs", count=2) as name:
        assert [passes(local_aws.sqs.list_queues) for _ in range(4)] == [False, False, True, True]
        assert name not in known(local_aws)


def test_a_fault_expires_after_its_duration_in_aws_time(local_aws: AwsHarness) -> None:
    with fault(local_aws, "error", service="sqs", duration=1800) as name:  # three seconds here
        assert not passes(local_aws.sqs.list_queues)
        until(lambda: passes(local_aws.sqs.list_queues), "the fault is over")
        assert name not in known(local_aws)


def test_a_slow_call_is_executed_later(local_aws: AwsHarness) -> None:
    started = time.monotonic()
    with fault(local_aws, "latency", service="sqs", seconds=0.3):
        assert passes(local_aws.sqs.list_queues)
    assert time.monotonic() - started >= 0.3


def test_a_call_can_be_slow_and_throttled(local_aws: AwsHarness) -> None:
    started = time.monotonic()
    with fault(local_aws, "latency", service="sqs", seconds=0.3), fault(local_aws, "throttle", service="sqs"):
        assert refused(local_aws.sqs.list_queues) == ("RequestThrottled", 403)
    assert time.monotonic() - started >= 0.3


def test_jitter_follows_the_seed_and_keeps_its_bounds() -> None:
    def waits(seed: int) -> list[float]:
        active = ActiveFault("fault", LatencyFault(seconds=2.0, jitter=0.5, seed=seed), 0.0)
        lots = [active.sample(0.0) for _ in range(50)]
        return [apply_jitter(2.0, 0.5, roll) for roll in lots if roll is not None]

    assert waits(1) == waits(1) != waits(2)
    assert len(waits(1)) == 50
    assert all(1.5 <= wait <= 2.5 for wait in waits(1))


def test_samples_do_not_depend_on_earlier_outcomes() -> None:
    def happens(rate: float) -> list[bool]:
        active = ActiveFault("fault", ThrottleFault(rate=rate, seed=3), 0.0)
        return [active.sample(0.0) is not None for _ in range(100)]

    rare, often = happens(0.2), happens(0.7)
    assert all(more for less, more in zip(rare, often, strict=True) if less)
    assert 0 < sum(rare) < sum(often) < 100


@pytest.mark.parametrize("size", [0, 3_000_000])
@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
def test_a_connection_is_closed_before_or_after_the_call(local_aws: AwsHarness, when: str, done: bool, size: int) -> None:
    bucket = local_aws.bucket()
    with fault(local_aws, "disconnect", action="PutObject", when=when), pytest.raises(ConnectionClosedError):
        local_aws.put(bucket, "key", b"x" * size)
    assert local_aws.keys(bucket) == (["key"] if done else [])


def test_a_client_that_retries_succeeds_after_transient_faults(local_aws: AwsHarness) -> None:
    patient = Config(retries={"mode": "standard", "total_max_attempts": 3})
    for service in ("s3", "sqs", "sns"):
        key = local_aws.credentials.access_key
        client = boto3.client(
            service,
            REGION,
            endpoint_url=local_aws.url,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            config=patient,
        )
        call = {"s3": "list_buckets", "sqs": "list_queues", "sns": "list_topics"}[service]
        with fault(local_aws, "throttle", service=service, count=2):
            assert getattr(client, call)()["ResponseMetadata"]["RetryAttempts"] == 2


def test_a_presigned_url_is_affected_too(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "key", b"value")
    url = local_aws.client("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": bucket, "Key": "key"}
    )
    with fault(local_aws, "error", action="GetObject", status=503), pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code == 503
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"value"


def test_the_admin_api_is_never_affected(local_aws: AwsHarness) -> None:
    with fault(local_aws, "disconnect"), fault(local_aws, "throttle"), fault(local_aws, "latency", seconds=3600):
        status, answer = ask(local_aws)
        assert (status, len(answer["faults"])) == (200, 3)
        request = urllib.request.Request(f"{local_aws.url}/_local/status", headers=local_aws.credentials.admin_headers())
        with urllib.request.urlopen(request) as found:
            assert found.status == 200


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "action"),
    [
        ("GET", "/", (), (), "ListBuckets"),
        ("HEAD", "/bucket", (), (), "HeadBucket"),
        ("GET", "/bucket", ("list-type", "list-type=2", "prefix"), (), "ListObjectsV2"),
        ("GET", "/bucket/", ("policy",), (), "GetBucketPolicy"),
        ("PUT", "/bucket/a/b", (), (), "PutObject"),
        ("PUT", "/bucket/a", (), ("x-amz-copy-source",), "CopyObject"),
        ("PUT", "/bucket/a", ("partNumber", "uploadId"), (), "UploadPart"),
        ("POST", "/bucket/a", ("uploads",), (), "CreateMultipartUpload"),
        ("POST", "/bucket", ("delete",), (), "DeleteObjects"),
        ("GET", "/bucket/a", ("versionId",), (), "GetObject"),
        ("PATCH", "/bucket", (), (), ""),
    ],
)
def test_an_s3_action_is_identified_from_the_request(
    method: str, path: str, query: tuple[str, ...], headers: tuple[str, ...], action: str
) -> None:
    assert s3_action(method, path, frozenset(query), frozenset(headers)) == action


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "The request is JSON, but not an object."),
        ({}, "There is no kind of fault None; use one of clock-jump, disconnect, error, "),
        ({"kind": "flood"}, "There is no kind of fault 'flood'; use one of "),
        ({"kind": "throttle", "rate": 1.5}, "The option rate of a fault throttle is 1.5; give a number above 0, at most 1"),
        ({"kind": "throttle", "count": True}, "The option count of a fault throttle is True; give a whole number above 0"),
        ({"kind": "throttle", "seed": "x"}, "The option seed of a fault throttle is 'x'; give a whole number."),
        ({"kind": "throttle", "prefix": "s3://b"}, "A fault throttle has no option prefix; it takes action, count, "),
        ({"kind": "throttle", "service": "ec2"}, "The option service of a fault throttle is 'ec2'; give one of application-"),
        ({"kind": "throttle", "service": "s3", "action": "Publish"}, "s3 has no action 'Publish'; actions are named as in "),
        ({"kind": "throttle", "action": "Nothing"}, "No service of the local AWS has an action 'Nothing'; "),
        ({"kind": "throttle", "endpoint": "e", "service": "s3"}, "Calls of s3 name no endpoint to invoke; leave out "),
        ({"kind": "error", "status": 404}, "The option status of a fault error is 404; give one of 500, 503."),
        ({"kind": "latency"}, "A fault latency needs the option seconds: a number of seconds above 0"),
        ({"kind": "latency", "seconds": 1, "jitter": 2}, "The option jitter of a fault latency is 2; give a number of "),
        ({"kind": "disconnect", "when": "never"}, "The option when of a fault disconnect is 'never'; give one of before, "),
        ({"kind": "notification-duplicate", "copies": 0}, "The option copies of a fault notification-duplicate is 0; give "),
        (
            {"kind": "s3-denial", "action": "ListBucket"},
            "A fault s3-denial has the action ListBucket, which hosting never calls; use one of ",
        ),
        ({"kind": "s3-denial", "prefix": "bucket/"}, "'bucket/' is not an S3 URI; write it as s3://bucket/key"),
        ({"kind": "clock-jump", "seconds": -1}, "The option seconds of a fault clock-jump is -1; give a number of seconds "),
        ({"kind": "clock-jump", "seconds": 1, "rate": 0.5}, "A fault clock-jump has no option rate; it takes seconds, seed."),
        ({"kind": "instance-kill"}, "A fault instance-kill needs the option endpoint: the name of an endpoint."),
        ({"kind": "instance-kill", "endpoint": "no-such"}, "There is no endpoint 'no-such'; existing endpoints: "),
    ],
)
def test_an_invalid_fault_is_refused_with_one_sentence(local_aws: AwsHarness, document: Any, complaint: str) -> None:
    status, answer = ask(local_aws, "POST", document=document)
    assert (status, list(answer)) == (400, ["error"])
    assert answer["error"].startswith(complaint)
    assert known(local_aws) == {}


def test_faults_are_cleared_one_by_one_by_kind_and_all(local_aws: AwsHarness) -> None:
    def some() -> list[str]:
        kinds = ("slow-start", "failed-start", "failed-start")
        options = {"slow-start": {"seconds": 1}}
        return [ask(local_aws, "POST", document={"kind": kind, **options.get(kind, {})})[1]["id"] for kind in kinds]

    first, second, third = some()
    assert [item["id"] for item in ask(local_aws, "DELETE", first)[1]["cleared"]] == [first]
    assert [item["id"] for item in ask(local_aws, "DELETE", "failed-start")[1]["cleared"]] == [second, third]
    everything = some()
    assert [item["id"] for item in local_aws.aws.status()["faults"]] == everything
    assert [item["id"] for item in ask(local_aws, "DELETE")[1]["cleared"]] == everything
    assert ask(local_aws, "DELETE") == (200, {"cleared": []})
    assert ask(local_aws, "DELETE", first) == (400, {"error": f"No fault '{first}' is set; those set: none."})
    assert ask(local_aws, "PUT")[0] == ask(local_aws, "GET", first)[0] == 404
