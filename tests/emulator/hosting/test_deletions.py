"""Deleting resources in use: the local AWS refuses exactly what AWS refuses, and endpoints fail as on AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.deploy.deletions import remove_deleted_endpoints
from async_endpoint.deploy.polling import Poller
from async_endpoint.terraform.plan_document import ResourceChange
from support.common import refusal, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.vpc_endpoint import INTERFACES, REMOVAL, Network

MISSING = 'Could not find {word} "arn:aws:sagemaker:{region}:{account}:{kind}/{name}".'


def missing(kind: str, name: str) -> tuple[str, str]:
    words = {"endpoint-config": "endpoint configuration", "model": "model"}
    return "ValidationException", MISSING.format(word=words[kind], region=REGION, account=ACCOUNT, kind=kind, name=name)


def gone(local_aws: AwsHarness, deployed: Deployed) -> None:
    until(lambda: not local_aws.endpoints(deployed.name), f"endpoint {deployed.name} is gone")


# --- configurations, models, archives -------------------------------------------------------------------------------------


def test_a_configuration_in_use_is_deleted_and_every_later_update_fails(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config)
    assert deployed.describe()["EndpointStatus"] == "InService"
    assert deployed.ask({"answer": "still"}).body == b"still"
    new = local_aws.config(deployed.model, deployed.bucket)
    for wanted in (deployed.config, new):
        refused = refusal(local_aws.sagemaker.update_endpoint, EndpointName=deployed.name, EndpointConfigName=wanted)
        assert refused == missing("endpoint-config", deployed.config)
    assert deployed.describe()["EndpointConfigName"] == deployed.config
    deployed.delete()


def test_an_endpoint_can_be_updated_after_its_configuration_is_recreated(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config)
    local_aws.sagemaker.create_endpoint_config(**local_aws.config_request(deployed.config, deployed.model, deployed.bucket))
    new = local_aws.config(deployed.model, deployed.bucket)
    local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=new)
    assert deployed.until_status("InService")["EndpointConfigName"] == new


def test_an_update_to_a_configuration_whose_model_is_deleted_is_refused(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    model = local_aws.model(deployed.bucket, deployed.role)
    new = local_aws.config(model, deployed.bucket)
    local_aws.sagemaker.delete_model(ModelName=model)
    refused = refusal(local_aws.sagemaker.update_endpoint, EndpointName=deployed.name, EndpointConfigName=new)
    assert refused == missing("model", model)


def _model(local_aws: AwsHarness, deployed: Deployed) -> str:
    local_aws.sagemaker.delete_model(ModelName=deployed.model)
    return f'Could not find model "{deployed.model}"'


def _archive(local_aws: AwsHarness, deployed: Deployed) -> str:
    local_aws.s3.delete_object(Bucket=deployed.bucket, Key=f"model/{deployed.model}.tar.gz")
    return "NoSuchKey"


def _role(local_aws: AwsHarness, deployed: Deployed) -> str:
    deployed.role.delete()
    return "Could not assume role"


@pytest.mark.parametrize("take", [_model, _archive, _role])
def test_an_endpoint_at_zero_does_not_wake_without_what_was_deleted(
    local_aws: AwsHarness, deploy: Any, take: Callable[[AwsHarness, Deployed], str]
) -> None:
    deployed: Deployed = deploy().asleep()
    reason = take(local_aws, deployed)
    asked = deployed.invoke({"answer": "x"}, RequestTTLSeconds=3_600)
    deployed.scale(1)
    variant = until(
        lambda: found if (found := deployed.status()["variants"][0])["last_failure"] else None, "an instance failed to launch"
    )
    assert (reason in variant["last_failure"], variant["serving_instances"]) == (True, 0), variant
    if take is not _role:  # without which nothing can be written
        outcome = deployed.outcome(asked)
        assert (outcome.kind, b"expired" in outcome.body.lower()) == ("failure", True)


def test_an_endpoint_at_zero_wakes_once_its_archive_is_restored(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy().asleep()
    key = f"model/{deployed.model}.tar.gz"
    archive = local_aws.s3.get_object(Bucket=deployed.bucket, Key=key)["Body"].read()
    local_aws.s3.delete_object(Bucket=deployed.bucket, Key=key)
    deployed.scale(1)
    until(lambda: deployed.status()["variants"][0]["last_failure"], "an instance failed to launch")
    local_aws.put(deployed.bucket, key, archive)
    assert deployed.ask({"answer": "awake"}).body == b"awake"
    assert deployed.status()["variants"][0]["last_failure"] == ""


# --- how a deletion ends -------------------------------------------------------------------------------------------------


def test_a_deletion_takes_aws_minutes(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    began = local_aws.aws.clock.now()
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)
    local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config)
    local_aws.sagemaker.delete_model(ModelName=deployed.model)  # neither of which it needs
    gone(local_aws, deployed)
    assert local_aws.aws.clock.now() - began >= 120


def test_the_name_of_an_endpoint_whose_role_is_deleted_first_is_free_again(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)
    deployed.role.delete()  # as Terraform does, whose provider does not wait
    assert deployed.describe()["EndpointStatus"] == "Deleting"
    assert "in-progress" in refusal(local_aws.sagemaker.delete_endpoint, EndpointName=deployed.name)[1]
    gone(local_aws, deployed)
    deployed.role.create(deployed.bucket)
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=deployed.config)
    deployed.until_status("InService")


# --- what AWS deletes while it is in use -------------------------------------------------------------------------------------


def test_role_topics_and_key_of_an_endpoint_in_service_can_be_deleted(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True)
    for topic in ("SuccessTopic", "ErrorTopic"):
        local_aws.sns.delete_topic(TopicArn=deployed.topics[topic])
    deployed.role.delete()
    assert deployed.describe()["EndpointStatus"] == "InService"
    deployed.role.create(deployed.bucket)
    assert deployed.ask({"answer": "unannounced"}).body == b"unannounced"


def test_a_bucket_with_objects_and_a_role_with_policies_are_refused_as_on_aws(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    assert refusal(local_aws.s3.delete_bucket, Bucket=deployed.bucket)[0] == "BucketNotEmpty"
    assert refusal(local_aws.iam.delete_role, RoleName=deployed.role.name)[0] == "DeleteConflict"


# --- network interfaces ---------------------------------------------------------------------------------------------------


@pytest.fixture
def network(local_aws: AwsHarness, deploy: Any) -> Network:
    return Network.of(local_aws, deploy())


def test_network_interfaces_block_deleting_subnets_and_groups_for_minutes_after_their_endpoint(
    local_aws: AwsHarness, network: Network
) -> None:
    deployed = network.deployed
    found = network.interfaces()
    assert sorted(item["SubnetId"] for item in found) == sorted(network.subnets)
    assert {(item["Status"], item["RequesterManaged"]) for item in found} == {("in-use", True)}
    assert all(deployed.name in item["Description"] for item in found)
    assert network.refusals() == ("DependencyViolation", "DependencyViolation")
    interface = found[0]["NetworkInterfaceId"]
    code, message = refusal(local_aws.ec2.delete_network_interface, NetworkInterfaceId=interface)
    assert (code, message) == ("InvalidParameterValue", f"Network interface '{interface}' is currently in use.")
    deployed.delete()
    deleted_at = local_aws.aws.clock.now()
    assert network.refusals() == ("DependencyViolation", "DependencyViolation")
    until(lambda: not network.interfaces(), "the interfaces are gone")
    assert local_aws.aws.clock.now() - deleted_at > 60
    network.delete()


def test_network_interfaces_of_scaled_in_instances_are_deleted(network: Network) -> None:
    network.deployed.asleep()
    until(lambda: not network.interfaces(), "the interfaces are gone")
    network.delete()
    network.deployed.scale(1)  # and the subnets are missed at the next launch
    failed = until(lambda: network.deployed.status()["variants"][0]["last_failure"], "an instance failed to launch")
    assert "does not exist" in failed


def test_network_interfaces_outlive_their_endpoint_without_the_role_that_deletes_them(
    local_aws: AwsHarness, network: Network
) -> None:
    deployed = network.deployed
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)
    network.allow(*INTERFACES)
    gone(local_aws, deployed)
    needs = until(lambda: [line for line in local_aws.aws.status()["remaining_interfaces"] if deployed.role.arn in line], "why")
    assert ("DeleteNetworkInterface" in needs[0], len(network.interfaces())) == (True, 2)
    deployed.role.delete()
    due = local_aws.aws.clock.now() + 400
    until(lambda: local_aws.aws.clock.now() > due, "minutes pass")
    assert len(network.interfaces()) == 2
    said = until(
        lambda: [line for line in local_aws.aws.status()["remaining_interfaces"] if f"assume role {deployed.role.arn}" in line],
        "the removal is retried without the role",
    )
    assert all(item["NetworkInterfaceId"] in said[0] and item["SubnetId"] in said[0] for item in network.interfaces())
    deployed.role.create()
    network.allow(*REMOVAL)
    until(lambda: not network.interfaces(), "the interfaces are gone")
    assert not [line for line in local_aws.aws.status()["remaining_interfaces"] if deployed.role.arn in line]


def test_a_plan_that_deletes_an_endpoint_waits_for_its_interfaces(local_aws: AwsHarness, network: Network) -> None:
    name = network.deployed.name
    before = {"name": name, "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"}
    deletion = ResourceChange("aws_sagemaker_endpoint.this", "aws_sagemaker_endpoint", ("delete",), before, {})
    soon = Poller(deadline=60, pause=0.02)
    remove_deleted_endpoints(lambda region: local_aws, [deletion], soon, soon)
    network.delete()
