"""Policies api and api_admin beside the recordings: rare calls that http_api/ makes are allowed, all others are denied."""

from __future__ import annotations

from typing import Any

import pytest

from support.recorded_access import Needed, denied, superfluous
from support.rendered_policies import policies

_BUCKET = "arn:aws:s3:::recommender-dev-123456789012-eu-west-1"
_KEY = "arn:aws:kms:eu-west-1:123456789012:key/own"
_QUEUE = "arn:aws:sqs:eu-west-1:123456789012:recommender-dev-deliveries"
_DEAD = "arn:aws:sqs:eu-west-1:123456789012:recommender-dev-delivery-dead-letters"
_ENDPOINT = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/recommender-dev"


def needed(action: str, resource: str, **context: str) -> Needed:
    return Needed(action, resource, tuple((name.replace("_", ":", 1), value) for name, value in sorted(context.items())))


def through(service: str, *actions: str) -> list[Needed]:
    return [needed(f"kms:{action}", _KEY, kms_ViaService=f"{service}.eu-west-1.amazonaws.com") for action in actions]


def objects(verbs: str, *keys: str) -> list[Needed]:
    return [needed(f"s3:{verb}Object", f"{_BUCKET}/{key}") for verb in verbs.split() for key in keys]


CALLS = {
    "api": [
        needed("sagemaker:DescribeEndpoint", _ENDPOINT),
        needed("sagemaker:InvokeEndpointAsync", _ENDPOINT),
        needed("cloudwatch:GetMetricData", "*"),
        *objects("Get Put", "input/api/large", "input/api/caller/upload"),
        *objects("Get", "output/api/a.out", "failure/1-error.out", "credentials/keys/a.json"),
        *objects("Get Put", "predictions/records/a.json", "predictions/submitted/caller/1.a", "predictions/outcomes/a.json"),
        *objects("Get Put", "predictions/sweep.json", "credentials/secrets/caller.json"),
        needed("s3:ListBucket", _BUCKET),  # of a missing key
        needed("s3:ListBucket", _BUCKET, s3_prefix="predictions/submitted/caller/"),
        needed("s3:ListBucket", _BUCKET, s3_prefix="credentials/keys/"),
        *(
            needed(f"sqs:{verb}", _QUEUE)
            for verb in ("ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage", "SendMessage")
        ),
        needed("sqs:SendMessage", _DEAD),
        *through("s3", "Decrypt", "GenerateDataKey"),
        *through("sqs", "Decrypt", "GenerateDataKey"),
    ],
    "api_admin": [
        *objects("Delete Get Put", "credentials/keys/a.json"),
        *objects("Get Put", "credentials/secrets/caller.json"),
        needed("s3:ListBucket", _BUCKET),
        needed("s3:ListBucket", _BUCKET, s3_prefix="credentials/keys/"),
        needed("sqs:DeleteMessage", _DEAD),
        needed("sqs:ReceiveMessage", _DEAD),
        needed("sqs:SendMessage", _QUEUE),
        *through("s3", "Decrypt", "GenerateDataKey"),
        *through("sqs", "Decrypt", "GenerateDataKey"),
    ],
}
FORBIDDEN = {
    "api": [
        *objects("Put Delete", "credentials/keys/a.json"),
        *objects("Delete", "predictions/records/a.json", "output/api/a.out", "input/api/large"),
        *objects("Get", "output/batch/1.out", "input/other", "model/a/model.tar.gz"),
        needed("sqs:ReceiveMessage", _DEAD),
        needed("s3:ListBucket", _BUCKET, s3_prefix="output/"),
        *through("sns", "Decrypt"),
    ],
    "api_admin": [
        needed("sagemaker:InvokeEndpointAsync", _ENDPOINT),
        needed("sqs:ReceiveMessage", _QUEUE),
        *objects("Get", "predictions/records/a.json", "output/api/a.out", "input/api/large"),
        *objects("Put", "predictions/outcomes/a.json"),
    ],
}


@pytest.mark.parametrize("role", CALLS)
def test_the_calls_of_the_api_are_allowed_and_each_statement_is_needed(role: str) -> None:
    policy: dict[str, Any] = policies()[role]
    assert denied(CALLS[role], [policy]) == []
    assert superfluous(policy, CALLS[role]) == []


@pytest.mark.parametrize("role", FORBIDDEN)
def test_what_the_role_has_no_business_with_is_denied(role: str) -> None:
    allowed = [str(call) for call in FORBIDDEN[role] if call.allowed_by([policies()[role]])]
    assert allowed == []


@pytest.mark.parametrize("role", ["caller", "collector", "deployer", "planner", "verifier", "watcher"])
def test_no_other_policy_reads_or_writes_credentials(role: str) -> None:
    touched = objects(
        "Delete Get Put", "credentials/keys/a.json", "credentials/secrets/caller.json", "predictions/records/a.json"
    )
    assert [str(call) for call in touched if call.allowed_by([policies()[role]])] == []
