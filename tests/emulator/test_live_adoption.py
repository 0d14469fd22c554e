"""Adoption of live endpoints on a local AWS in this process: what is read, who owns it, and what is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.aws import AwsSession
from async_endpoint.cli.app import app
from async_endpoint.core.errors import InvalidInput, OwnedElsewhere, ReplacementRefused, UnknownEndpoint, UsageError
from async_endpoint.deploy.live_adoption.async_block import async_block
from async_endpoint.deploy.live_adoption.beneath_block import beneath_blocks
from async_endpoint.deploy.live_adoption.described import Described
from async_endpoint.deploy.live_adoption.inventory import Inventory, read_inventory
from async_endpoint.deploy.live_adoption.ownership import require_released
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.root_files import Root
from async_endpoint.deploy.live_adoption.sharing import Sharing, sharing
from async_endpoint.deploy.plan import Planned
from async_endpoint.deploy.summary.summary import ChangedResource, EndpointSummary, PlanSummary
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.configured_endpoints import EXPRESSION, configured_endpoints
from async_endpoint.terraform.root_region import RootRegion
from async_endpoint.terraform.unknown_fields import unknown_fields
from async_endpoint.workspace import Workspace
from support.in_memory_aws import client_error
from support.in_process_aws import REGION, AwsHarness
from support.live_origins import Origin, boto3_script, cdk_resources, real_time, release, stack

CHECKOUT = Path(__file__).resolve().parents[2]
MAIN = 'locals {\n  project     = "shop"\n  environment = "dev"\n}\n'
OUTPUTS = """output "async_endpoints" {
  description = "Endpoints."
  value = {
    recommender = module.recommender.async_endpoint
  }
}
"""
PROVIDER = """provider "aws" {
  default_tags {
    tags = {
      deployment  = "${local.project}-${local.environment}-${var.region}" # what to clean up by
      environment = local.environment
      managed-by  = "terraform"
    }
  }
}
"""


@pytest.fixture(scope="module")
def session(local_aws: AwsHarness) -> AwsSession:
    return AwsSession(local_aws.client, REGION, local_aws.url)


@pytest.fixture(scope="module")
def guide(local_aws: AwsHarness) -> Origin:
    """The endpoint of a guide's script."""
    return boto3_script(local_aws.client)


@pytest.fixture(scope="module")
def inventory(session: AwsSession, guide: Origin) -> Inventory:
    return read_inventory(session, guide.endpoint)


@pytest.fixture(scope="module")
def answering(session: AwsSession, local_aws: AwsHarness) -> Inventory:
    """A real-time endpoint."""
    return read_inventory(session, real_time(local_aws.client).endpoint)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Environment dev of a checkout, with the modules of this one."""
    (tmp_path / "modules").symlink_to(CHECKOUT / "modules")
    folder = tmp_path / "envs/dev"
    folder.mkdir(parents=True)
    for name, text in (("main", MAIN), ("outputs", OUTPUTS), ("providers", PROVIDER)):
        (folder / f"{name}.tf").write_text(text)
    return Root(folder, "dev", REGION)


@pytest.fixture
def describe(session: AwsSession, root: Root) -> Callable[..., Described]:
    def described(inventory: Inventory, *referenced: str) -> Described:
        naming = root.naming(inventory, "shop")
        if inventory.kind != "async":
            return beneath_blocks(inventory, naming, inventory.key_arn, root.default_tags)
        shared = sharing(session, inventory, frozenset(referenced))
        return async_block(inventory, shared, naming, inventory.key_arn, root.default_tags)

    return described


def write(root: Root, inventory: Inventory, described: Described) -> dict[str, str]:
    """The files by name, written."""
    files = root.files(inventory, root.naming(inventory, "shop"), described)
    for path, text in files.items():
        path.write_text(text)
    return {path.name: text for path, text in files.items()}


def test_the_endpoint_is_described_as_it_is(root: Root, inventory: Inventory, describe: Any) -> None:
    described = describe(inventory)

    files = write(root, inventory, described)

    [endpoint] = [one for one in configured_endpoints(root.folder) if one.call == "shop"]
    assert not list(unknown_fields(root.folder))
    written = {
        path: endpoint.get(path)
        for path in (
            "names.endpoint", "names.variant", "names.wake_policy", "names.error_topic", "endpoint.instance_type",
            "endpoint.max_concurrent_invocations", "scaling.min_instances", "scaling.max_instances",
            "scaling.target_backlog_per_instance", "scaling.scale_in_cooldown_seconds", "storage.prefixes.output",
            "environment",
        )
    }  # fmt: skip
    assert written == {
        "names.endpoint": inventory.name,
        "names.variant": "AllTraffic",
        "names.wake_policy": "HasBacklogWithoutCapacity-ScalingPolicy",
        "names.error_topic": f"{inventory.name}-notifications",
        "endpoint.instance_type": "ml.m5.large",
        "endpoint.max_concurrent_invocations": 5,
        "scaling.min_instances": 1,
        "scaling.max_instances": 2,
        "scaling.target_backlog_per_instance": 5,
        "scaling.scale_in_cooldown_seconds": 600,
        "storage.prefixes.output": "async-inference-results/",
        "environment": EXPRESSION,
    }
    [container] = endpoint.containers
    assert container["environment"] == inventory.models[f"{inventory.name}-model"].details["PrimaryContainer"]["Environment"]
    assert container["serving"] == {"exported": False, "timeout_seconds": 300}
    assert files["outputs.tf"].count("module.recommender.async_endpoint") == 1
    assert "    shop        = module.shop.async_endpoint\n" in files["outputs.tf"]


def test_all_that_serves_the_endpoint_alone_is_imported(inventory: Inventory, describe: Any) -> None:
    imports = {one.address.removeprefix("module.shop."): one.resource.id for one in describe(inventory).imports}

    policy = "module.endpoint.aws_appautoscaling_policy"
    target = f"sagemaker/endpoint/{inventory.name}/variant/AllTraffic/sagemaker:variant:DesiredInstanceCount"
    assert imports == {
        "module.endpoint.aws_sagemaker_endpoint.this": inventory.name,
        "module.endpoint.aws_cloudwatch_log_group.this": f"/aws/sagemaker/Endpoints/{inventory.name}",
        "module.model.aws_iam_role.imported[0]": f"{inventory.name}-role",
        "module.storage[0].aws_s3_bucket.imported[0]": f"{inventory.name}-data",
        'module.notifications.aws_sns_topic.imported["success"]': inventory.topics["success"].resource.arn,
        'module.endpoint.aws_appautoscaling_target.this["AllTraffic"]': target,
        f'{policy}.tracking["AllTraffic/backlog_per_instance"]': f"{target}/Invocations-ScalingPolicy",
        f'{policy}.wake["AllTraffic"]': f"{target}/HasBacklogWithoutCapacity-ScalingPolicy",
        'module.endpoint.aws_cloudwatch_metric_alarm.wake["AllTraffic"]': f"{inventory.name}-step-scaling",
    }


def test_what_is_to_be_left_alone_is_referenced(root: Root, inventory: Inventory, describe: Any) -> None:
    described = describe(inventory, "bucket", "role", "topics")

    write(root, inventory, described)

    [endpoint] = [one for one in configured_endpoints(root.folder) if one.call == "shop"]
    assert endpoint.get("storage.existing.bucket.name") == f"{inventory.name}-data"
    assert endpoint.get("model.role.existing.attach_policy") is True
    assert endpoint.get("notifications.topics.both.arn") == inventory.topics["success"].resource.arn
    kinds = {one.resource.type for one in described.imports}
    assert not kinds & {"aws_iam_role", "aws_s3_bucket", "aws_sns_topic"}
    assert len([line for line in described.kept if "you asked to leave it as it is" in line]) == 4


def test_what_another_endpoint_uses_too_is_referenced(session: AwsSession, inventory: Inventory, local_aws: AwsHarness) -> None:
    assert sharing(session, inventory, frozenset()).bucket is None
    other, sagemaker = f"{inventory.name}-other", local_aws.sagemaker
    config = sagemaker.describe_endpoint_config(EndpointConfigName=inventory.configuration.name)
    sagemaker.create_endpoint_config(
        EndpointConfigName=other,
        ProductionVariants=config["ProductionVariants"],
        AsyncInferenceConfig=config["AsyncInferenceConfig"],
    )
    sagemaker.create_endpoint(EndpointName=other, EndpointConfigName=other)

    shared = sharing(session, inventory, frozenset())

    why = f"endpoint {other} uses it too"
    assert (shared.bucket, shared.role, set(shared.topics.values())) == (why, why, {why})
    local_aws.forget(other)


class Sagemaker:
    """SageMaker of the local AWS with answers of its own for some names of configurations and models; None is a deleted one."""

    def __init__(self, live: Any, **answers: Any) -> None:
        self._live, self._answers = live, answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._live, name)

    def describe_endpoint_config(self, EndpointConfigName: str) -> Any:  # noqa: N803
        return self._answer("config", EndpointConfigName) or self._live.describe_endpoint_config(
            EndpointConfigName=EndpointConfigName
        )

    def describe_model(self, ModelName: str) -> Any:  # noqa: N803
        return self._answer("model", ModelName) or self._live.describe_model(ModelName=ModelName)

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_endpoints":
            return self._live.get_paginator(operation)
        return SimpleNamespace(paginate=lambda: [{"Endpoints": [{"EndpointName": "neighbour"}]}])

    def describe_endpoint(self, EndpointName: str) -> Any:  # noqa: N803
        return {"EndpointConfigName": "config"} if EndpointName == "neighbour" else None

    def _answer(self, kind: str, name: str) -> Any:
        if name in self._answers and self._answers[name] is None:
            raise client_error("ValidationException", f"Could not find {kind} {name}")
        return self._answers.get(name)


def neighbours(session: AwsSession, inventory: Inventory, **answers: Any) -> Sharing:
    """What is shared with an endpoint `neighbour`, whose configuration is `config`."""
    sagemaker = Sagemaker(session.sagemaker, **answers)
    return sharing(
        AwsSession(lambda service: sagemaker if service == "sagemaker" else session.client(service), REGION),
        inventory,
        frozenset(),
    )


def test_an_endpoint_whose_configuration_is_deleted_may_use_everything(session: AwsSession, inventory: Inventory) -> None:
    shared = neighbours(session, inventory, config=None)

    why = "the configuration of endpoint neighbour is deleted, so it may use it too"
    assert (shared.bucket, shared.role, set(shared.topics.values())) == (why, why, {why})


def test_a_deleted_model_hides_no_other(session: AwsSession, inventory: Inventory) -> None:
    assert inventory.role is not None
    gone = {"ProductionVariants": [{"ModelName": "gone"}]}
    shadowed = gone | {"ShadowProductionVariants": [{"ModelName": "shadow"}]}
    model = {"ExecutionRoleArn": inventory.role.arn}

    assert neighbours(session, inventory, config=gone, gone=model).role == "endpoint neighbour uses it too"
    assert neighbours(session, inventory, config=shadowed, gone=None, shadow=model).role == "endpoint neighbour uses it too"
    unknown = neighbours(session, inventory, config=gone, gone=None)
    assert (unknown.role, unknown.bucket) == ("model gone of endpoint neighbour is deleted, so it may use it too", None)


def test_a_bucket_that_captures_calls_of_another_endpoint_is_referenced(session: AwsSession, inventory: Inventory) -> None:
    assert inventory.bucket is not None
    capturing = {"DataCaptureConfig": {"DestinationS3Uri": f"s3://{inventory.bucket.name}/captured"}}
    assert neighbours(session, inventory, config=capturing).bucket == "endpoint neighbour uses it too"


def test_a_bucket_of_another_account_is_referenced(session: AwsSession, inventory: Inventory) -> None:
    def head_bucket(Bucket: str, ExpectedBucketOwner: str) -> Any:  # noqa: N803
        assert inventory.bucket is not None
        assert (Bucket, ExpectedBucketOwner) == (inventory.bucket.name, inventory.account)
        raise client_error("403", "Forbidden", 403)

    s3 = SimpleNamespace(head_bucket=head_bucket)
    foreign = AwsSession(lambda service: s3 if service == "s3" else session.client(service), REGION)

    assert sharing(foreign, inventory, frozenset()).bucket == "it is another account's, or cannot be read (s3:ListBucket)"


def test_every_action_of_the_wake_alarm_that_ends_is_listed(inventory: Inventory, describe: Any) -> None:
    assert not [line for line in describe(inventory).changes if line.startswith("Action ")]
    [scaling] = inventory.scaling.values()
    [wake] = scaling.steps
    [alarm] = wake.alarms
    actions = {"AlarmActions": [wake.resource.arn, "arn:page"], "OKActions": ["arn:ok"], "InsufficientDataActions": ["arn:no"]}
    paging = replace(alarm, details={**alarm.details, **actions, "ActionsEnabled": False})

    changes = describe(
        replace(inventory, scaling={"AllTraffic": replace(scaling, steps=(replace(wake, alarms=(paging,)),))})
    ).changes

    assert [line.partition(" ends: ")[0] for line in changes if line.startswith("Action ")] == [
        f"Action arn:page of alarm {alarm.name} on ALARM",
        f"Action arn:ok of alarm {alarm.name} on OK",
        f"Action arn:no of alarm {alarm.name} on INSUFFICIENT_DATA",
    ]
    assert f"Alarm {alarm.name}, whose actions are switched off, starts instances from now on." in changes


def test_a_real_time_endpoint_is_described_by_the_modules_beneath(root: Root, answering: Inventory, describe: Any) -> None:
    live = answering

    described = describe(live)

    text = write(root, live, described)["shop.tf"]
    assert not list(unknown_fields(root.folder))
    assert described.calls == ["shop_container", "shop_model", "shop_endpoint_config", "shop_endpoint"]
    assert described.output is None
    assert "target_invocations_per_instance = 70" in text
    assert (
        'AllTraffic = { tracking_policies = { invocations_per_instance = "SageMakerEndpointInvocationScalingPolicy" } }' in text
    )
    addresses = {one.address for one in described.imports}
    assert 'module.shop_endpoint.aws_appautoscaling_policy.tracking["AllTraffic/invocations_per_instance"]' in addresses
    assert described.kept == [f"Role {live.name}-role is referenced and never changed."]


def test_scaling_of_a_real_time_endpoint_changes_by_no_surprise(answering: Inventory, describe: Any) -> None:
    live = answering
    [scaling] = live.scaling.values()
    [tracking] = scaling.tracking
    keeping = replace(tracking, keeps_instances=True)
    suspended = replace(
        scaling.target, details={**scaling.target.details, "SuspendedState": {"DynamicScalingInSuspended": True}}
    )
    held = describe(replace(live, scaling={"AllTraffic": replace(scaling, tracking=(keeping,), target=suspended)}))
    assert "target_invocations_per_instance" not in held.text
    assert not [one for one in held.imports if "appautoscaling" in one.address]
    name = tracking.resource.name
    assert f"Scaling policy {name} stays, not managed here: the module has no DisableScaleIn." in held.kept
    assert [line for line in held.changes if line.startswith("Scaling is suspended (DynamicScalingInSuspended): ")]
    second = replace(
        tracking, resource=replace(tracking.resource, name="second"), target="backlog_per_instance", scale_in_seconds=60
    )
    both = describe(replace(live, scaling={"AllTraffic": replace(scaling, tracking=(tracking, second))}))
    assert [line for line in both.changes if line.startswith("Cooldowns of scaling policy second change from 60 s in and 300")]


def test_a_stack_that_owns_the_endpoint_is_refused_until_it_has_released_it(session: AwsSession, local_aws: AwsHarness) -> None:
    origin = stack(local_aws.client)
    live = read_inventory(session, origin.endpoint)

    with pytest.raises(OwnedElsewhere) as refused:
        require_released(session, live.resources, "shop-dev-eu-west-1", [])

    said = str(refused.value)
    assert said.startswith(f"CloudFormation stack {origin.endpoint}-stack has endpoint {origin.endpoint} (Endpoint8BADBEEF), ")
    assert all(logical in said for logical in cdk_resources("", "", ""))
    assert "DeletionPolicy: Retain" in said
    release(origin)
    require_released(session, live.resources, "shop-dev-eu-west-1", [])
    assert origin.invoke() == {"from": "the model"}


@pytest.mark.parametrize(
    ("tags", "owned"),
    [
        ({"ManagedBy": "Terraform"}, True),
        ({"managed_by": "opentofu"}, True),
        ({"terraform": "true"}, True),
        ({"managed-by": "terraform", "deployment": "shop-prod-eu-west-1"}, True),
        ({"deployment": "shop-prod-eu-west-1"}, True),
        ({"deployment": "blue"}, False),
        ({"managed-by": "terraform", "deployment": "shop-dev-eu-west-1"}, False),
        ({"managed-by": "the platform team", "terraform": "false"}, False),
    ],
)
def test_tags_of_another_terraform_are_refused(session: AwsSession, tags: dict[str, str], owned: bool) -> None:
    resource = LiveResource("aws_sagemaker_endpoint", "shop", "shop", "arn:of:shop", "arn:of:shop", tags)
    try:
        [note] = require_released(session, [resource], "shop-dev-eu-west-1", [])
    except OwnedElsewhere as refusal:
        assert owned
        assert "terraform state pull" in str(refusal) and next(iter(tags)) in str(refusal)
    else:
        assert not owned
        assert note.startswith("AWS does not show Terraform states")


def state(tmp_path: Path, *resources: dict[str, Any]) -> Path:
    file = tmp_path / "other.tfstate"
    file.write_text(json.dumps({"version": 4, "resources": [{"mode": "managed", **one} for one in resources]}))
    return file


def test_another_state_is_asked_for_what_it_has(session: AwsSession, tmp_path: Path) -> None:
    endpoint = LiveResource("aws_sagemaker_endpoint", "Shop", "Shop", "arn:x", "arn:x", {"ManagedBy": "terraform"})
    role = LiveResource("aws_iam_role", "shop-role", "shop-role", "shop-role", "arn:aws:iam::123456789012:role/shop-role")
    theirs = state(
        tmp_path,
        {
            "module": 'module.hf["a"]',
            "type": "aws_sagemaker_endpoint",
            "name": "this",
            "instances": [{"attributes": {"name": "Shop"}}],
        },
        {"type": "aws_iam_role_policy", "name": "more", "instances": [{"index_key": 0, "attributes": {"role": "shop-role"}}]},
        {"type": "aws_s3_bucket", "name": "other", "instances": [{"attributes": {"id": "Shop"}}]},
    )

    with pytest.raises(OwnedElsewhere) as refused:
        require_released(session, [endpoint, role], "shop-dev-eu-west-1", [theirs])

    assert """terraform state rm 'module.hf["a"].aws_sagemaker_endpoint.this' 'aws_iam_role_policy.more[0]'""" in str(
        refused.value
    )
    assert "aws_s3_bucket.other" not in str(refused.value)
    [note] = require_released(session, [endpoint, role], "shop-dev-eu-west-1", [state(tmp_path)])
    assert "endpoint Shop (ManagedBy=terraform)" in note
    assert "other.tfstate (no lineage, 0 resources)" in note
    theirs.write_text("{}")
    with pytest.raises(InvalidInput, match="is no Terraform state"):
        require_released(session, [endpoint, role], "shop-dev-eu-west-1", [theirs])


def test_what_no_module_has_is_listed(inventory: Inventory, describe: Any) -> None:
    assert not [line for line in describe(inventory).changes if "the modules do not have it" in line]
    configuration, [variant] = inventory.configuration, inventory.variants
    reserved = variant | {"CapacityReservationConfig": {"MlReservationArn": "arn"}}
    details = {**configuration.details, "ExplainerConfig": {"Clarify": {}}, "ProductionVariants": [reserved]}
    explained = replace(inventory, configuration=replace(configuration, details=details))

    changes = describe(explained).changes

    assert f"ExplainerConfig of {configuration} ends: the modules do not have it." in changes
    assert "CapacityReservationConfig of variant AllTraffic ends: the modules do not have it." in changes


@pytest.mark.parametrize("enabled", [True, False])
def test_data_capture_ends_where_it_is_enabled(inventory: Inventory, describe: Any, enabled: bool) -> None:
    details = {**inventory.configuration.details, "DataCaptureConfig": {"EnableCapture": enabled}}
    changes = describe(replace(inventory, configuration=replace(inventory.configuration, details=details))).changes
    assert any(one.startswith("Data capture ends") for one in changes) == enabled


def test_topics_that_the_module_adds_are_listed(inventory: Inventory, describe: Any) -> None:
    def added(*outcomes: str) -> list[str]:
        kept = replace(inventory, topics={outcome: inventory.topics[outcome] for outcome in outcomes})
        return [one for one in describe(kept).changes if one.startswith("SageMaker publishes")]

    assert added("error", "success") == []
    assert added("success") == ["SageMaker publishes error notifications too, to a topic that the module creates."]
    assert added() == ["SageMaker publishes error and success notifications too, to topics that the module creates."]


def test_what_no_module_has_is_listed_at_every_depth(inventory: Inventory, describe: Any) -> None:
    [(name, model)] = inventory.models.items()
    source = {
        "S3Uri": "s3://shop/model/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
        "ModelAccessConfig": {"AcceptEula": True},
        "HubAccessConfig": {"HubContentArn": "arn:of:content"},
        "ManifestS3Uri": "s3://shop/manifest",
    }
    container = {
        "Image": model.details["PrimaryContainer"]["Image"],
        "ModelDataSource": {"S3DataSource": source},
        "Environment": {"GREETING": "cafe\u0301"},
    }
    routing = {"RoutingStrategy": "RANDOM"}
    [variant] = inventory.variants
    config = inventory.configuration
    asynchronous = config.details["AsyncInferenceConfig"]
    client = asynchronous["ClientConfig"] | {"Retries": 3}
    live = replace(
        inventory,
        configuration=replace(
            config,
            details={
                **config.details,
                "AsyncInferenceConfig": {**asynchronous, "ClientConfig": client},
                "ProductionVariants": [{**variant, "RoutingConfig": routing}],
            },
        ),
        models={name: replace(model, details={**model.details, "PrimaryContainer": container})},
    )

    changes = [one for one in describe(live).changes if "the modules do not have it" in one or "NFC" in one]

    assert changes == [
        f"AsyncInferenceConfig.ClientConfig.Retries of {config} ends: the modules do not have it.",
        "RoutingConfig of variant AllTraffic ends: the modules do not have it.",
        *(
            f"ModelDataSource.S3DataSource.{one} of the container of {model} ends: the modules do not have it."
            for one in ("HubAccessConfig", "ManifestS3Uri")
        ),
        f"Variable GREETING of the container of {model} gets its Unicode composed (NFC), as Terraform has every string.",
    ]


def test_one_key_replaces_those_of_captured_data_and_core_dumps(answering: Inventory, describe: Any) -> None:
    live = answering
    [variant] = live.variants
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 10,
        "DestinationS3Uri": "s3://shop/captured",
        "KmsKeyId": "alias/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output", "Masked": True}],
    }
    dumps = {"DestinationS3Uri": "s3://shop/dumps", "KmsKeyId": "alias/volumes"}
    variants = [{**variant, "CoreDumpConfig": dumps, "RoutingConfig": {"RoutingStrategy": "RANDOM"}}]
    details = {"KmsKeyId": "alias/volumes", "DataCaptureConfig": capture, "ProductionVariants": variants}
    config = replace(live.configuration, details={**live.configuration.details, **details})

    changes = [
        one for one in describe(replace(live, configuration=config)).changes if "key for that" in one or "do not have" in one
    ]

    assert changes == [
        f"DataCaptureConfig.CaptureOptions.Masked of {config} ends: the modules do not have it.",
        "Captured data is encrypted with alias/volumes instead of alias/captured: the module has one key for that and volumes.",
    ]


def test_names_that_the_module_would_give_are_refused(inventory: Inventory, describe: Any, local_aws: AwsHarness) -> None:
    topic = inventory.topics["success"]

    def called(name: str) -> Inventory:
        arn = topic.resource.arn.rpartition(":")[0] + f":{name}"
        return replace(
            inventory, topics={"success": replace(topic, resource=replace(topic.resource, name=name, id=arn, arn=arn))}
        )

    for name in ("shop-dev-success", "shop-dev-error"):
        with pytest.raises(InvalidInput, match=f"^Topic {name} has the name that the topic of endpoint shop of dev would have"):
            describe(called(name))
    describe(called("shop-dev-success"), "topics")
    with pytest.raises(InvalidInput, match=r"Topic shop-dev-error .*; give another --name\.$"):
        describe(called("shop-dev-error"), "topics")
    role, bucket = inventory.role, inventory.bucket
    assert role is not None and bucket is not None
    named: list[dict[str, Any]] = [
        {"role": replace(role, name=f"shop-dev-{REGION}-execution")},
        {"bucket": replace(bucket, name=f"shop-dev-{inventory.account}-{REGION}")},
    ]
    made = f"shop-dev-{inventory.account}-{REGION}"
    local_aws.s3.create_bucket(Bucket=made, CreateBucketConfiguration={"LocationConstraint": REGION})
    for taken in named:
        [kind] = taken
        with pytest.raises(
            InvalidInput, match=f"^{kind.capitalize()} shop-dev-.*, or refer to the {kind} instead of importing it"
        ):
            describe(replace(inventory, **taken))
        describe(replace(inventory, **taken), kind)
    local_aws.s3.delete_bucket(Bucket=made)


def test_what_the_verification_will_refuse_is_named_with_its_deletion(inventory: Inventory, root: Root, describe: Any) -> None:
    [scaling] = inventory.scaling.values()
    both = {"Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2}}
    actions = (
        LiveResource("aws_appautoscaling_scheduled_action", "Morning shift", "id", details=both),
        LiveResource(
            "aws_appautoscaling_scheduled_action", "half", "id", details={**both, "ScalableTargetAction": {"MinCapacity": 1}}
        ),
    )
    [tracking] = scaling.tracking
    invocations = replace(tracking, resource=replace(tracking.resource, name="by calls"), target="invocations_per_instance")
    busy = replace(scaling, scheduled=actions, tracking=(tracking, invocations))

    described = describe(replace(inventory, scaling={"AllTraffic": busy}))

    assert [line.rpartition("before the apply: ")[2].split(" --")[0] for line in described.kept] == [
        "aws application-autoscaling delete-scheduled-action", "aws application-autoscaling delete-scaling-policy",
    ]  # fmt: skip
    assert described.kept[1].endswith("--policy-name 'by calls'")
    write(root, inventory, described)
    [endpoint] = [one for one in configured_endpoints(root.folder) if one.call == "shop"]
    assert endpoint.get("scaling.schedules.morning-shift.max_instances") == 2
    assert endpoint.get("names.scheduled_actions.morning-shift") == "Morning shift"
    targets = [one.address for one in described.imports if "aws_appautoscaling_target" in one.address]
    assert targets == ['module.shop.module.endpoint.aws_appautoscaling_target.scheduled["AllTraffic"]']


def test_there_must_be_such_an_endpoint(session: AwsSession) -> None:
    with pytest.raises(UnknownEndpoint, match=f"There is no endpoint nowhere in {REGION}"):
        read_inventory(session, "nowhere")


def test_a_deleted_configuration_cannot_be_described(session: AwsSession, inventory: Inventory, monkeypatch: Any) -> None:
    class Deleted:
        def __getattr__(self, name: str) -> Any:
            return getattr(session.sagemaker, name)

        def describe_endpoint_config(self, **_: Any) -> Any:
            return session.sagemaker.describe_endpoint_config(EndpointConfigName="was-deleted")

    without = AwsSession(lambda service: Deleted() if service == "sagemaker" else session.client(service), REGION)
    with pytest.raises(
        InvalidInput, match=f"{inventory.configuration.name}, which endpoint {inventory.name} serves with, is deleted"
    ):
        read_inventory(without, inventory.name)


def test_nothing_that_is_there_is_replaced(root: Root, inventory: Inventory, describe: Any) -> None:
    write(root, inventory, describe(inventory))
    with pytest.raises(InvalidInput, match=r"has shop\.tf and shop_imports\.tf already"):
        root.naming(inventory, "shop")
    (root.folder / "shop.tf").rename(root.folder / "moved.tf")
    (root.folder / "shop_imports.tf").unlink()
    with pytest.raises(InvalidInput, match="has a module call shop already"):
        write(root, inventory, describe(inventory))
    with pytest.raises(InvalidInput, match="is no name for an endpoint"):
        root.naming(inventory, "Shop")


@dataclass(frozen=True)
class Copy:
    """A working copy, as far as adoption looks at one."""

    source: Path
    region: RootRegion = field(default_factory=lambda: RootRegion(REGION, is_default=True))

    def command(self, verb: str) -> str:
        return f"async-endpoint {verb} dev"


@dataclass
class Prepared:
    """A deployment without Terraform."""

    workspace: Workspace
    copy: Copy
    aws: AwsSession
    variables: dict[str, str] = field(default_factory=dict)
    environment: str = "dev"

    def session(self, region: str) -> AwsSession:
        assert region == REGION
        return self.aws


@pytest.fixture
def prepared(root: Root, session: AwsSession, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """What the command works with, in a checkout of its own."""
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(root.folder.parents[1]))
    made = Prepared(Workspace(root.folder.parents[1]), Copy(root.folder), session)

    def prepare(environment: str, *, variables: Any = None, **_: Any) -> Prepared:
        made.variables = dict(variables or {})
        return made

    monkeypatch.setattr("async_endpoint.deploy.deployment.Deployment.prepare", prepare)
    return made


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["adopt", *arguments, "--env", "dev", "--name", "shop"])


def plans(monkeypatch: pytest.MonkeyPatch, *resources: ChangedResource, action: str = "update") -> None:
    """The plan that the command is to find."""
    endpoint = EndpointSummary(action, (), (), (), (), {}, None, None)
    summary = PlanSummary(REGION, {"shop": endpoint}, resources)
    planned = Planned(Changes(True, 28, 5, 1), {}, [], summary)
    monkeypatch.setattr("async_endpoint.deploy.plan.plan_environment", lambda _: planned)


def test_the_files_are_printed_and_not_written(prepared: Prepared, guide: Origin) -> None:
    printed = run(guide.endpoint, "--print")
    assert printed.exit_code == 0, printed.output
    assert f'    endpoint        = "{guide.endpoint}"' in printed.stdout
    document = json.loads(run(guide.endpoint, "--print", "--json").stdout)
    assert document["imports"]["module.shop.module.endpoint.aws_sagemaker_endpoint.this"] == guide.endpoint
    assert sorted(path.name for path in prepared.copy.source.iterdir()) == ["main.tf", "outputs.tf", "providers.tf"]


def test_an_endpoint_of_the_environment_is_not_adopted_again(prepared: Prepared, local_aws: AwsHarness, guide: Origin) -> None:
    arn = local_aws.sagemaker.describe_endpoint(EndpointName=guide.endpoint)["EndpointArn"]
    local_aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "deployment", "Value": f"shop-dev-{REGION}"}])
    try:
        refused = run(guide.endpoint, "--print")
    finally:
        local_aws.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["deployment"])
    assert isinstance(refused.exception, InvalidInput)
    assert f"Endpoint {guide.endpoint} is one of dev already" in str(refused.exception)


def test_nothing_is_written_without_a_yes(prepared: Prepared, guide: Origin) -> None:
    refused = run(guide.endpoint)
    assert isinstance(refused.exception, UsageError)
    assert not (prepared.copy.source / "shop.tf").exists()
    assert isinstance(run(guide.endpoint, "--reference", "queue").exception, UsageError)


def test_the_files_are_written_and_planned(prepared: Prepared, guide: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    avoided = ChangedResource("module.shop.module.endpoint.aws_sagemaker_endpoint.this", "replace", (), ("deployment_config",))
    plans(monkeypatch, avoided)

    done = run(guide.endpoint, "--yes", "--json")

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert sorted(document["files"]) == ["outputs.tf", "shop.tf", "shop_imports.tf"]
    assert (prepared.copy.source / "shop.tf").read_text() == document["files"]["shop.tf"]
    assert document["plan"]["changes"]["add"] == 28
    assert isinstance(run(guide.endpoint, "--yes").exception, InvalidInput)  # they are there now


def test_a_plan_that_replaces_what_was_to_be_imported_is_refused(
    prepared: Prepared, guide: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "module.shop.module.model.aws_iam_role.imported[0]"
    plans(monkeypatch, ChangedResource(role, "replace", (), ("path",)))

    done = run(guide.endpoint, "--yes")

    assert isinstance(done.exception, ReplacementRefused)
    assert f"{role} (path)" in str(done.exception)
    assert "AWS was not changed; shop.tf, shop_imports.tf, outputs.tf in envs/dev are written" in str(done.exception)


def test_a_secret_is_in_no_file(
    prepared: Prepared, session: AwsSession, local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans(monkeypatch)
    deployed = local_aws.endpoint(HF_API_TOKEN="hf_secret", TOKENIZERS_PARALLELISM="false")

    done = run(deployed.name, "--yes")

    assert done.exit_code == 0, done.output
    text = "".join(path.read_text() for path in prepared.copy.source.iterdir())
    assert "hf_secret" not in text + done.output
    assert re.search(r"HF_API_TOKEN += var\.shop_hf_api_token", text)
    assert prepared.variables == {"shop_hf_api_token": "hf_secret"}
    assert "export TF_VAR_shop_hf_api_token=" in done.output
    assert "hf_secret" not in planned(prepared.copy.source / "shop.tf", "shop_hf_api_token", "hf_secret")
    local_aws.forget(deployed.name)


def planned(file: Path, variable: str, value: str) -> str:
    """What Terraform prints of a plan with the variables that `file` declares."""
    root = file.parent / "planned"
    root.mkdir()
    resource = f'resource "terraform_data" "this" {{\n  input = {{ HF_API_TOKEN = var.{variable} }}\n}}\n'
    (root / "main.tf").write_text(file.read_text()[file.read_text().index('variable "') :] + resource)
    environment = {**os.environ, f"TF_VAR_{variable}": value}
    for command in ("init", "plan"):
        terraform = ["terraform", f"-chdir={root}", command, "-no-color"]
        done = subprocess.run(terraform, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "HF_API_TOKEN" in done.stdout
    return done.stdout


def test_two_values_of_one_name_are_two_variables(
    root: Root, session: AwsSession, local_aws: AwsHarness, describe: Any
) -> None:
    live = read_inventory(session, real_time(local_aws.client).endpoint)
    [(name, model)] = live.models.items()
    [variant] = live.variants

    def holding(**environment: str) -> LiveResource:
        return replace(
            model,
            details={**model.details, "PrimaryContainer": {**model.details["PrimaryContainer"], "Environment": environment}},
        )

    models = {
        name: holding(HF_TOKEN="first", hf_token="by case"),
        "second": holding(HF_TOKEN="second", API_KEY="one"),
        "third": holding(HF_TOKEN="first"),
    }
    variants = [{**variant, "ModelName": one, "VariantName": one} for one in models]
    configuration = replace(live.configuration, details={**live.configuration.details, "ProductionVariants": variants})

    described = describe(replace(live, models=models, configuration=configuration))

    assert {name: secret.value for name, secret in described.secrets.items()} == {
        "shop_hf_token": "first", "shop_hf_token_2": "by case", "shop_hf_token_3": "second", "shop_api_key": "one",
    }  # fmt: skip
    assert len(re.findall(r"= var\.shop_hf_token\b", described.text)) == 2
    assert len(described.secrets["shop_hf_token"].holders) == 2
    (root.folder / "more.tf").write_text('variable "shop_api_key" {\n  type = string\n}\n')
    with pytest.raises(InvalidInput, match="has a variable shop_api_key already"):
        write(root, live, described)
