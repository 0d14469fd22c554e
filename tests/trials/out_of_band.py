"""Changes that are made to an applied environment outside Terraform, over boto3: one for each property that is managed.

tests/e2e/test_out_of_band.py makes those that can be made together, drift_detection.py all of them one at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Undo = Callable[[], object]

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
DENIAL = {"Version": "2012-10-17", "Statement": {"Sid": "Extra", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}}


@dataclass(frozen=True)
class World:
    """boto3 clients of the local AWS, and the outputs of the environment."""

    client: Callable[[str], Any]
    outputs: Any

    @property
    def name(self) -> str:
        return str(self.outputs.endpoint.name)

    @property
    def role(self) -> str:
        return str(self.outputs.endpoint.execution_role_arn.rpartition("/")[2])

    @property
    def bucket(self) -> str:
        return str(self.outputs.storage.bucket)

    @property
    def key(self) -> str:
        return str(self.outputs.storage.kms_key_arn).rpartition("/")[2]  # moto disables keys by their id only

    @property
    def target(self) -> dict[str, str]:
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.outputs.scaling.resource_id,
            "ScalableDimension": DIMENSION,
        }


@dataclass(frozen=True)
class OutOfBand:
    """One change. `reported` is what a difference then says, `by` the part of verification that says so.

    `alone` where it cannot be made beside others: it hides them, or an apply cannot follow in a test's time.
    """

    name: str
    reported: str
    change: Callable[[World], Undo]
    by: str = "plan"
    repaired: bool = True
    alone: bool = False


def nothing() -> None:
    """An undo where none is needed."""


# --- hosting -----------------------------------------------------------------------------------------------------------------


def _settled(w: World) -> None:
    """Until nothing of the endpoint is in progress, which changes wait for."""
    deadline = time.monotonic() + 120
    while w.client("sagemaker").describe_endpoint(EndpointName=w.name)["EndpointStatus"] != "InService":
        assert time.monotonic() < deadline, f"{w.name} is not InService within 120 s"
        time.sleep(0.1)


def weight(w: World) -> Undo:
    def put(value: float) -> None:
        _settled(w)
        desired = [{"VariantName": w.outputs.endpoint.variant_name, "DesiredWeight": value}]
        w.client("sagemaker").update_endpoint_weights_and_capacities(EndpointName=w.name, DesiredWeightsAndCapacities=desired)
        _settled(w)

    put(0)
    return lambda: put(1)


def another_configuration(w: World) -> Undo:
    """The endpoint is updated to a configuration of the same content and another name, with its deployment configuration."""
    sagemaker = w.client("sagemaker")
    live = sagemaker.describe_endpoint_config(EndpointConfigName=w.outputs.endpoint.config_name)
    members = ("ProductionVariants", "AsyncInferenceConfig", "KmsKeyId")
    request = {member: live[member] for member in members if member in live}
    if not sagemaker.list_endpoint_configs(NameContains=f"{w.name}-somebodys")["EndpointConfigs"]:
        sagemaker.create_endpoint_config(EndpointConfigName=f"{w.name}-somebodys", **request)
    guarded = sagemaker.describe_endpoint(EndpointName=w.name).get("LastDeploymentConfig")

    def update(name: str) -> None:
        _settled(w)
        options = {"DeploymentConfig": guarded} if guarded else {}
        sagemaker.update_endpoint(EndpointName=w.name, EndpointConfigName=name, **options)
        _settled(w)

    update(f"{w.name}-somebodys")
    return lambda: update(w.outputs.endpoint.config_name)


def no_deployment_configuration(w: World) -> Undo:
    sagemaker = w.client("sagemaker")
    guarded = sagemaker.describe_endpoint(EndpointName=w.name).get("LastDeploymentConfig")
    _settled(w)
    sagemaker.update_endpoint(EndpointName=w.name, EndpointConfigName=w.outputs.endpoint.config_name)
    _settled(w)

    def undo() -> None:
        sagemaker.update_endpoint(
            EndpointName=w.name, EndpointConfigName=w.outputs.endpoint.config_name, DeploymentConfig=guarded
        )
        _settled(w)

    return undo


def replaced_model(change: Callable[[dict[str, Any]], object]) -> Callable[[World], Undo]:
    """The model is deleted and made again under its name, with a change."""

    def replace(w: World) -> Undo:
        sagemaker, name = w.client("sagemaker"), w.outputs.endpoint.model_name
        live = sagemaker.describe_model(ModelName=name)
        members = ("ModelName", "ExecutionRoleArn", "Containers", "PrimaryContainer", "VpcConfig", "EnableNetworkIsolation")
        original = {member: live[member] for member in members if live.get(member)}
        tags = sagemaker.list_tags(ResourceArn=live["ModelArn"])["Tags"]

        def put(request: dict[str, Any]) -> None:
            sagemaker.delete_model(ModelName=name)
            sagemaker.create_model(**request, Tags=tags)

        other = json.loads(json.dumps(original))
        change(other)
        put(other)
        return lambda: put(original)

    return replace


def replaced_configuration(change: Callable[[dict[str, Any]], object]) -> Callable[[World], Undo]:
    """The configuration is deleted and made again under its name, with a change."""

    def replace(w: World) -> Undo:
        sagemaker, name = w.client("sagemaker"), w.outputs.endpoint.config_name
        live = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        members = ("EndpointConfigName", "ProductionVariants", "AsyncInferenceConfig", "KmsKeyId")
        original = {member: live[member] for member in members if member in live}
        tags = sagemaker.list_tags(ResourceArn=live["EndpointConfigArn"])["Tags"]

        def put(request: dict[str, Any]) -> None:
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
            sagemaker.create_endpoint_config(**request, Tags=tags)

        other = json.loads(json.dumps(original))
        change(other)
        put(other)
        return lambda: put(original)

    return replace


def _container(model: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = model["Containers"][0] if "Containers" in model else model["PrimaryContainer"]
    return found


def log_retention(w: World) -> Undo:
    logs, group = w.client("logs"), f"/aws/sagemaker/Endpoints/{w.name}"
    [live] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    logs.put_retention_policy(logGroupName=group, retentionInDays=3653)
    return lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=live["retentionInDays"])


# --- scaling -----------------------------------------------------------------------------------------------------------------


def registered(**changes: Any) -> Callable[[World], Undo]:
    """The scalable target is registered with other members."""

    def change(w: World) -> Undo:
        scaling = w.client("application-autoscaling")
        [live] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[w.target["ResourceId"]])[
            "ScalableTargets"
        ]
        before = {member: live[member] for member in changes if member in live}
        scaling.register_scalable_target(**w.target, **changes)
        off = {"SuspendedState": dict.fromkeys(changes.get("SuspendedState", ()), False)}
        return lambda: scaling.register_scalable_target(**w.target, **(off | before if "SuspendedState" in changes else before))

    return change


def policy(name: str, member: str, change: Callable[[dict[str, Any]], object]) -> Callable[[World], Undo]:
    """A scaling policy is put with a change; `name` is the field of outputs.scaling that names it."""

    def put(w: World) -> Undo:
        scaling = w.client("application-autoscaling")
        found = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=w.target["ResourceId"])
        [live] = [one for one in found["ScalingPolicies"] if one["PolicyName"] == getattr(w.outputs.scaling, name)]
        request = {**w.target, "PolicyName": live["PolicyName"], "PolicyType": live["PolicyType"], member: live[member]}
        other = json.loads(json.dumps(request))
        change(other[member])
        scaling.put_scaling_policy(**other)
        return lambda: scaling.put_scaling_policy(**request)

    return put


def tracking(change: Callable[[dict[str, Any]], object]) -> Callable[[World], Undo]:
    return policy("tracking_policy_name", "TargetTrackingScalingPolicyConfiguration", change)


def wake(change: Callable[[dict[str, Any]], object]) -> Callable[[World], Undo]:
    return policy("wake_policy_name", "StepScalingPolicyConfiguration", change)


def extra_policy(w: World) -> Undo:
    scaling = w.client("application-autoscaling")
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    scaling.put_scaling_policy(
        **w.target,
        PolicyName="somebodys",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps},
    )
    return lambda: scaling.delete_scaling_policy(**w.target, PolicyName="somebodys")


def scheduled(name: str, **changes: Any) -> Callable[[World], Undo]:
    """A scheduled action, by the end of its name, is put with changes; one that is not there is added."""

    def put(w: World) -> Undo:
        scaling = w.client("application-autoscaling")
        found = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=w.target["ResourceId"])
        live = next((one for one in found["ScheduledActions"] if one["ScheduledActionName"].endswith(name)), None)
        if live is None:
            scaling.put_scheduled_action(**w.target, ScheduledActionName=name, **changes)
            return lambda: scaling.delete_scheduled_action(**w.target, ScheduledActionName=name)
        members = ("ScheduledActionName", "Schedule", "Timezone", "ScalableTargetAction")
        request = {**w.target, **{member: live[member] for member in members if member in live}}
        scaling.put_scheduled_action(**request | changes)
        return lambda: scaling.put_scheduled_action(**request)

    return put


def _tracking_alarms(w: World, word: str = "") -> list[Any]:
    prefix = f"TargetTracking-{w.target['ResourceId']}-{word}"
    found: list[Any] = w.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    return found


_ALARM = (
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
)


def _put_alarm(w: World, alarm: dict[str, Any]) -> None:
    w.client("cloudwatch").put_metric_alarm(**{member: alarm[member] for member in _ALARM if alarm.get(member) is not None})


def _changed_alarm(w: World, live: dict[str, Any], **changes: Any) -> Undo:
    _put_alarm(w, live | changes)
    return lambda: _put_alarm(w, live)


def alarm(suffix: str, **changes: Any) -> Callable[[World], Undo]:
    """The alarm whose name ends so is put with other members."""

    def put(w: World) -> Undo:
        [live] = w.client("cloudwatch").describe_alarms(AlarmNames=[f"{w.name}-{suffix}"])["MetricAlarms"]
        return _changed_alarm(w, live, **changes)

    return put


def deleted_alarm(suffix: str) -> Callable[[World], Undo]:
    def delete(w: World) -> Undo:
        [live] = w.client("cloudwatch").describe_alarms(AlarmNames=[f"{w.name}-{suffix}"])["MetricAlarms"]
        w.client("cloudwatch").delete_alarms(AlarmNames=[live["AlarmName"]])
        return lambda: _put_alarm(w, live)

    return delete


def no_tracking_alarms(w: World) -> Undo:
    live = _tracking_alarms(w)
    w.client("cloudwatch").delete_alarms(AlarmNames=[one["AlarmName"] for one in live])
    return lambda: [_put_alarm(w, one) for one in live]


def tracking_alarm(word: str, **changes: Any) -> Callable[[World], Undo]:
    return lambda w: _changed_alarm(w, _tracking_alarms(w, word)[0], **changes)


def dashboard(w: World) -> Undo:
    cloudwatch = w.client("cloudwatch")
    name = w.outputs.monitoring.dashboard_name
    body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    return lambda: cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)


# --- storage -----------------------------------------------------------------------------------------------------------------


def bucket(operation: str, member: str, value: Any, *, delete: str = "") -> Callable[[World], Undo]:
    """A sub-resource of the bucket is put, or deleted where `delete` names the call for it."""

    def change(w: World) -> Undo:
        s3 = w.client("s3")
        answer = getattr(s3, f"get_{operation}")(Bucket=w.bucket)
        before = answer.get(member, {name: answer[name] for name in ("Status", "Rules") if name in answer})
        put = getattr(s3, f"put_{operation}")
        if delete:
            getattr(s3, delete)(Bucket=w.bucket)
        else:
            put(Bucket=w.bucket, **{member: value})
        return lambda: put(Bucket=w.bucket, **{member: before})

    return change


def archive(w: World) -> Undo:
    s3, planned = w.client("s3"), w.outputs.model.archives[0]
    key = planned.uri.removeprefix(f"s3://{w.bucket}/")
    version = s3.put_object(Bucket=w.bucket, Key=key, Body=b"another model")["VersionId"]
    return lambda: s3.delete_object(Bucket=w.bucket, Key=key, VersionId=version)


def key_disabled(w: World) -> Undo:
    w.client("kms").disable_key(KeyId=w.key)
    return lambda: w.client("kms").enable_key(KeyId=w.key)


def key_rotation(w: World) -> Undo:
    w.client("kms").disable_key_rotation(KeyId=w.key)
    return lambda: w.client("kms").enable_key_rotation(KeyId=w.key)


def key_description(w: World) -> Undo:
    kms = w.client("kms")
    before = kms.describe_key(KeyId=w.key)["KeyMetadata"]["Description"]
    kms.update_key_description(KeyId=w.key, Description="another's")
    return lambda: kms.update_key_description(KeyId=w.key, Description=before)


def key_policy(w: World) -> Undo:
    kms = w.client("kms")
    before = kms.get_key_policy(KeyId=w.key, PolicyName="default")["Policy"]
    other = json.loads(before)
    other["Statement"] = other["Statement"][:1]
    kms.put_key_policy(KeyId=w.key, PolicyName="default", Policy=json.dumps(other))
    return lambda: kms.put_key_policy(KeyId=w.key, PolicyName="default", Policy=before)


def key_deletion(w: World) -> Undo:
    kms, key = w.client("kms"), w.key
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    def undo() -> None:
        kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)

    return undo


def key_alias(w: World) -> Undo:
    kms = w.client("kms")
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=f"alias/{w.name}", TargetKeyId=other)
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
    return lambda: kms.update_alias(AliasName=f"alias/{w.name}", TargetKeyId=w.key)


# --- notifications -----------------------------------------------------------------------------------------------------------


def topic(attribute: str, value: str) -> Callable[[World], Undo]:
    def change(w: World) -> Undo:
        sns, arn = w.client("sns"), w.outputs.notifications.success_topic_arn
        before = sns.get_topic_attributes(TopicArn=arn)["Attributes"].get(attribute, "")
        sns.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=value)
        return lambda: sns.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=before)

    return change


def topic_policy(w: World) -> Undo:
    arn = w.outputs.notifications.success_topic_arn
    before = json.loads(w.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    return topic("Policy", json.dumps(before | {"Statement": before["Statement"][:1]}))(w)


def subscription(attribute: str, value: str, before: str) -> Callable[[World], Undo]:
    def change(w: World) -> Undo:
        sns, topic_arn = w.client("sns"), w.outputs.notifications.success_topic_arn
        found = sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
        [arn] = [one["SubscriptionArn"] for one in found if one["Endpoint"] == w.outputs.notifications.results_queue_arn]
        had = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get(attribute, before)
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=attribute, AttributeValue=value)
        return lambda: sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=attribute, AttributeValue=had)

    return change


def queue(field: str, attribute: str, value: str) -> Callable[[World], Undo]:
    def change(w: World) -> Undo:
        sqs, url = w.client("sqs"), getattr(w.outputs.notifications, field)
        before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get(attribute, "")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: value})
        return lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: before})

    return change


def queue_policy(field: str) -> Callable[[World], Undo]:
    open_to_all = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    return queue(field, "Policy", json.dumps({"Version": "2012-10-17", "Statement": [open_to_all]}))


# --- access ------------------------------------------------------------------------------------------------------------------


def role_policy(name: str) -> Callable[[World], Undo]:
    def put(w: World) -> Undo:
        iam = w.client("iam")
        names = iam.list_role_policies(RoleName=w.role)["PolicyNames"]
        if name not in names:
            iam.put_role_policy(RoleName=w.role, PolicyName=name, PolicyDocument=json.dumps(DENIAL))
            return lambda: iam.delete_role_policy(RoleName=w.role, PolicyName=name)
        before = iam.get_role_policy(RoleName=w.role, PolicyName=name)["PolicyDocument"]
        other = {**before, "Statement": before["Statement"][1:]}
        iam.put_role_policy(RoleName=w.role, PolicyName=name, PolicyDocument=json.dumps(other))
        return lambda: iam.put_role_policy(RoleName=w.role, PolicyName=name, PolicyDocument=json.dumps(before))

    return put


def attached_policy(w: World) -> Undo:
    iam, arn = w.client("iam"), _managed(w)
    iam.attach_role_policy(RoleName=w.role, PolicyArn=arn)
    return lambda: iam.detach_role_policy(RoleName=w.role, PolicyArn=arn)


def boundary(w: World) -> Undo:
    iam = w.client("iam")
    before = iam.get_role(RoleName=w.role)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    iam.put_role_permissions_boundary(RoleName=w.role, PermissionsBoundary=_managed(w))
    if before:
        return lambda: iam.put_role_permissions_boundary(RoleName=w.role, PermissionsBoundary=before)
    return lambda: iam.delete_role_permissions_boundary(RoleName=w.role)


def _managed(w: World) -> str:
    """The ARN of a managed policy that there is."""
    found = w.client("iam").list_policies(Scope="Local")["Policies"]
    return str(next(one["Arn"] for one in found if one["PolicyName"] == f"{w.name}-{w.outputs.region}-collector"))


def trust(w: World) -> Undo:
    iam = w.client("iam")
    before = iam.get_role(RoleName=w.role)["Role"]["AssumeRolePolicyDocument"]
    other = json.dumps(before).replace("sagemaker.amazonaws.com", "lambda.amazonaws.com")
    iam.update_assume_role_policy(RoleName=w.role, PolicyDocument=other)
    return lambda: iam.update_assume_role_policy(RoleName=w.role, PolicyDocument=json.dumps(before))


def managed_policy(w: World) -> Undo:
    """A version of a managed policy is made the default one."""
    iam = w.client("iam")
    [found] = [
        one
        for one in iam.list_policies(Scope="Local")["Policies"]
        if one["PolicyName"] == f"{w.name}-{w.outputs.region}-caller"
    ]
    made = iam.create_policy_version(PolicyArn=found["Arn"], PolicyDocument=json.dumps(DENIAL), SetAsDefault=True)

    def undo() -> None:
        iam.set_default_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])
        iam.delete_policy_version(PolicyArn=found["Arn"], VersionId=made["PolicyVersion"]["VersionId"])

    return undo


# --- tags --------------------------------------------------------------------------------------------------------------------


def bucket_tags(w: World) -> Undo:
    s3 = w.client("s3")
    before = s3.get_bucket_tagging(Bucket=w.bucket)["TagSet"]
    s3.put_bucket_tagging(Bucket=w.bucket, Tagging={"TagSet": [{"Key": "environment", "Value": "another"}]})
    return lambda: s3.put_bucket_tagging(Bucket=w.bucket, Tagging={"TagSet": before})


def endpoint_tags(w: World) -> Undo:
    sagemaker, arn = w.client("sagemaker"), w.outputs.endpoint.arn
    before = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "environment", "Value": "another"}])
    return lambda: sagemaker.add_tags(ResourceArn=arn, Tags=before)


# --- the table ---------------------------------------------------------------------------------------------------------------

_ARCHIVE_RULE = {"ID": "somebodys", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
_OPEN = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False)
_AES = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}

CHANGES = (
    OutOfBand("variant weight", "has weight 0.0 instead of 1.0", weight, "variant", repaired=False),
    OutOfBand("endpoint: another configuration", "somebodys instead of", another_configuration, "endpoint", alone=True),
    OutOfBand(
        "endpoint: deployment configuration",
        "aws_sagemaker_endpoint.this was changed outside Terraform, and an apply replaces",
        no_deployment_configuration,
        alone=True,
    ),
    OutOfBand("endpoint: tags", "aws_sagemaker_endpoint.this was changed outside Terraform: tags", endpoint_tags),
    OutOfBand(
        "configuration: concurrency",
        "has concurrent invocations per instance 9 instead of 4",
        replaced_configuration(
            lambda c: c["AsyncInferenceConfig"]["ClientConfig"].update(MaxConcurrentInvocationsPerInstance=9)
        ),
        "configuration",
        alone=True,
    ),
    OutOfBand(
        "configuration: initial count",
        "aws_sagemaker_endpoint_configuration.this was changed outside Terraform",
        replaced_configuration(lambda c: c["ProductionVariants"][0].update(InitialInstanceCount=7)),
        alone=True,
    ),
    OutOfBand(
        "configuration: instance type",
        "has instance type ml.m5.large instead of",
        replaced_configuration(lambda c: c["ProductionVariants"][0].update(InstanceType="ml.m5.large")),
        "configuration",
        alone=True,
    ),
    OutOfBand(
        "configuration: startup time-out",
        "aws_sagemaker_endpoint_configuration.this was changed outside Terraform",
        replaced_configuration(lambda c: c["ProductionVariants"][0].update(ContainerStartupHealthCheckTimeoutInSeconds=61)),
        alone=True,
    ),
    OutOfBand(
        "configuration: output path",
        "has output path s3://",
        replaced_configuration(
            lambda c: c["AsyncInferenceConfig"]["OutputConfig"].update(
                S3OutputPath=c["AsyncInferenceConfig"]["OutputConfig"]["S3FailurePath"]
            )
        ),
        "configuration",
        alone=True,
    ),
    OutOfBand(
        "configuration: result key",
        "aws_sagemaker_endpoint_configuration.this was changed outside Terraform",
        replaced_configuration(lambda c: c["AsyncInferenceConfig"]["OutputConfig"].pop("KmsKeyId")),
        alone=True,
    ),
    OutOfBand(
        "configuration: topics",
        "has success topic None instead of",
        replaced_configuration(lambda c: c["AsyncInferenceConfig"]["OutputConfig"].pop("NotificationConfig")),
        "configuration",
        alone=True,
    ),
    OutOfBand(
        "model: environment",
        "aws_sagemaker_model.this was changed outside Terraform",
        replaced_model(lambda m: _container(m)["Environment"].update(SAGEMAKER_PROGRAM="another.py")),
        alone=True,
    ),
    OutOfBand(
        "model: image",
        "aws_sagemaker_model.this was changed outside Terraform",
        replaced_model(lambda m: _container(m).update(Image=_container(m)["Image"].replace("2.6.0", "2.5.1"))),
        alone=True,
    ),
    OutOfBand(
        "model: isolation",
        "aws_sagemaker_model.this was changed outside Terraform",
        replaced_model(lambda m: m.update(EnableNetworkIsolation=True)),
        alone=True,
    ),
    OutOfBand("log group: retention", "aws_cloudwatch_log_group.this was changed outside Terraform", log_retention),
    OutOfBand(
        "scalable target: minimum",
        "has minimum 2 instead of 0",
        registered(MinCapacity=2),
        "scaling range",
        repaired=False,
        alone=True,
    ),
    OutOfBand(
        "scalable target: maximum", "has maximum 3 instead of 8", registered(MaxCapacity=3), "scaling range", repaired=False
    ),
    *(
        OutOfBand(
            f"scalable target: {what} suspended",
            f"is suspended: {what}",
            registered(SuspendedState={member: True}),
            "scaling range",
            repaired=False,
            alone=what != "scale-in",
        )
        for member, what in {
            "DynamicScalingInSuspended": "scale-in",
            "DynamicScalingOutSuspended": "scale-out",
            "ScheduledScalingSuspended": "scheduled-scaling",
        }.items()
    ),
    OutOfBand(
        "tracking policy: target",
        "tracking target 500",
        tracking(lambda c: c.update(TargetValue=500)),
        alone=True,
    ),
    OutOfBand(
        "tracking policy: scale-in cooldown",
        'tracking["primary/backlog_per_instance"] was changed outside Terraform',
        tracking(lambda c: c.update(ScaleInCooldown=3000)),
        alone=True,  # putting the policy makes its alarms again
    ),
    OutOfBand(
        "tracking policy: scale-out cooldown",
        'tracking["primary/backlog_per_instance"] was changed outside Terraform',
        tracking(lambda c: c.update(ScaleOutCooldown=3000)),
        alone=True,
    ),
    OutOfBand(
        "tracking policy: metric",
        'tracking["primary/backlog_per_instance"] was changed outside Terraform',
        tracking(lambda c: c["CustomizedMetricSpecification"].update(MetricName="InvocationsPerInstance")),
        alone=True,
    ),
    OutOfBand(
        "tracking policy: scaling in disabled",
        'tracking["primary/backlog_per_instance"] was changed outside Terraform',
        tracking(lambda c: c.update(DisableScaleIn=True)),
        alone=True,
    ),
    OutOfBand(
        "wake policy: adjustment",
        'wake["primary"] was changed outside Terraform',
        wake(lambda c: c["StepAdjustments"][0].update(ScalingAdjustment=0)),
    ),
    OutOfBand(
        "wake policy: cooldown",
        'wake["primary"] was changed outside Terraform',
        wake(lambda c: c.update(Cooldown=3000)),
        alone=True,
    ),
    OutOfBand(
        "scaling policy added", "has policy somebodys, which was not planned", extra_policy, "scaling policies", repaired=False
    ),
    OutOfBand(
        "scheduled action: bounds",
        "-morning (2, 8) instead of (1, 8)",
        scheduled("-morning", ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 8}),
        "schedules",
    ),
    OutOfBand(
        "scheduled action: time",
        'aws_appautoscaling_scheduled_action.this["primary/evening"] was changed outside Terraform',
        scheduled("-evening", Schedule="cron(0 1 ? * MON-FRI *)"),
    ),
    OutOfBand(
        "scheduled action: time zone",
        'aws_appautoscaling_scheduled_action.this["primary/evening"] was changed outside Terraform',
        scheduled("-evening", Timezone="Asia/Tokyo"),
        alone=True,
    ),
    OutOfBand(
        "scheduled action added",
        "has scheduled action somebodys, which was not planned",
        scheduled("somebodys", Schedule="cron(0 3 1 1 ? 2099)", ScalableTargetAction={"MaxCapacity": 0}),
        "schedules",
        repaired=False,
    ),
    OutOfBand("tracking alarms deleted", "AlarmHigh-", no_tracking_alarms, "tracking alarms", repaired=False),
    OutOfBand(
        "tracking alarm: threshold",
        "has threshold 1.0 instead of 4.5",
        tracking_alarm("AlarmLow", Threshold=1),
        "tracking alarms",
        repaired=False,
        alone=True,
    ),
    OutOfBand(
        "tracking alarm: actions",
        "has actions enabled False instead of True",
        tracking_alarm("AlarmHigh", ActionsEnabled=False),
        "tracking alarms",
        repaired=False,
        alone=True,
    ),
    OutOfBand(
        "wake alarm: threshold",
        'aws_cloudwatch_metric_alarm.wake["primary"] was changed outside Terraform: threshold 99',
        alarm("has-backlog-without-capacity", Threshold=99),
    ),
    OutOfBand(
        "wake alarm: metric",
        "has metric ApproximateBacklogSize instead of HasBacklogWithoutCapacity",
        alarm("has-backlog-without-capacity", MetricName="ApproximateBacklogSize"),
        "wake alarm",
        alone=True,
    ),
    OutOfBand(
        "wake alarm: actions",
        "does not act on arn:aws:autoscaling",
        alarm("has-backlog-without-capacity", AlarmActions=[]),
        "wake alarm",
        alone=True,
    ),
    OutOfBand(
        "wake alarm: periods",
        'aws_cloudwatch_metric_alarm.wake["primary"] was changed outside Terraform',
        alarm("has-backlog-without-capacity", EvaluationPeriods=60, DatapointsToAlarm=60),
        alone=True,
    ),
    OutOfBand(
        "wake alarm: missing data",
        'aws_cloudwatch_metric_alarm.wake["primary"] was changed outside Terraform',
        alarm("has-backlog-without-capacity", TreatMissingData="ignore"),
        alone=True,
    ),
    OutOfBand(
        "wake alarm deleted",
        "-has-backlog-without-capacity does not exist",
        deleted_alarm("has-backlog-without-capacity"),
        "wake alarm",
        alone=True,
    ),
    OutOfBand(
        "alarm: threshold",
        'aws_cloudwatch_metric_alarm.this["backlog"] was changed outside Terraform: threshold 1000000 instead of 100',
        alarm("backlog", Threshold=1000000),
    ),
    OutOfBand(
        "alarm: actions enabled",
        "alarms that do not exist, or do not act",
        alarm("primary-memory", ActionsEnabled=False),
        "alarms",
    ),
    OutOfBand(
        "alarm: statistic",
        'aws_cloudwatch_metric_alarm.this["disk/primary"] was changed outside Terraform: statistic "Minimum"',
        alarm("primary-disk", Statistic="Minimum"),
    ),
    OutOfBand("alarm deleted", "alarms that do not exist, or do not act", deleted_alarm("primary-cpu"), "alarms"),
    OutOfBand("dashboard", "aws_cloudwatch_dashboard.this[0] was changed outside Terraform", dashboard),
    OutOfBand("archive overwritten", "was overwritten in place", archive, "model archives", repaired=False),
    OutOfBand(
        "bucket: policy",
        "aws_s3_bucket_policy.this[0] was",
        bucket("bucket_policy", "Policy", None, delete="delete_bucket_policy"),
    ),
    OutOfBand(
        "bucket: public access",
        "aws_s3_bucket_public_access_block.this[0] was changed outside Terraform",
        bucket("public_access_block", "PublicAccessBlockConfiguration", _OPEN),
    ),
    OutOfBand(
        "bucket: versioning",
        "aws_s3_bucket_versioning.this[0] was changed outside Terraform",
        bucket("bucket_versioning", "VersioningConfiguration", {"Status": "Suspended"}),
    ),
    OutOfBand(
        "bucket: encryption",
        "aws_s3_bucket_server_side_encryption_configuration.this[0] was",
        bucket("bucket_encryption", "ServerSideEncryptionConfiguration", _AES),
    ),
    OutOfBand(
        "bucket: lifecycle",
        "aws_s3_bucket_lifecycle_configuration.this[0] was changed outside Terraform",
        bucket("bucket_lifecycle_configuration", "LifecycleConfiguration", {"Rules": [_ARCHIVE_RULE]}),
        alone=True,
    ),
    OutOfBand(
        "bucket: ownership",
        "aws_s3_bucket_ownership_controls.this[0] was changed outside Terraform",
        bucket("bucket_ownership_controls", "OwnershipControls", {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}),
    ),
    OutOfBand("bucket: tags", "aws_s3_bucket.this[0] was changed outside Terraform: tags", bucket_tags),
    OutOfBand("key: rotation", "aws_kms_key.this[0] was changed outside Terraform: enable_key_rotation", key_rotation),
    OutOfBand("key: description", "aws_kms_key.this[0] was changed outside Terraform", key_description, alone=True),
    OutOfBand("key: policy", "aws_kms_key.this[0] was changed outside Terraform", key_policy, alone=True),
    OutOfBand("key: disabled", "aws_kms_key.this[0] was changed outside Terraform: is_enabled", key_disabled, alone=True),
    OutOfBand("key: pending deletion", "aws_kms_key.this[0] was", key_deletion, alone=True),
    OutOfBand("key alias", "aws_kms_alias.this[0] was changed outside Terraform", key_alias),
    OutOfBand("topic: policy", 'aws_sns_topic_policy.this["success"] was changed outside Terraform', topic_policy),
    OutOfBand(
        "topic: key",
        'aws_sns_topic.this["success"] was changed outside Terraform: kms_master_key_id',
        topic("KmsMasterKeyId", "alias/aws/sns"),
    ),
    OutOfBand(
        "subscription: filter",
        'aws_sns_topic_subscription.results["success"] was changed outside Terraform',
        subscription("FilterPolicy", '{"nothing": ["matches"]}', "{}"),
    ),
    OutOfBand(
        "subscription: raw delivery",
        'aws_sns_topic_subscription.results["success"] was changed outside Terraform',
        subscription("RawMessageDelivery", "true", "false"),
        alone=True,
    ),
    OutOfBand(
        "subscription: dead letters",
        'aws_sns_topic_subscription.results["success"] was changed outside Terraform',
        subscription("RedrivePolicy", '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:another"}', ""),
        alone=True,
    ),
    OutOfBand(
        "results queue: policy",
        "aws_sqs_queue.results was changed outside Terraform: policy",
        queue_policy("results_queue_url"),
        alone=True,
    ),
    OutOfBand(
        "results queue: visibility",
        "visibility_timeout_seconds 1 instead",
        queue("results_queue_url", "VisibilityTimeout", "1"),
        alone=True,
    ),
    OutOfBand(
        "results queue: retention",
        "aws_sqs_queue.results was changed outside Terraform: message_retention_seconds 60 instead",
        queue("results_queue_url", "MessageRetentionPeriod", "60"),
        alone=True,
    ),
    OutOfBand(
        "results queue: key",
        "aws_sqs_queue.results was changed outside Terraform: kms_master_key_id",
        queue("results_queue_url", "KmsMasterKeyId", "alias/aws/sqs"),
        alone=True,
    ),
    OutOfBand(
        "results queue: redrive",
        "aws_sqs_queue.results was changed outside Terraform:",
        lambda w: queue(
            "results_queue_url",
            "RedrivePolicy",
            json.dumps({"deadLetterTargetArn": _dead_letters(w), "maxReceiveCount": 1}),
        )(w),
        alone=True,
    ),
    OutOfBand(
        "dead letters: policy",
        "aws_sqs_queue.dead_letters was changed outside Terraform: policy",
        queue_policy("dead_letter_queue_url"),
        alone=True,
    ),
    OutOfBand(
        "dead letters: retention",
        "aws_sqs_queue.dead_letters was changed outside Terraform: message_retention_seconds 60 instead",
        queue("dead_letter_queue_url", "MessageRetentionPeriod", "60"),
        alone=True,
    ),
    OutOfBand(
        "role: inline policy added",
        "has inline policy somebodys, which was not planned and denies",
        role_policy("somebodys"),
        "execution role",
        repaired=False,
    ),
    OutOfBand("role: policy attached", "attached, which was not planned", attached_policy, "execution role", repaired=False),
    OutOfBand("role: own policy", "has another inline policy execution", role_policy("execution"), "execution role"),
    OutOfBand("role: trust policy", "has another trust policy", trust, "execution role"),
    OutOfBand("role: boundary", "has permissions boundary arn:aws:iam", boundary, "execution role"),
    OutOfBand("managed policy", 'aws_iam_policy.this["caller"] was changed outside Terraform: policy', managed_policy),
)


def _dead_letters(w: World) -> str:
    attributes = w.client("sqs").get_queue_attributes(
        QueueUrl=w.outputs.notifications.dead_letter_queue_url, AttributeNames=["QueueArn"]
    )
    return str(attributes["Attributes"]["QueueArn"])
