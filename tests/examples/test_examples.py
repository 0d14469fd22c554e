"""Every example: applied, planned again without a change, used, destroyed without a trace."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tftest

from async_endpoint.deploy.state_bucket import PROTECTIONS
from async_endpoint.terraform.provider import LOCK_FILE
from async_endpoint.terraform.settings_files import StateBucket
from support.recorded_access import OPTIONAL, denied, recording, superfluous

# A root without a provider, so that nothing but its state is made.
USER_OF_STATE_BUCKET = """
terraform {
  backend "s3" {
    bucket         = "%s"
    key            = "async-endpoint/dev/terraform.tfstate"
    region         = "eu-west-1"
    use_lockfile   = true
    use_path_style = true
  }
}

resource "terraform_data" "this" {
  input = "kept"
}
"""

# Their requirements are too large for this suite; the roots are planned by `make policy`, and applied by a target each.
HEAVY = {"document-reader": "test_reading_documents.py", "text-embeddings": "test_embedding_texts.py"}
# The local AWS has no API Gateway.
PLANNED = {"http-api": "modules/test_http_api_example.py"}
EXAMPLES: dict[str, Callable[[Any, dict[str, Any]], None]] = {}


def used(name: str) -> Callable[[Any], Any]:
    """Registers how an example is used once it is applied."""

    def register(use: Any) -> Any:
        EXAMPLES[name] = use
        return use

    return register


def _endpoint(outputs: dict[str, Any]) -> dict[str, Any]:
    """The object of the only endpoint of the root."""
    [endpoint] = outputs["async_endpoints"].values()
    return dict(endpoint)


@used("minimal-async")
def _minimal_async(example: Any, outputs: dict[str, Any]) -> None:
    endpoint = _endpoint(outputs)["endpoint"]["name"]
    accepted = example.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a rose is a rose", ContentType="text/plain")
    answer = example.until(lambda: example.object(accepted["OutputLocation"]), "an output")
    assert json.loads(answer) == {"a": 2, "rose": 2, "is": 1}
    refused = example.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"\xff", ContentType="text/plain")
    reason = example.until(lambda: example.object(refused["FailureLocation"]), "a failure")
    assert reason.startswith('Received client error (400) from primary with message "The request is not UTF-8')


@used("production-async")
def _production_async(example: Any, outputs: dict[str, Any]) -> None:
    endpoint = _endpoint(outputs)["endpoint"]["name"]
    accepted = example.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a rose is a rose", ContentType="text/plain")
    assert json.loads(example.until(lambda: example.object(accepted["OutputLocation"]), "an output")) == {
        "a": 2,
        "rose": 2,
        "is": 1,
    }
    deployed = example.sagemaker.describe_endpoint(EndpointName=_endpoint(outputs)["endpoint"]["name"])
    assert deployed["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    scheduled = example.aws.client("application-autoscaling").describe_scheduled_actions(ServiceNamespace="sagemaker")
    assert len(scheduled["ScheduledActions"]) == 2
    dashboard = _endpoint(outputs)["monitoring"]["dashboard_name"]
    assert example.aws.client("cloudwatch").get_dashboard(DashboardName=dashboard)["DashboardBody"]


@used("bring-your-own")
def _bring_your_own(example: Any, outputs: dict[str, Any]) -> None:
    role = example.sagemaker.describe_model(ModelName=outputs["model_name"])["ExecutionRoleArn"]
    assert role.endswith(":role/bring-your-own"), "the model runs with the existing role"
    roles = [item["RoleName"] for item in example.aws.client("iam").list_roles()["Roles"]]
    assert [name for name in roles if name.startswith("bring-your-own")] == ["bring-your-own"], "and none is made"
    text = {"Body": b"a rose is a rose", "ContentType": "text/plain"}
    accepted = example.runtime.invoke_endpoint_async(EndpointName=outputs["endpoint_name"], **text)
    assert accepted["OutputLocation"].startswith(f"s3://{outputs['bucket']}/counter/outputs/")
    answer = example.until(lambda: example.object(accepted["OutputLocation"]), "an output")
    assert json.loads(answer) == {"a": 2, "rose": 2, "is": 1}


@used("real-time-ab")
def _real_time_ab(example: Any, outputs: dict[str, Any]) -> None:
    answers = [example.invoke(outputs["endpoint_name"], "1") for _ in range(60)]
    assert {variant for _, variant in answers} == {"champion", "challenger"}
    assert all(json.loads(body)["version"] == variant for body, variant in answers)
    body, variant = example.invoke(outputs["endpoint_name"], "2", TargetVariant="challenger")
    assert (json.loads(body), variant) == ({"version": "challenger", "asked": 2}, "challenger")
    body, variant = example.invoke(outputs["trial_endpoint_name"], '{"shirt": "red"}')
    assert (json.loads(body)["version"], variant) == ("champion", "champion")

    def captured(name: str) -> list[str]:
        found = example.s3.list_objects_v2(Bucket=outputs["bucket"], Prefix=f"capture/{name}/").get("Contents", [])
        return [str(example.object(f"s3://{outputs['bucket']}/{item['Key']}")) for item in found]

    shadow = example.until(lambda: captured(f"{outputs['trial_endpoint_name']}/challenger"), "the shadow is captured")
    said = json.loads(shadow[0].splitlines()[0])["captureData"]["endpointOutput"]
    assert (said["encoding"], json.loads(said["data"])["version"]) == ("JSON", "challenger")
    assert captured(f"{outputs['endpoint_name']}/champion")


@used("serverless")
def _serverless(example: Any, outputs: dict[str, Any]) -> None:
    body, _ = example.invoke(outputs["endpoint_name"], '"hello"')
    assert json.loads(body)["asked"] == "hello"


@used("pipeline")
def _pipeline(example: Any, outputs: dict[str, Any]) -> None:
    names = outputs["endpoint_names"]
    body, _ = example.invoke(names["serial"], "A rose, a ROSE!", "text/plain")
    assert json.loads(body) == {"a": 2, "rose": 2}
    body, _ = example.invoke(names["direct"], "A rose, a ROSE!", "text/plain", TargetContainerHostname="clean")
    assert body == "a rose a rose"


@used("multi-model")
def _multi_model(example: Any, outputs: dict[str, Any]) -> None:
    assert outputs["models"] == ["blue.tar.gz", "red.tar.gz"]
    for model in outputs["models"]:
        body, _ = example.invoke(outputs["endpoint_name"], "shirt", "text/plain", TargetModel=model)
        assert body == f"{model.removesuffix('.tar.gz')} shirt"


@used("shared-configuration")
def _shared_configuration(example: Any, outputs: dict[str, Any]) -> None:
    described = [example.sagemaker.describe_endpoint(EndpointName=name) for name in outputs["endpoint_names"]]
    assert {item["EndpointConfigName"] for item in described} == {outputs["configuration_name"]}
    assert [json.loads(example.invoke(name, "1")[0])["asked"] for name in outputs["endpoint_names"]] == [1, 1, 1]


def read_settings(s3: Any, bucket: str) -> None:
    """As doctor does."""
    assert [protection(s3, StateBucket(bucket, s3.meta.region_name)) for protection in PROTECTIONS] == [""] * len(PROTECTIONS)


@used("state-bucket")
def _state_bucket(example: Any, outputs: dict[str, Any]) -> None:
    bucket, policies = outputs["bucket"], outputs["backend_policies"]
    assert example.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    roles = {(environment, role) for environment, found in policies.items() for role in found}
    assert roles == {(environment, role) for environment in ("dev", "prod", "staging") for role in ("deployer", "planner")}
    example.guard(True)
    with pytest.raises(tftest.TerraformTestError, match="prevent_destroy"):
        example.destroy()
    example.guard(False)

    user, plan = example.folder / "user", {"Bucket": bucket, "Key": "plans/dev/eu-west-1/17.json"}
    user.mkdir()
    (user / "main.tf").write_text(USER_OF_STATE_BUCKET % bucket)

    def run(*arguments: str) -> None:
        command = ["terraform", *arguments, "-input=false", "-no-color"]
        done = subprocess.run(command, cwd=user, env=example.aws.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    with recording(example.aws.credentials) as planned:
        run("init")
        run("plan", "-lock=false")
        read_settings(example.s3, bucket)
        example.s3.put_object(**plan, Body=b"a record", IfNoneMatch="*")
        example.s3.get_object(**plan)
    with recording(example.aws.credentials) as replaced:
        example.s3.put_object(**plan, Body=b"another")
    with recording(example.aws.credentials) as applied:
        run("init", "-reconfigure")
        run("apply", "-auto-approve")
        read_settings(example.s3, bucket)
        example.s3.get_object(**plan)
    for role, needed in (("planner", planned), ("deployer", applied)):
        wanted = [item for item in needed if item.action not in OPTIONAL]
        own, foreign = (json.loads(policies[name][role]) for name in ("dev", "prod"))
        assert denied(wanted, [own]) == [], "the first init of a new key, and what follows"
        assert superfluous(own, wanted) == []
        objects = [item for item in wanted if ":::" in item.resource and "/" in item.resource]
        assert len(denied(objects, [foreign])) == len({str(item) for item in objects})
    iam, arns = example.aws.client("iam"), outputs["backend_policy_arns"]
    for environment, role in roles:
        version = iam.get_policy_version(PolicyArn=arns[environment][role], VersionId="v1")["PolicyVersion"]
        assert version["Document"] == json.loads(policies[environment][role])
    planner = json.loads(policies["dev"]["planner"])
    assert {item.action for item in applied if not item.allowed_by([planner])} >= {"s3:DeleteObject", "s3:PutObject"}
    assert denied([item for item in replaced if item.action == "s3:PutObject"], [planner]), "what was approved stays as it was"

    state = "async-endpoint/dev/terraform.tfstate"
    kept = example.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in kept] == [state, plan["Key"]], "a lock is gone once it is let go"
    versions = example.s3.list_object_versions(Bucket=bucket)
    assert [item["Key"] for item in versions["DeleteMarkers"]] == [f"{state}.tflock"]
    for item in kept:
        assert example.s3.head_object(Bucket=bucket, Key=item["Key"])["ServerSideEncryption"] == "aws:kms"
    for item in [*versions["Versions"], *versions["DeleteMarkers"]]:
        example.s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def test_every_example_is_tested_here() -> None:
    examples = Path(__file__).parents[2] / "examples"
    on_an_engine = {"fastapi-container"}  # tests/engines
    assert {
        path.parent.name for path in examples.glob("*/main.tf")
    } == EXAMPLES.keys() | HEAVY.keys() | PLANNED.keys() | on_an_engine
    assert all((Path(__file__).parents[1] / file).is_file() for file in PLANNED.values())
    makefile = (examples.parent / "Makefile").read_text()
    for name, file in HEAVY.items():
        assert re.search(rf"^{name}: .*\n\t.* tests/real_models/{file}$", makefile, re.MULTILINE), name


def test_every_example_is_locked_to_the_provider_that_the_roots_have() -> None:
    """Tests hand the provider on, so that Terraform does not compare it with the lock file of an example."""
    checkout = Path(__file__).parents[2]
    locked = (checkout / "envs/local" / LOCK_FILE).read_bytes()

    assert {
        name for name in EXAMPLES | HEAVY | PLANNED if (checkout / "examples" / name / LOCK_FILE).read_bytes() != locked
    } == set()


@pytest.mark.terraform
@pytest.mark.parametrize("example", EXAMPLES, indirect=True)
def test_an_example_is_applied_used_and_destroyed(example: Any, nothing_left: Callable[[], dict[str, list[str]]]) -> None:
    outputs = example.apply()
    assert example.changes() == []

    EXAMPLES[example.name](example, outputs)

    example.destroy()
    assert nothing_left() == {}
