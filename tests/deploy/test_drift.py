"""The drift of an environment: what is a row, what is left out, and what the command prints."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from async_endpoint.cli import drift as command
from async_endpoint.core.errors import DriftFound, UsageError
from async_endpoint.deploy.alarm_muting import Mute
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.drift import environment
from async_endpoint.deploy.drift.additions import additions
from async_endpoint.deploy.drift.environment import DriftReport
from async_endpoint.deploy.drift.markdown import markdown
from async_endpoint.deploy.drift.plan import finished_actions, muted_alarms, pending, plan_rows
from async_endpoint.deploy.drift.rows import DriftRow
from support.plan_documents import change, plan_document

APPLY = "async-endpoint apply dev"
OWN = {"module.shirts": "shirts"}


def drifted(address: str, before: dict[str, Any], after: dict[str, Any] | None) -> dict[str, Any]:
    """What a refresh found: `before` is the state, `after` what is live, None for nothing."""
    return change(address, ["update"] if after else ["delete"], before, after)


def document(*changes: dict[str, Any], drift: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return plan_document(*changes, **more) | {"resource_drift": drift}


def rows(plan: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(row.resource, row.attribute, row.live, row.expected) for row in plan_rows(plan, OWN, APPLY)]


def test_what_an_apply_would_set_back_is_a_row_with_both_values() -> None:
    queue = "module.shirts.aws_sqs_queue.results"
    live, planned = {"delay_seconds": 900, "name": "q"}, {"delay_seconds": 0, "name": "q"}
    plan = document(change(queue, ["update"], live, planned), drift=[drifted(queue, planned, live)])
    assert plan_rows(plan, OWN, APPLY) == [DriftRow("shirts", queue, "delay_seconds", "900", "0", True, APPLY)]
    assert pending(plan, {queue}) == []


def test_what_was_deleted_is_one_row() -> None:
    alias = "module.shirts.aws_kms_alias.this[0]"
    plan = document(change(alias, ["create"], None, {"name": "a"}), drift=[drifted(alias, {"name": "a"}, None)])
    assert rows(plan) == [(alias, "", "does not exist", "")]


def test_configuration_that_is_not_applied_is_no_drift_and_is_said_apart() -> None:
    group, queue, new = "aws_cloudwatch_log_group.this", "aws_sqs_queue.results", "aws_sns_topic.more"
    plan = document(
        change(group, ["update"], {"retention_in_days": 7}, {"retention_in_days": 30}),
        change(queue, ["delete"], {"name": "q"}),
        change(new, ["create"], None, {"name": "t"}),
        drift=[drifted(group, {"arn": None, "retention_in_days": 7}, {"arn": "arn", "retention_in_days": 7})],
    )
    assert rows(plan) == []
    assert pending(plan, set()) == [f"{group}: update (retention_in_days)", f"{queue}: delete", f"{new}: create"]


def test_an_attribute_that_drifted_is_told_from_one_that_is_not_applied_of_the_same_resource() -> None:
    queue = "aws_sqs_queue.results"
    state, live = {"delay_seconds": 0, "size": 1}, {"delay_seconds": 900, "size": 1}
    plan = document(
        change(queue, ["update"], live, {"delay_seconds": 0, "size": 2}), drift=[drifted(queue, state, live)]
    )  # fmt: skip
    assert rows(plan) == [(queue, "delay_seconds", "900", "0")]


def test_what_a_plan_leaves_alone_is_no_drift() -> None:
    """Bounds that a schedule has set (ignore_changes), and what AWS computes."""
    target = "aws_appautoscaling_target.scheduled"
    plan = document(drift=[drifted(target, {"min_capacity": 0}, {"min_capacity": 1})])
    assert rows(plan) == [] and pending(plan, set()) == []


def test_an_empty_value_where_nothing_was_set_is_no_difference() -> None:
    """After a refresh the provider has 0, false or "" for what the configuration leaves out."""
    group = "aws_sagemaker_endpoint_configuration.this"
    left_out = {"volume_size_in_gb": None, "enable_ssm_access": None, "accelerator_type": None}
    state = {"production_variants": [{"instance_type": "ml.m5.xlarge", "initial_instance_count": 2, **left_out}]}
    filled = {"volume_size_in_gb": 0, "enable_ssm_access": False, "accelerator_type": ""}
    live = {"production_variants": [{"instance_type": "ml.m5.large", "initial_instance_count": 0, **filled}]}
    plan = document(change(group, ["update"], live, state), drift=[drifted(group, state, live)])
    assert rows(plan) == [
        (group, "production_variants.initial_instance_count", "0", "2"),
        (group, "production_variants.instance_type", "ml.m5.large", "ml.m5.xlarge"),
    ]


MUTE = Mute("2026-11-30T09:00:00Z", "ann@host", 5.0, None, True, "")
MUTED = {"alarm_name": "slow", "alarm_description": str(MUTE), "threshold": 1e100, "actions_enabled": False}
ACTING = {"alarm_name": "slow", "alarm_description": "", "threshold": 5, "actions_enabled": True}


def test_an_alarm_that_a_killed_command_muted_is_no_drift() -> None:
    alarm = "aws_cloudwatch_metric_alarm.this"
    plan = document(change(alarm, ["update"], MUTED, ACTING), drift=[drifted(alarm, ACTING, MUTED)])
    assert rows(plan) == [] and pending(plan, set()) == []
    assert muted_alarms(plan) == {"slow": MUTE}


def test_what_else_has_changed_of_a_muted_alarm_is_drift() -> None:
    alarm = "aws_cloudwatch_metric_alarm.wake"
    state, live = ACTING | {"metric_name": "Backlog"}, MUTED | {"metric_name": "Another"}
    plan = document(change(alarm, ["update"], live, state), drift=[drifted(alarm, state, live)])
    assert rows(plan) == [(alarm, "metric_name", "Another", "Backlog")]


def test_nested_values_are_compared_inside_and_nothing_that_may_be_secret_is_printed() -> None:
    model = "aws_sagemaker_model.this"
    state = {
        "primary_container": [{"image": "a", "environment": {"API_TOKEN": "s3cret", "SIZE": "1"}}],
        "password": "s3cret",
        "policy": '{"Statement": "s3cret"}',
        "tags": {"owner": "ann"},
        "tags_all": {"environment": "dev", "owner": "ann"},
    }
    live = {
        "primary_container": [{"image": "b", "environment": {"API_TOKEN": "other", "SIZE": "2"}}],
        "password": "other",
        "policy": '{"Statement": "another"}',
        "tags": {"owner": "bob"},
        "tags_all": {"environment": "dev", "owner": "bob"},
    }
    item = change(model, ["update"], live, state)
    item["change"]["before_sensitive"] = {"password": True}
    plan = document(item, drift=[drifted(model, state, live)])
    assert rows(plan) == [
        (model, "password", "(not shown)", "(not shown)"),
        (model, "policy", "a document of 24 characters", "a document of 23 characters"),
        (model, "primary_container.environment.API_TOKEN", "(not shown)", "(not shown)"),
        (model, "primary_container.environment.SIZE", "(not shown)", "(not shown)"),
        (model, "primary_container.image", "b", "a"),
        (model, "tags_all.owner", "bob", "ann"),
    ]


def test_an_attribute_that_is_unknown_until_the_apply_is_compared_with_the_state() -> None:
    endpoint = "aws_sagemaker_endpoint.this"
    plan = document(
        change(endpoint, ["delete", "create"], {"deployment_config": []}, {"name": "e"}),
        drift=[drifted(endpoint, {"deployment_config": [{"a": 1}]}, {"deployment_config": []})],
    )
    assert rows(plan) == [(endpoint, "deployment_config", "none", "1 entry")]


@pytest.mark.parametrize(
    ("schedule", "over"), [("at(2026-11-30T07:00:00)", True), ("at(2099-01-01T00:00:00)", False), ("cron(0 7 * * ? *)", False)]
)
def test_a_one_time_action_that_is_gone_once_it_has_run_is_finished(schedule: str, over: bool) -> None:
    action = "aws_appautoscaling_scheduled_action.this"
    gone = drifted(action, {"name": "once", "schedule": schedule, "timezone": "Europe/Dublin"}, None)
    assert finished_actions(document(drift=[gone]), 1_796_100_000) == ({action: "once"} if over else {})


BUCKET = {"bucket": "b", "cors_rule": [], "policy": "{}", "request_payer": "BucketOwner", "grant": [{"id": "owner"}]}
ROLE = {"name": "r", "managed_policy_arns": ["arn:own"], "inline_policy": [{"name": "own"}, {}]}
GROUP = {
    "id": "sg-1",
    "egress": [
        {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"], "prefix_list_ids": ["pl-1"]}
    ],
    "ingress": [],
}
RULE = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "security_group_id": "sg-1"}
AS_MADE = {
    "aws_iam_role.this": ROLE,
    "aws_iam_role_policy.this": {"role": "r", "name": "own"},
    "aws_iam_role_policy_attachment.this": {"role": "r", "policy_arn": "arn:own"},
    "aws_s3_bucket.this": BUCKET,
    "aws_s3_bucket_policy.this": {"bucket": "b"},
    "aws_security_group.this": GROUP,
    "aws_sqs_queue.results": {"url": "https://q", "redrive_allow_policy": ""},
    "aws_vpc_security_group_egress_rule.s3": RULE | {"prefix_list_id": "pl-1"},
    "aws_vpc_security_group_egress_rule.vpc": RULE | {"cidr_ipv4": "10.0.0.0/8"},
}


def test_what_other_resources_set_is_no_addition() -> None:
    assert additions(plan_document(state=AS_MADE)) == []


def test_what_others_set_on_a_resource_that_existed_before_is_no_addition() -> None:
    others = BUCKET | {"cors_rule": [{"allowed_origins": ["*"]}], "policy": "{}", "lifecycle_rule": [{"id": "team"}]}
    role = ROLE | {"inline_policy": [{"name": "more"}], "managed_policy_arns": ["arn:admin"]}
    topic = {"arn": "arn:topic", "signature_version": 2}
    state = {
        "module.a.aws_s3_bucket.imported[0]": others,
        "aws_iam_role.imported[0]": role,
        'aws_sns_topic.imported["success"]': topic,
    }
    assert additions(plan_document(state=state)) == []
    assert additions(plan_document(state={"aws_s3_bucket.this": others}))


@pytest.mark.parametrize(
    ("address", "changes", "remedy"),
    [
        ("aws_s3_bucket.this", {"cors_rule": [{"allowed_origins": ["*"]}]}, "aws s3api delete-bucket-cors --bucket b"),
        (
            "aws_s3_bucket.this",
            {"replication_configuration": [{"role": "r"}]},
            "aws s3api delete-bucket-replication --bucket b",
        ),
        (
            "aws_s3_bucket.this",
            {"grant": [{"id": "owner"}, {"uri": "all"}]},
            "aws s3api put-bucket-acl --bucket b --acl private",
        ),
        (
            "aws_iam_role.this",
            {"managed_policy_arns": ["arn:own", "arn:admin"]},
            "aws iam detach-role-policy --role-name r --policy-arn arn:admin",
        ),
        (
            "aws_iam_role.this",
            {"inline_policy": [{"name": "more"}, {"name": "own"}]},
            "aws iam delete-role-policy --role-name r --policy-name more",
        ),
        (
            "aws_security_group.this",
            {"ingress": [{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}]},
            "aws ec2 revoke-security-group-ingress --group-id sg-1 --ip-permissions "
            "IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]",
        ),
        (
            "aws_sqs_queue.results",
            {"redrive_allow_policy": '{"redrivePermission": "allowAll"}'},
            "aws sqs set-queue-attributes --queue-url https://q --attributes RedriveAllowPolicy=",
        ),
    ],
)
def test_what_was_added_and_no_apply_removes_has_the_command_that_does(
    address: str, changes: dict[str, Any], remedy: str
) -> None:
    state: dict[str, dict[str, Any]] = AS_MADE | {address: AS_MADE[address] | changes}  # type: ignore[operator]
    [row] = plan_rows(document(drift=[], state=state), OWN, APPLY)
    assert (row.resource, row.repaired_by_apply, row.remedy) == (address, False, remedy)


REPORT = DriftReport(
    "dev",
    "eu-west-1",
    (
        DriftRow("shirts", "aws_x.this", "size", "2", "1", True, APPLY),
        DriftRow("", "role r", "", "denies", "", False, "aws iam delete-role-policy"),
    ),
    ("aws_y.this: create",),
    ("shirts: scalable target is suspended",),
)


def test_the_text_of_an_issue_begins_with_its_marker_and_takes_names_literally() -> None:
    evil = DriftRow("a|b", 'module.x["</code> @all #1"].aws_x.this', "tags_all.`x`", "<img>", "[a](b)\n# c", False, "*x*")
    lines = markdown(DriftReport("dev", "eu-west-1", (*REPORT.rows, evil), notes=("@everyone <b>",))).splitlines()
    assert lines[0] == "<!-- async-endpoint drift dev eu-west-1 -->"
    assert "**3 properties are not as applied; an apply repairs 1.**" in lines
    [row] = [line for line in lines if "img" in line]
    assert row.count("|") == 8, "no cell ends another"
    assert not any(letter in "\n".join(lines[5:]) for letter in ("@", "`", "<b>", "<img", "](")), lines
    assert "| <code>shirts</code> | <code>aws&#95;x.this</code> | <code>size</code> | 2 | 1 | yes |" in "\n".join(lines)


def test_the_text_of_an_issue_is_no_longer_than_github_takes() -> None:
    many = tuple(DriftRow("e", f"aws_x.this[{n}]", "a" * 300, "@" * 500, "`" * 500, False, "c" * 900) for n in range(300))
    text = markdown(DriftReport("dev", "eu-west-1", many, notes=("@" * 500,) * 90))
    assert len(text) <= 65_536
    assert "more, which this issue has no room for." in text


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[DriftReport]:
    """What the command finds; it takes the last."""
    reports = [REPORT]
    monkeypatch.setattr(environment, "find_drift", lambda deployment: reports[-1])
    monkeypatch.setattr(Deployment, "prepare", lambda environment, **asked: None)
    return reports


def run(*arguments: str) -> Any:
    app = typer.Typer()
    command.register(app)
    return CliRunner().invoke(app, arguments)


def test_the_command_prints_a_table_and_each_remedy_and_ends_with_4(found: list[DriftReport]) -> None:
    ended = run("dev")
    assert isinstance(ended.exception, DriftFound) and ended.exception.exit_code == 4
    assert "dev has drifted: 2 properties are not as applied; an apply repairs 1." in str(ended.exception)
    assert ended.stdout == ""
    lines = [" ".join(line.split()) for line in ended.stderr.splitlines()]
    assert "shirts aws_x.this size 2 1 yes" in lines and "role r denies no" in lines
    assert f"repairs {APPLY}" in lines and "role r: aws iam delete-role-policy" in lines
    assert "note shirts: scalable target is suspended" in lines and "aws_y.this: create" in lines


def test_the_command_prints_one_document(found: list[DriftReport]) -> None:
    ended = run("dev", "--json")
    printed = json.loads(ended.stdout)
    assert isinstance(ended.exception, DriftFound)
    assert (printed["environment"], printed["region"], printed["drifted"]) == ("dev", "eu-west-1", True)
    assert printed["drift"][0] == {
        "endpoint": "shirts",
        "resource": "aws_x.this",
        "attribute": "size",
        "live": "2",
        "expected": "1",
        "repaired_by_apply": True,
        "remedy": APPLY,
    }
    assert printed["unapplied"] == ["aws_y.this: create"] and len(printed["notes"]) == 1


def test_what_is_only_unapplied_or_of_a_killed_command_ends_well(found: list[DriftReport]) -> None:
    found.append(DriftReport("dev", "eu-west-1", (), REPORT.pending, REPORT.notes))
    ended = run("dev")
    assert ended.exit_code == 0
    assert "No drift: dev is as it was applied." in ended.stderr
    assert run("dev", "--markdown").stdout.startswith("<!-- async-endpoint drift dev eu-west-1 -->\n")


def test_two_formats_cannot_share_standard_output(found: list[DriftReport]) -> None:
    assert isinstance(run("dev", "--json", "--markdown").exception, UsageError)


AT_DEFAULT = {
    "aws_kms_key.this": {"arn": "arn:key", "rotation_period_in_days": 365},
    "aws_sns_topic.this": {"arn": "arn:topic", "signature_version": 0, "tracing_config": ""},
    "aws_sqs_queue.results": {"url": "https://q", "kms_data_key_reuse_period_seconds": 300},
}


@pytest.mark.parametrize(
    ("address", "attribute", "live", "command"),
    [
        ("aws_kms_key.this", "rotation_period_in_days", 2560, "--key-id arn:key --rotation-period-in-days 365"),
        ("aws_sns_topic.this", "signature_version", 2, "--topic-arn arn:topic --attribute-name SignatureVersion"),
        ("aws_sns_topic.this", "tracing_config", "Active", "TracingConfig --attribute-value PassThrough"),
        ("aws_sqs_queue.results", "kms_data_key_reuse_period_seconds", 86_400, "https://q"),
    ],
)
def test_what_is_not_at_its_default_is_reported_with_the_command_that_restores_it(
    address: str, attribute: str, live: Any, command: str
) -> None:
    assert additions(plan_document(state=AT_DEFAULT)) == []
    [found] = additions(plan_document(state=AT_DEFAULT | {address: AT_DEFAULT[address] | {attribute: live}}))
    assert (found.address, found.attribute, found.live) == (address, attribute, str(live))
    assert command in found.remedy


def test_a_tag_is_shown_also_where_its_name_is_environment() -> None:
    queue, state, live = "aws_sqs_queue.results", {"environment": "dev"}, {"environment": "prod"}
    plan = document(
        change(queue, ["update"], {"tags_all": live}, {"tags_all": state}),
        drift=[drifted(queue, {"tags_all": state}, {"tags_all": live})],
    )
    assert rows(plan) == [(queue, "tags_all.environment", "prod", "dev")]


def test_an_argument_of_the_configuration_is_no_addition() -> None:
    """An apply sets it back; a root may have resources of its own."""
    plan = plan_document(state={"aws_sqs_queue.own[0]": {"url": "https://q", "redrive_allow_policy": "{}"}})
    assert [one.attribute for one in additions(plan)] == ["redrive_allow_policy"]
    own = {"type": "aws_sqs_queue", "name": "own", "expressions": {"redrive_allow_policy": {"constant_value": "{}"}}}
    plan["configuration"]["root_module"] = {"resources": [own]}
    assert additions(plan) == []
