"""Probes of the authentication of requests, by calls that only read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from parity.account import Account
from parity.probe import Cost, Observation, check, compare, probe

READS = {
    "sts": ("sts", {"Content-Type": "application/x-www-form-urlencoded"}, "Action=GetCallerIdentity&Version=2011-06-15"),
    "sagemaker": ("sagemaker", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModels"}, "{}"),
    "logs": ("logs", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, "{}"),
}


def send(aws: Account, service: str, age: timedelta) -> int:
    """The status of a reading request that was signed `age` ago."""
    name, headers, body = READS[service]
    request: Any = AWSRequest("POST", aws.client(service).meta.endpoint_url + "/", dict(headers), body.encode())
    auth: Any = SigV4Auth(aws.session.get_credentials().get_frozen_credentials(), name, aws.region)
    request.context["timestamp"] = (datetime.now(UTC) - age).strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(request)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    auth._inject_signature_to_request(request, signature)
    return int(URLLib3Session().send(request.prepare()).status_code)


@probe("A10", seconds=60, cost=Cost(requests=6), deviation="SageMaker refuses a request that was signed six minutes ago")
def clock_skew(aws: Account) -> Iterator[Observation]:
    """A request signed 14 minutes ago is accepted, one signed 16 minutes ago is refused, by every service."""
    for service in READS:
        accepted = [send(aws, service, timedelta(minutes=minutes)) == 200 for minutes in (14, 16)]
        yield compare("A10", expected=(service, [True, False]), observed=(service, accepted))


@probe("A11", seconds=60, cost=Cost(requests=8), deviation="Application Auto Scaling answers a wrong signature with status 403")
def status_of_wrong_signatures(aws: Account) -> Iterator[Observation]:
    """A wrong secret is answered with 400 by JSON services, with 403 by query services and SageMaker Runtime."""
    credentials = aws.session.get_credentials().get_frozen_credentials()
    session = boto3.Session(credentials.access_key, "x" * 40, credentials.token, region_name=aws.region)
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "sagemaker": ("list_models", {}),
        "logs": ("describe_log_groups", {}),
        "application-autoscaling": ("describe_scalable_targets", {"ServiceNamespace": "sagemaker"}),
        "sts": ("get_caller_identity", {}),
        "sns": ("list_topics", {}),
        "sagemaker-runtime": ("invoke_endpoint_async", {"EndpointName": "none", "InputLocation": "s3://none/none"}),
    }
    observed = {}
    for service, (operation, params) in calls.items():
        client: Any = session.client(service, endpoint_url=aws.endpoint_url)
        try:
            getattr(client, operation)(**params)
        except ClientError as error:
            observed[service] = error.response["ResponseMetadata"]["HTTPStatusCode"]
    expected = dict(zip(calls, (400, 400, 400, 403, 403, 403), strict=True))
    yield compare("A11", expected=expected, observed=observed)


def add_header(request: Any, **_: Any) -> None:
    """Add a header to a request that is signed already."""
    request.headers["x-amz-probe"] = "1"


@probe("A12", seconds=60, cost=Cost(requests=4), deviation="STS ignores an x-amz- header that is not signed")
def unsigned_headers(aws: Account) -> Iterator[Observation]:
    """A header x-amz-… that is not signed is refused by every service."""
    for service, operation in (("sts", "get_caller_identity"), ("sagemaker", "list_models"), ("sqs", "list_queues")):
        client = aws.unguarded(service)
        signed = aws.attempt(getattr(client, operation))
        client.meta.events.register(f"before-send.{service}", add_header)
        unsigned = aws.attempt(getattr(client, operation))
        holds = signed == "accepted" and unsigned != "accepted"
        yield check(
            "A12", holds, expected=f"{service}: accepted, then refused with the header", observed=f"{signed}, then {unsigned}"
        )
