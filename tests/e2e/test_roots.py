"""Every root on a local AWS of its own, from the first apply until nothing is left. In this order; destroying comes last."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from async_endpoint.capacity.recommendation.evaluation import in_steady_state
from async_endpoint.capacity.report import settings_document
from async_endpoint.capacity.settings import ModuleSettings
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.iam import AccessRequest, evaluate
from support.applied_roots import CHECKOUT, WITH_POLICIES
from support.common import until
from support.recorded_access import CALLERS, denied

CHECKS = (
    "endpoint", "variant", "configuration", "model", "scaling range", "scaling policies", "tracking alarms", "wake alarm",
    "schedules", "alarms", "notifications", "model archives", "execution role",
)  # fmt: skip
ENVIRONMENTS = ("local", "dev", "staging", "prod")
ENDPOINTS = {name: ["recommender"] for name in ENVIRONMENTS} | {"local": ["language-detector", "recommender"]}
KEEPS_RESULTS = ("staging", "prod")  # storage.force_destroy is not set: a bucket that is not empty is not deleted

pytestmark = pytest.mark.terraform
every_root = pytest.mark.parametrize(
    "root", [pytest.param(name, marks=pytest.mark.xdist_group(f"root-{name}")) for name in ENVIRONMENTS], indirect=True
)


@every_root
def test_an_apply_verifies_what_is_live(root: Any) -> None:
    verified = [line.split(": ", 2) for line in root.applied.err.splitlines() if line.startswith("verified ")]
    of_endpoints = {
        name: tuple(check for said, check, _ in verified if said == f"verified {name}") for name in ENDPOINTS[root.environment]
    }
    assert of_endpoints == dict.fromkeys(ENDPOINTS[root.environment], CHECKS)
    assert len(verified) == len(CHECKS) * len(of_endpoints)
    expected = f"{root.name} is InService with configuration {root.outputs.endpoint.config_name}"
    assert ["verified recommender", "endpoint", expected] in verified
    assert "Apply complete!" in root.applied.err, "Terraform's own output is passed on"
    assert root.applied.out == ""


@every_root
def test_the_second_plan_is_empty(root: Any) -> None:
    before = root.checkout.envs()

    planned = root.run("plan", "--detailed-exitcode")

    assert planned.code == 0, planned.err
    assert planned.err.rstrip().endswith("No changes.")
    assert root.checkout.envs() == before


@pytest.mark.xdist_group("root-dev")
@pytest.mark.parametrize("root", ["dev"], indirect=True)
def test_the_doctor_finds_an_applied_root_well(root: Any) -> None:
    document = root.succeed("doctor", "--json").document
    assert [check for check in document["checks"] if check["status"] != "ok"] == []
    assert {check["name"] for check in document["checks"]} >= {"terraform", "local AWS", "execution role", "resource policies"}


@every_root
def test_commands_leave_nothing_below_envs(root: Any) -> None:
    left = {path for path in root.checkout.envs() if not path.endswith((".tf", ".terraform.lock.hcl"))}
    assert left == set()


@every_root
def test_a_red_shirt_is_answered_with_red_shirts(root: Any) -> None:
    invoked = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait", "--json").document

    items = invoked["result"]["recommendations"]
    assert len(items) == 5
    assert all(item["path"].startswith("catalogue/shirt/red-") for item in items[:3]), items
    assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)


@every_root
def test_the_smoke_test_passes(root: Any) -> None:
    reports = root.succeed("smoke-test", "--json").document["endpoints"]

    assert sorted(reports) == ENDPOINTS[root.environment]
    for report in reports.values():
        assert report["passed"] is True
        assert [check["name"] for check in report["checks"]] == [
            "result object",
            "failure object",
            "success notification",
            "error notification",
            "scaling",
        ]


@pytest.mark.parametrize(
    "root",
    [pytest.param(name, marks=pytest.mark.xdist_group(f"root-{name}")) for name in ("dev", "staging", "prod")],
    indirect=True,
)
def test_the_readme_counts_what_an_idle_environment_is_billed_for(root: Any) -> None:
    [header, *rows] = re.findall(r"^\| (.+) \|$", (CHECKOUT / "README.md").read_text().split("### On AWS")[1], re.MULTILINE)
    column = _cells(header).index(root.environment)
    table = {_cells(row)[0].split(",")[0]: _cells(row) for row in rows}
    cloudwatch = root.client("cloudwatch")
    keys = [item["KeyId"] for item in root.client("kms").list_keys()["Keys"]]
    described = [root.client("kms").describe_key(KeyId=key)["KeyMetadata"] for key in keys]
    alarms = [alarm for page in cloudwatch.get_paginator("describe_alarms").paginate() for alarm in page["MetricAlarms"]]

    counted = {
        # one that is pending deletion, as of a test before, is not billed
        "KMS key": len([key for key in described if key["KeyManager"] == "CUSTOMER" and key["KeyState"] == "Enabled"]),
        "CloudWatch alarms": len(alarms),
        "CloudWatch dashboard": len(cloudwatch.list_dashboards()["DashboardEntries"]),
    }

    assert {name: int(table[name][column]) for name in counted} == counted
    cost = sum(float(table[name][1]) * count for name, count in counted.items())
    assert table["**together"][column] == f"**{cost:.2f}**"
    free = ("aws_vpc_endpoint", "aws_nat_gateway", "aws_ec2_", "aws_lambda_function", "aws_cloudwatch_composite_alarm")
    created = {address.split(".")[-2] for address in _created(root)}
    assert "aws_kms_key" in created
    assert not [kind for kind in created if kind.startswith(free)], "the table says that there is none"


@pytest.mark.xdist_group("root-dev")
@pytest.mark.parametrize("root", ["dev"], indirect=True)
def test_the_deployed_settings_are_simulated_on_the_arrivals_that_there_were(root: Any) -> None:
    """After the requests of the tests above: settings as envs/dev/main.tf states them, arrivals from the metrics."""
    found = root.succeed("simulate", "cloudwatch:1", "--start-time", "60", "--json").document
    wanted = ModuleSettings("ml.m5.large", max_concurrent_invocations=2, max_instances=1).settings()
    deployed = found["settings"]
    stated = settings_document(in_steady_state(wanted, 0.0))
    names = {policy.pop("name") for policy in (*deployed["policies"], *stated["policies"])}
    deployed["policies"].sort(key=lambda policy: policy["metric"])  # AWS has an order of its own
    assert {f"{root.name}-backlog-per-instance", f"{root.name}-wake-from-zero"} < names
    assert deployed == stated
    assert found["arrivals"]["estimated"] is True
    assert found["arrivals"]["requests"] >= 1


def _cells(row: str) -> list[str]:
    return re.split(r" *\| *", row)


def _created(root: Any) -> list[str]:
    """The addresses of what the apply created, without the keys of instances."""
    return [
        re.sub(r"\[[^]]*\]", "", address)
        for address in re.findall(r"^(\S+): Creation complete", root.applied.err, re.MULTILINE)
    ]


@every_root
def test_only_the_execution_role_can_publish_and_only_the_topics_can_send_to_the_results_queue(root: Any) -> None:
    given = root.outputs.notifications
    assert given.publishers_restricted
    role = root.outputs.endpoint.execution_role_arn
    account = role.split(":")[4]
    # the permissions of an administrator: identity-based policies do not override an explicit Deny
    everything = [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}]
    tls = {"aws:SecureTransport": "true"}

    def allowed(action: str, resource: str, policy: str, who: str, **context: str) -> bool:
        request = AccessRequest(action, resource, who, tls | {key.replace("_", ":"): value for key, value in context.items()})
        return evaluate(request, [] if request.is_service else everything, policy).allowed

    others = [
        f"arn:aws:iam::{account}:{who}" for who in ("user/ann", "role/admin", "root", f"role/other{role.rpartition('/')[2]}")
    ]
    for topic in (given.success_topic_arn, given.error_topic_arn):
        policy = root.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
        assert allowed("sns:Publish", topic, policy, role)
        for who in [*others, "events.amazonaws.com", "cloudwatch.amazonaws.com"]:
            assert not allowed("sns:Publish", topic, policy, who), who
        assert all(
            allowed(act, topic, policy, others[0]) for act in ("sns:Subscribe", "sns:SetTopicAttributes", "sns:DeleteTopic")
        )
    policy = root.client("sqs").get_queue_attributes(QueueUrl=given.results_queue_url, AttributeNames=["Policy"])["Attributes"][
        "Policy"
    ]
    queue, sns = given.results_queue_arn, "sns.amazonaws.com"
    assert allowed("sqs:SendMessage", queue, policy, sns, aws_SourceArn=given.success_topic_arn)
    assert not allowed("sqs:SendMessage", queue, policy, sns, aws_SourceArn=f"{given.success_topic_arn}-other")
    assert not any(allowed("sqs:SendMessage", queue, policy, who) for who in [role, *others])
    assert all(
        allowed(act, queue, policy, others[0]) for act in ("sqs:ReceiveMessage", "sqs:SetQueueAttributes", "sqs:DeleteQueue")
    )


@pytest.mark.xdist_group("root-prod")
@pytest.mark.parametrize("root", ["prod"], indirect=True)
def test_another_region_gets_a_deployment_of_its_own_beside_this_one(root: Any) -> None:
    """Planned, not applied: tests/trials/two_regions.py applies, uses and destroys both."""
    elsewhere = replace(root.checkout, environment=root.checkout.environment | {"TF_VAR_region": "us-east-1"})

    planned = elsewhere.succeed("plan", "prod", "--local", "--json").document

    assert planned["notices"] == [], "no name that is global to the account is taken"
    assert planned["changes"]["add"] > 30
    assert (planned["changes"]["change"], planned["changes"]["destroy"]) == (0, 0)
    assert root.run("plan", "--detailed-exitcode").code == 0, "the state of this region is not touched"


@pytest.mark.xdist_group("root-dev")
@pytest.mark.parametrize("root", ["dev"], indirect=True)
def test_an_endpoint_deleted_outside_terraform_is_named(root: Any) -> None:
    sagemaker = root.client("sagemaker")
    until(
        lambda: sagemaker.describe_endpoint(EndpointName=root.name)["EndpointStatus"] == "InService", "no scaling in progress"
    )
    sagemaker.delete_endpoint(EndpointName=root.name)
    until(lambda: not sagemaker.list_endpoints()["Endpoints"], "deleted")

    invoked = root.run("invoke", root.checkout.query("red-shirt.png"), "--wait")

    assert invoked.code == 3
    assert f"Endpoint {root.name} does not exist" in invoked.sentence


of_local = pytest.mark.parametrize("root", [pytest.param("local", marks=pytest.mark.xdist_group("root-local"))], indirect=True)


@of_local
def test_an_environment_of_two_endpoints_is_ambiguous_for_a_command_that_takes_one(root: Any) -> None:
    refused = root.checkout.run("invoke", "local", root.checkout.query("red-shirt.png"))

    assert refused.code == 2
    assert "local/language-detector, local/recommender" in refused.sentence


@of_local
def test_the_http_api_is_served_as_its_documentation_says(root: Any) -> None:
    image = (root.checkout.folder / root.checkout.query("red-shirt.png")).read_bytes()
    path = "/v1/endpoints/recommender/predictions/order-7"

    with root.checkout.serve("local", "--port", "0") as url:
        put = Request(url + path, image, {"Content-Type": "image/png"}, method="PUT")
        with urlopen(put, timeout=30) as accepted:
            assert (accepted.status, accepted.headers["Location"]) == (202, path)
        ended: Any = until(lambda: _ended(url + path), "the prediction has ended", 120)
        assert ended["status"] == "succeeded", ended
        with urlopen(url + ended["urls"]["output"], timeout=30) as output:
            assert len(json.load(output)["recommendations"]) == 5
    with (
        root.checkout.serve("local/recommender", "--port", "0", "--read-only") as url,
        urlopen(url + path, timeout=30) as again,
    ):
        assert json.load(again)["status"] == "succeeded", "it outlives the process that submitted it"


def _ended(url: str) -> Any:
    with urlopen(Request(url, headers={"Prefer": "wait=20"}), timeout=30) as found:
        document = json.load(found)
    return document if document["status"] != "accepted" else None


@of_local
def test_endpoints_on_shared_storage_use_their_own_prefixes(root: Any) -> None:
    endpoints = {name: _outputs(root, name) for name in ENDPOINTS["local"]}

    for name, outputs in endpoints.items():
        assert outputs.storage.bucket == root.outputs.storage.bucket
        assert outputs.storage.kms_key_arn == root.outputs.storage.kms_key_arn
        for role, uri in (("input", outputs.storage.input_uri), ("output", outputs.storage.output_uri)):
            assert uri == f"s3://{outputs.storage.bucket}/{role}/{name}/"
        policy = json.dumps(_execution_policy(root, outputs.endpoint.execution_role_arn))
        [other] = endpoints.keys() - {name}
        assert f"{outputs.storage.bucket}/output/{name}/" in policy
        assert f"/{other}/" not in policy, "the role of one endpoint must not reach the objects of another"


@of_local
def test_an_endpoint_is_removed_while_the_other_one_serves(root: Any) -> None:
    removed, detector = _outputs(root, "language-detector"), "examples/language-detector/queries/soup.txt"
    invoked = root.checkout.succeed("invoke", "local/language-detector", detector, "--wait", "--json").document
    assert invoked["result"]["language"] == "de"
    archives = root.client("s3").list_objects_v2(Bucket=removed.storage.bucket, Prefix="model/language-detector/")
    assert archives["KeyCount"] == 1
    folder = root.checkout.folder / "envs" / "local"
    _write_without(folder / "main.tf", r'\nmodule "language_detector" \{\n.*?^\}\n')
    _write_without(folder / "outputs.tf", r"^ +language-detector += .*?\n")

    with calling(root) as results:
        root.apply()

    assert root.applied.code == 0, root.applied.err
    assert len(results) > 5
    assert {len(result["recommendations"]) for result in results} == {5}
    assert [item["EndpointName"] for item in root.client("sagemaker").list_endpoints()["Endpoints"]] == [root.name]
    left = root.client("s3").list_objects_v2(Bucket=removed.storage.bucket)["Contents"]
    prefixes = {item["Key"].rpartition("/")[0] for item in left if "/language-detector/" in item["Key"]}
    assert {prefix.split("/")[0] for prefix in prefixes} <= {"failure", "input", "output"}, "its archives go, its results stay"
    assert root.object(invoked["output_location"]) is not None
    kept = root.client("s3").list_objects_v2(Bucket=removed.storage.bucket, Prefix="model/recommender/")
    assert kept["KeyCount"] == 1
    assert root.run("plan", "--detailed-exitcode").code == 0


@contextlib.contextmanager
def calling(root: Any) -> Iterator[list[Any]]:
    """A client that submits one request after another and collects every result, until the block ends."""
    runtime, ended, results = root.client("sagemaker-runtime"), threading.Event(), []
    image = Path(root.checkout.folder, root.checkout.query("red-shirt.png")).read_bytes()

    def call() -> None:
        while not ended.is_set():
            sent = runtime.invoke_endpoint_async(EndpointName=root.name, Body=image, ContentType="image/png")
            results.append(json.loads(until(lambda: root.object(sent["OutputLocation"]), "answered")))  # noqa: B023

    with ThreadPoolExecutor(1) as pool:
        client = pool.submit(call)
        try:
            yield results
        finally:
            ended.set()
    client.result()


def _outputs(root: Any, name: str) -> AsyncEndpointOutputs:
    document = root.checkout.succeed("outputs", f"{root.environment}/{name}", "--local", "--json").document
    return AsyncEndpointOutputs.parse(document["endpoints"][name])


def _execution_policy(root: Any, role_arn: str) -> Any:
    iam, role = root.client("iam"), role_arn.rpartition("/")[2]
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def _write_without(path: Path, pattern: str) -> None:
    text, count = re.subn(pattern, "", path.read_text(), count=1, flags=re.MULTILINE | re.DOTALL)
    assert count == 1, path
    path.write_text(text)


@pytest.mark.xdist_group(f"root-{WITH_POLICIES}")
@pytest.mark.parametrize("root", [WITH_POLICIES], indirect=True)
def test_the_deployed_policies_allow_what_the_commands_needed(root: Any) -> None:
    """Its local AWS enforces IAM, and each command ran as a role with these policies only."""
    root.succeed("watch", "--once")
    root.succeed("logs")
    root.succeed("usage", "--days", "1", "--start-time", "60")
    policies, verbs = root.policies(), root.needed.keys() - {"apply"}
    assert {"invoke", "logs", "plan", "smoke-test", "usage", "watch"} <= verbs
    assert root.checkout.succeed("local", "status", "--json").document["iam"]["enforced"]
    for verb in verbs:
        assert denied(root.needed[verb], [policies[role] for role in CALLERS[verb]]) == [], verb
    boundary = root.client("iam").get_role(RoleName=root.outputs.endpoint.execution_role_arn.rpartition("/")[2])["Role"]
    assert boundary["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("-boundary"), "under which all of this worked"


@every_root
def test_destroying_leaves_nothing(root: Any, roots: Any) -> None:
    before, outputs, policies = _inventory(root), root.outputs, root.policies()
    kinds_there = {kind for kind, found in before.items() if found}
    of_the_endpoint = {"endpoint", "scalable target", "scaling policy"}  # absent where an earlier test deleted the endpoint
    assert kinds_there >= before.keys() - {"dashboard", "policy"} - of_the_endpoint, "kinds seen before the destroy"
    pid = root.checkout.succeed("local", "status", "--json").document["pid"]
    if root.environment in KEEPS_RESULTS:
        _empty(root, outputs.storage.bucket)
    _change_scale(root)  # SageMaker refuses to delete an endpoint that is scaling, and the provider would treat that as success

    destroyed = root.succeed("destroy")

    assert destroyed.out == ""
    if root.environment == WITH_POLICIES:
        assert denied(root.needed["destroy"], [policies[role] for role in CALLERS["destroy"]]) == []
    assert _inventory(root) == {kind: [] for kind in before}
    again = root.run("outputs", "--json")
    assert again.code == 3
    assert again.sentence.startswith(f"{root.environment} has not been applied")
    root.checkout.succeed("local", "down")
    roots.forget(root)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _change_scale(root: Any) -> None:
    """Start a scaling activity, unless the endpoint is gone or one is in progress."""
    count = [{"VariantName": root.outputs.endpoint.variant_name, "DesiredInstanceCount": 2}]
    with contextlib.suppress(ClientError):
        root.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=root.name, DesiredWeightsAndCapacities=count
        )


def _empty(root: Any, bucket: str) -> None:
    """Delete what has to be deleted by hand: everything but the model archive, which instances need until they are gone."""
    s3 = root.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            if not version["Key"].startswith("model/"):
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def _inventory(root: Any) -> dict[str, list[str]]:
    """All resources of this local AWS, by kind; a key that is pending deletion counts as deleted."""
    kms, scaling, sagemaker, sns = (root.client(name) for name in ("kms", "application-autoscaling", "sagemaker", "sns"))
    keys = [key["KeyId"] for key in kms.list_keys()["Keys"]]
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    return {
        "alarm": [item["AlarmName"] for item in root.client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboard": [item["DashboardName"] for item in root.client("cloudwatch").list_dashboards()["DashboardEntries"]],
        "bucket": [item["Name"] for item in root.client("s3").list_buckets()["Buckets"]],
        "endpoint": [item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"]],
        "endpoint configuration": [item["EndpointConfigName"] for item in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
        "key": [key for key in keys if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion"],
        "key alias": [item["AliasName"] for item in kms.list_aliases()["Aliases"] if "/aws/" not in item["AliasName"]],
        "log group": [item["logGroupName"] for item in root.client("logs").describe_log_groups()["logGroups"]],
        "model": [item["ModelName"] for item in sagemaker.list_models()["Models"]],
        "policy": [item["PolicyName"] for item in root.client("iam").list_policies(Scope="Local")["Policies"]],
        "queue": root.client("sqs").list_queues().get("QueueUrls", []),
        "role": [name for item in root.client("iam").list_roles()["Roles"] if (name := item["RoleName"]) not in root.operators],
        "scalable target": [item["ResourceId"] for item in targets],
        "scaling policy": [item["PolicyName"] for item in policies],
        "subscription": [item["SubscriptionArn"] for item in sns.list_subscriptions()["Subscriptions"]],
        "topic": [item["TopicArn"] for item in sns.list_topics()["Topics"]],
    }
