"""The roots: what they may differ in, how one is added, and what the settings of an endpoint reach."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.terraform.root_region import state_key
from support.documents import ROOT
from support.module_copies import LEFT_OUT

ENVIRONMENTS = sorted(path.parent.name for path in (ROOT / "envs").glob("*/main.tf"))  # those that a user has added, too
# Names by address, as an environment has them that states no `names`.
PLANNED_NAMES = Path(__file__).with_name("planned_names.json")
NAMING = ("name", "name_prefix", "bucket", "alarm_name", "dashboard_name")
OWN_FILES = {"backend.tf", "main.tf", "outputs.tf"}

Files = Callable[[str], dict[str, bytes]]

RUN = """
run "root" {{
  command = {command}

  assert {{
    condition     = alltrue([for name, object in output.async_endpoints : object.endpoint.name == "${{name}}-{environment}"])
    error_message = "The name of each endpoint must be its key in async_endpoints, and the environment."
  }}
}}
"""


@pytest.fixture
def run_root(copy: Any) -> Callable[..., Any]:
    """Plan or apply a root of the copy with a mocked provider, as `terraform test` does."""

    def run(environment: str, command: str, *arguments: str) -> Any:
        folder = copy.folder / "envs" / environment
        for archive in ("fashion-recommender", "language-detector"):
            path = copy.folder / "build" / f"{archive}.tar.gz"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"its bytes are hashed, not read")
        mocks = (copy.folder / "modules/async-inference/tests/async_inference.tftest.hcl").read_text().split("\nvariables {")[0]
        (folder / "root.tftest.hcl").write_text(mocks + RUN.format(command=command, environment=environment))
        copy.succeed(f"envs/{environment}", "init", "-input=false", "-backend=false", "-lockfile=readonly")
        return copy.test(f"envs/{environment}", *arguments)

    return run


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_roots_differ_in_their_endpoints_and_backend_only(root_files: Files, environment: str) -> None:
    one, other = root_files("dev"), root_files(environment)

    assert one.keys() == other.keys()
    assert {name for name in one if one[name] != other[name]} <= OWN_FILES


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_endpoint_of_a_root_is_an_output(root_files: Files, environment: str) -> None:
    files = {name: content.decode() for name, content in root_files(environment).items()}
    modules = re.findall(r'^module "(\w+)" \{\n  source = "../../modules/async-inference"', files["main.tf"], re.MULTILINE)
    outputs = re.findall(r"^ {4}([\w-]+) += module\.(\w+)\.async_endpoint$", files["outputs.tf"], re.MULTILINE)
    assert [module for _, module in outputs] == sorted(modules)
    assert [name for name, _ in outputs] == [module.replace("_", "-") for _, module in outputs]


def test_the_driver_completes_the_key_of_every_remote_state(root_files: Files) -> None:
    for environment in ("dev", "staging", "prod"):
        backend = root_files(environment)["backend.tf"].decode()
        assert state_key(environment, "<region>") in backend, "a reader who runs Terraform without the driver needs the key"
        assert not re.search(r"^\s*key\s*=", backend, re.MULTILINE), "it would be the same in every region"
        assert not re.search(r"^\s*encrypt\s*=", backend, re.MULTILINE), "it would pass by the key of the bucket"
        assert backend.replace(f"/{environment}/", "/dev/") == root_files("dev")["backend.tf"].decode()


@pytest.mark.terraform
def test_an_environment_is_added_as_the_readme_says(copy: Any, run_root: Callable[..., Any], checkout: Path) -> None:
    readme = (checkout / "README.md").read_text()
    blocks = [text for _, text in re.findall(r"^```(\w*)\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)]
    [commands] = [text for text in blocks if "cp -r envs/dev" in text]
    made = "\n".join(line for line in commands.splitlines() if not line.startswith("make"))
    subprocess.run(["sh", "-euc", made], cwd=copy.folder, check=True)

    done = run_root("qa", "plan", "-verbose")

    assert done.code == 0, done.text
    assert planned_names(done) == json.loads(PLANNED_NAMES.read_text()), "an apply would replace these"
    changed = [
        line
        for path in sorted((copy.folder / "envs/dev").rglob("*.tf"))
        for line in difflib.ndiff(path.read_text().splitlines(), (copy.folder / "envs/qa" / path.name).read_text().splitlines())
        if line.startswith("+ ")
    ]
    assert 0 < len(changed) < 10, changed
    assert not re.search(r"\bdev\b", "".join(path.read_text() for path in (copy.folder / "envs/qa").glob("*.tf")))


@pytest.mark.terraform
def test_an_endpoint_is_added_as_the_readme_says(copy: Any, run_root: Callable[..., Any], checkout: Path) -> None:
    readme = (checkout / "README.md").read_text()
    [module] = re.findall(r"^```hcl\n(module .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    [output] = re.findall(r"`(my-model = .+?)`", readme)
    [archive] = re.findall(r'path = "../../(.+?)"', module)
    (copy.folder / archive).parent.mkdir()
    (copy.folder / archive).write_bytes(b"its bytes are hashed, not read")
    with (copy.folder / "envs/local/main.tf").open("a") as main:
        main.write(f"\n{module}")
    outputs = copy.folder / "envs/local/outputs.tf"
    outputs.write_text(outputs.read_text().replace("  value = {\n", f"  value = {{\n    {output}\n"))

    done = run_root("local", "plan")

    assert done.code == 0, done.text
    assert f"package my-model --output {archive}" in readme


@pytest.mark.terraform
def test_every_setting_reaches_its_resource_and_python(copy: Any, run_root: Callable[..., Any]) -> None:
    root = copy.folder / "envs/wired"
    shutil.copytree(copy.folder / "envs/local", root, ignore=lambda folder, names: {"outputs.tf", "providers.tf"} & set(names))
    shutil.copyfile(Path(__file__).with_name("every_setting.tf"), root / "main.tf")

    done = run_root("wired", "apply", "-verbose")

    assert done.code == 0, done.text
    state = done.messages["test_state"][0]["test_state"]
    assert state["outputs"].keys() == {OUTPUT_NAME}
    [value] = state["outputs"][OUTPUT_NAME]["value"].values()
    assert AsyncEndpointOutputs.parse(value).as_dict() == value, "the output has fields that Python does not read"
    found = {
        item["address"].removeprefix("module.async_inference.module."): item["values"]
        for item in _resources(state["root_module"])
    }
    _check_configuration(found["endpoint_config.aws_sagemaker_endpoint_configuration.this"])
    _check_endpoint(found)
    _check_monitoring(found)
    untagged = [address for address, values in found.items() if "tags" in values and values["tags"] != {"team": "search"}]
    assert untagged == []
    assert value["monitoring"]["dashboard_name"] is None
    assert value["scaling"]["schedules"] == [{"action_name": "shop-wired-day", "max_instances": 3, "min_instances": 2}]

    queue = found["notifications.aws_sqs_queue.results"]
    assert (queue["message_retention_seconds"], queue["visibility_timeout_seconds"]) == (2 * 86400, 64)
    assert '"maxReceiveCount":9' in queue["redrive_policy"]
    delivery = found['notifications.aws_sns_topic_subscription.results["error"]']
    assert delivery["raw_message_delivery"] is True
    assert delivery["topic_arn"] == "arn:aws:sns:eu-west-1:123456789012:team-errors"
    mail = found['notifications.aws_sns_topic_subscription.this["on-call:error"]']
    assert (mail["topic_arn"], mail["endpoint"]) == (delivery["topic_arn"], "on-call@example.com")

    assert found["storage[0].aws_s3_bucket.this[0]"]["force_destroy"] is True
    assert found["storage[0].aws_kms_key.this[0]"]["deletion_window_in_days"] == 8
    assert found["storage[0].aws_s3_bucket_logging.this[0]"]["target_prefix"] == "shop/"
    assert value["storage"]["input_uri"] == f"s3://{value['storage']['bucket']}/in/"
    rules = {rule["id"]: rule for rule in found["storage[0].aws_s3_bucket_lifecycle_configuration.this[0]"]["rule"]}
    assert [rules[f"expire-{name}"]["expiration"][0]["days"] for name in ("failure", "input", "output")] == [11, 12, 14]
    assert rules["expire-predictions"]["expiration"][0]["days"] == 15
    assert "secret/" not in str(rules), "keys and signing secrets must not expire"
    assert rules["remove-leftovers"]["noncurrent_version_expiration"][0]["noncurrent_days"] == 13

    _model_is_as_set(found)
    _http_api_is_as_set(found, value)

    _access_is_as_set(found)
    assert value["limits"] == {"cold_start_seconds": 63, "invocation_timeout_seconds": 70, "request_ttl_seconds": 62}


def _http_api_is_as_set(found: dict[str, Any], value: dict[str, Any]) -> None:
    deliveries = found["webhooks[0].aws_sqs_queue.deliveries"]
    assert (deliveries["message_retention_seconds"], deliveries["visibility_timeout_seconds"]) == (3 * 86400, 75)
    assert '"maxReceiveCount":7' in deliveries["redrive_policy"]
    assert value["http_api"]["state_uri"] == f"s3://{value['storage']['bucket']}/api/"
    assert value["http_api"]["credentials_uri"] == f"s3://{value['storage']['bucket']}/secret/"


def _access_is_as_set(found: dict[str, Any]) -> None:
    assert found['iam.aws_iam_policy.this["caller"]']["name"] == "shop-wired-eu-west-1-caller"
    assert found['iam.aws_iam_role.github["deployer"]']["max_session_duration"] == 7200
    assert found['iam.aws_iam_role_policy_attachment.github["deployer/collector"]']["role"] == "shop-wired-eu-west-1-deployer"
    supplied = {path: found[path]["policy_arn"] for path in found if "github_supplied" in path}
    assert list(supplied.values()) == [
        f"arn:aws:iam::123456789012:policy/state-wired-{role}" for role in ("deployer", "planner")
    ]


def _model_is_as_set(found: dict[str, Any]) -> None:
    model = found["model.aws_sagemaker_model.this"]
    assert model["enable_network_isolation"] is True
    network = model["vpc_config"][0]
    assert (network["security_group_ids"], network["subnets"]) == (["sg-1"], ["subnet-1", "subnet-2"])
    role = found["model.aws_iam_role.execution[0]"]
    assert (role["path"], role["permissions_boundary"]) == ("/shop/", "arn:aws:iam::123456789012:policy/boundary")
    container = model["primary_container"][0]
    assert container["image"] == "210987654321.dkr.ecr.eu-west-1.amazonaws.com/serve:1"  # the mock's region
    assert container["model_data_url"] == "s3://models/model.tar.gz"
    expected = {
        "EMBEDDER": "clip",
        "OMP_NUM_THREADS": "5",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "70",
        "SAGEMAKER_PROGRAM": "serve.py",
        "TS_DEFAULT_WORKERS_PER_MODEL": "6",
        "TS_MAX_REQUEST_SIZE": "68",
        "TS_MAX_RESPONSE_SIZE": "69",
    }
    assert container["environment"].items() >= expected.items()


def _check_configuration(configuration: dict[str, Any]) -> None:
    variant = configuration["production_variants"][0]
    assert variant["initial_instance_count"] == 2
    assert variant["instance_type"] == "ml.g5.xlarge"
    assert variant["model_data_download_timeout_in_seconds"] == 61
    assert variant["container_startup_health_check_timeout_in_seconds"] == 63
    assert variant["core_dump_config"][0]["destination_s3_uri"] == "s3://dumps/core/"
    assert variant["enable_ssm_access"] is True
    assert variant["inference_ami_version"] == "al2-ami-sagemaker-inference-gpu-2"
    asynchronous = configuration["async_inference_config"][0]
    assert asynchronous["client_config"] == [{"max_concurrent_invocations_per_instance": 3}]
    assert asynchronous["output_config"][0]["notification_config"][0]["include_inference_response_in"] == [
        "SUCCESS_NOTIFICATION_TOPIC"
    ]


def _check_endpoint(found: dict[str, dict[str, Any]]) -> None:
    logs = found["endpoint.aws_cloudwatch_log_group.this"]
    assert (logs["retention_in_days"], logs["kms_key_id"]) == (7, "arn:aws:kms:eu-west-1:123456789012:key/logs")
    target = found['endpoint.aws_appautoscaling_target.scheduled["primary"]']
    assert (target["min_capacity"], target["max_capacity"]) == (1, 4)
    tracking = found['endpoint.aws_appautoscaling_policy.tracking["primary/backlog_per_instance"]'][
        "target_tracking_scaling_policy_configuration"
    ][0]
    assert (tracking["target_value"], tracking["scale_in_cooldown"], tracking["scale_out_cooldown"]) == (2.5, 65, 66)
    assert found['endpoint.aws_appautoscaling_policy.wake["primary"]']["step_scaling_policy_configuration"][0]["cooldown"] == 67

    action = found['endpoint.aws_appautoscaling_scheduled_action.this["primary/day"]']
    assert (action["schedule"], action["timezone"], action["start_time"], action["end_time"]) == (
        "cron(0 7 ? * MON-FRI *)",
        "Europe/Berlin",
        "2030-01-01T00:00:00Z",
        "2031-01-01T00:00:00Z",
    )
    assert action["scalable_target_action"] == [{"max_capacity": "3", "min_capacity": "2"}]
    policy = found["endpoint.aws_sagemaker_endpoint.this"]["deployment_config"][0]["blue_green_update_policy"][0]
    assert (policy["maximum_execution_timeout_in_seconds"], policy["termination_wait_in_seconds"]) == (1201, 71)
    routing = policy["traffic_routing_configuration"][0]
    assert (routing["type"], routing["wait_interval_in_seconds"]) == ("CANARY", 72)
    assert routing["canary_size"] == [{"type": "INSTANCE_COUNT", "value": 1}]


def _check_monitoring(found: dict[str, dict[str, Any]]) -> None:
    assert 'monitoring.aws_cloudwatch_metric_alarm.this["cpu/primary"]' not in found
    backlog = found['monitoring.aws_cloudwatch_metric_alarm.this["backlog"]']
    assert (backlog["alarm_actions"], backlog["ok_actions"], backlog["insufficient_data_actions"]) == (
        ["arn:aws:sns:eu-west-1:123456789012:own"],
        ["arn:aws:sns:eu-west-1:123456789012:ok"],
        ["arn:aws:sns:eu-west-1:123456789012:unknown"],
    )
    assert (backlog["datapoints_to_alarm"], backlog["evaluation_periods"], backlog["period"]) == (2, 3, 120)
    assert (backlog["extended_statistic"], backlog["threshold"], backlog["treat_missing_data"]) == ("p90", 73, "ignore")
    own = found['monitoring.aws_cloudwatch_metric_alarm.this["slow_start/primary"]']
    assert (own["metric_name"], own["statistic"], own["threshold"]) == ("TimeInBacklog", "Average", 74)
    assert (own["comparison_operator"], own["evaluation_periods"]) == ("GreaterThanThreshold", 4)
    assert own["alarm_actions"] == ["arn:aws:sns:eu-west-1:123456789012:alarm"]
    latency = found['monitoring.aws_cloudwatch_metric_alarm.this["model_latency/primary"]']
    assert latency["threshold"] == 0.8 * 70 * 1_000_000, "four fifths of the model's time-out"
    [rollback] = found["endpoint.aws_sagemaker_endpoint.this"]["deployment_config"][0]["auto_rollback_configuration"]
    assert {alarm["alarm_name"] for alarm in rollback["alarms"]} == {
        "shop-wired-primary-invocation-failures",
        "shop-wired-primary-model-latency",
    }


def planned_names(done: Any) -> dict[str, str]:
    """Names of what a plan creates, by address: another one of either is another resource to a state."""
    changes = done.messages["test_plan"][0]["test_plan"]["resource_changes"]
    planned = {change["address"]: change["change"]["after"] or {} for change in changes if change["mode"] == "managed"}
    named = {
        address: next((values[name] for name in NAMING if values.get(name)), None)
        for address, values in sorted(planned.items())
    }
    return {address: name for address, name in named.items() if name}


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (item for item in module.get("resources", []) if item["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


def test_what_the_user_of_a_checkout_adds_to_a_root_is_not_copied(tmp_path: Path) -> None:
    """A state bucket that is named, as README.md says, must not become the one of a test."""
    root = tmp_path / "dev"
    root.mkdir()
    for name in (
        "main.tf",
        "state.s3.tfbackend",
        "account.auto.tfvars",
        "terraform.tfstate",
        "backend_override.tf",
        "saved.tfplan",
    ):
        (root / name).touch()
    shutil.copytree(root, tmp_path / "copy", ignore=LEFT_OUT)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["main.tf"]
