"""Faults of hosting: killed instances, slow and failed starts, rollbacks, denied access to S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.common import until
from support.deployed_endpoint import Deployed
from support.fault_injection import ask, fault, known, put
from support.in_process_aws import AwsHarness


def test_the_request_of_a_killed_instance_is_requeued_and_the_instance_replaced(
    local_aws: AwsHarness, deploy: Any, tmp_path: Path
) -> None:
    gate, arrivals = tmp_path / "open", tmp_path / "arrivals"
    deployed: Deployed = deploy()
    (first,) = deployed.serving()
    request = deployed.invoke({"touch": str(arrivals), "until": str(gate), "answer": "red"})
    until(lambda: arrivals.exists() and arrivals.read_text(), "the request is at the model")
    done = put(local_aws, "instance-kill", endpoint=deployed.name)
    assert (done["kind"], done["killed"]) == ("instance-kill", [first["id"]])
    gate.touch()
    assert deployed.outcome(request).body == b"red"
    assert len(set(arrivals.read_text().splitlines())) == 2
    assert deployed.serving()[0]["id"] != first["id"]
    assert known(local_aws) == {}


def test_only_the_named_instance_is_killed(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(variant={"InitialInstanceCount": 2})
    one, other = (item["id"] for item in deployed.serving(2))
    assert put(local_aws, "instance-kill", endpoint=deployed.name, instance=one)["killed"] == [one]
    until(lambda: one not in {item["id"] for item in deployed.status()["instances"]}, "it is gone")
    left = {item["id"] for item in deployed.serving(2)}
    assert other in left
    assert set(put(local_aws, "instance-kill", endpoint=deployed.name, count=5)["killed"]) == left
    status, answer = ask(local_aws, "POST", document={"kind": "instance-kill", "endpoint": deployed.name, "instance": one})
    assert (status, answer["error"].partition(";")[0]) == (
        400,
        f"Endpoint {deployed.name} has no instance '{one}' that is running",
    )


def test_one_instance_is_launched_more_slowly_than_the_other(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    with fault(local_aws, "slow-start", endpoint=deployed.name, seconds=604_800, count=1):
        deployed.scale(3)
        until(
            lambda: sorted(item["state"] for item in deployed.status()["instances"]) == ["InService", "InService", "Launching"],
            "one of two new instances serves, and the other is being launched",
        )
    assert deployed.describe()["EndpointStatus"] == "Updating"


def test_an_endpoint_whose_container_never_answers_fails(local_aws: AwsHarness, deploy: Any) -> None:
    with fault(local_aws, "failed-start", count=1):
        deployed: Deployed = deploy(wait=False)
        reason = deployed.until_status("Failed")["FailureReason"]
    assert "did not pass the ping health check" in reason
    assert "/ping did not answer within 480 seconds" in reason


def test_an_instance_that_never_answers_is_replaced(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    with fault(local_aws, "failed-start", endpoint=deployed.name, count=1):
        deployed.scale(2)
        silent = until(
            lambda: [item["id"] for item in deployed.status()["instances"] if item["state"] == "Starting"], "one is starting"
        )
        assert silent[0] not in {item["id"] for item in deployed.serving(2)}


def updated(local_aws: AwsHarness, deployed: Deployed, config: str) -> dict[str, Any]:
    """The description of an endpoint once an update to `config` has ended."""
    before = deployed.describe()["LastModifiedTime"]
    local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
    return until(
        lambda: (
            seen if (seen := deployed.describe())["EndpointStatus"] == "InService" and seen["LastModifiedTime"] > before else {}
        ),
        "the update is over",
    )


def test_the_next_update_rolls_back_and_the_one_after_it_does_not(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    config = local_aws.config(deployed.model, deployed.bucket)
    with fault(local_aws, "update-rollback", endpoint=deployed.name) as name:
        rolled_back = updated(local_aws, deployed, config)
        assert name not in known(local_aws)
    assert rolled_back["EndpointConfigName"] == deployed.config
    assert rolled_back["FailureReason"].startswith("The new fleet did not pass its health checks; the update is rolled back.")
    assert deployed.ask({"answer": "red"}).body == b"red"
    after = updated(local_aws, deployed, config)
    assert (after["EndpointConfigName"], after.get("FailureReason")) == (config, None)


def test_a_creation_is_no_update(local_aws: AwsHarness, deploy: Any) -> None:
    with fault(local_aws, "update-rollback") as name:
        deploy()
        assert known(local_aws)[name]["asked"] == 0


def test_the_role_is_denied_objects_below_the_prefix(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    outputs = f"s3://{deployed.bucket}/output/"
    with fault(local_aws, "s3-denial", action="PutObject", prefix=outputs):
        reason = deployed.failure({"answer": "red"})
    assert reason.startswith(f"Failed to upload the response to {outputs}")
    assert f"AccessDenied: {deployed.role.arn} is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::" in reason

    request = local_aws.put(deployed.bucket, "input/request", b"{}")
    with fault(local_aws, "s3-denial", action="GetObject", prefix=f"s3://{deployed.bucket}/input/", count=1):
        reason = deployed.failure(InputLocation=request, ContentType="application/json")
        assert reason.startswith(f"Failed to download the request from {request}: AccessDenied: ")
        assert deployed.ask(InputLocation=request, ContentType="application/json").kind == "output"

    with fault(local_aws, "s3-denial", prefix=f"s3://{deployed.bucket}-other"):
        assert deployed.ask({"answer": "red"}).kind == "output"


def test_a_role_that_is_denied_everything_still_publishes_the_error_notification(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    with fault(local_aws, "s3-denial"):
        invoked = deployed.invoke({"answer": "red"})
        notification = deployed.queues["Error"].notification()
    assert notification.inference_id == invoked.inference_id
    assert deployed.seen(invoked) is None


def test_an_endpoint_whose_archive_may_not_be_read_fails(local_aws: AwsHarness, deploy: Any) -> None:
    with fault(local_aws, "s3-denial", action="GetObject"):
        deployed: Deployed = deploy(wait=False)
        reason = deployed.until_status("Failed")["FailureReason"]
    assert "is not authorized to perform: s3:GetObject" in reason


def test_a_result_is_stored_though_its_notification_is_lost(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    with fault(local_aws, "notification-loss", topic=deployed.topics["SuccessTopic"]) as name:
        assert deployed.ask({"answer": "red"}).body == b"red"
        until(lambda: known(local_aws)[name]["happened"] == 1, "the notification was lost")
    assert deployed.queues["Success"].take() == []
