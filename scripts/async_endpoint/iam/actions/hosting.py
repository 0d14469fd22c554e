"""SageMaker, its runtime, and Application Auto Scaling.

Source: service authorization reference of each. SageMaker's ARNs have names in lower case. Application Auto Scaling acts with
the rights of its caller: on the endpoint and its configuration (its user guide, "Identity-based policy examples") and on the
alarms of target tracking, whose names begin with TargetTracking- and the resource id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from async_endpoint.iam.actions.call import (
    ApiCall,
    Permission,
    ResourceFacts,
    Rule,
    Rules,
    anywhere,
    each,
    expand,
    on,
    pass_role,
)

_SAGEMAKER: Final = "arn:{partition}:sagemaker:{region}:{account}:"
_ENDPOINT: Final = _SAGEMAKER + "endpoint/{EndpointName}"
_CONFIG: Final = _SAGEMAKER + "endpoint-config/{EndpointConfigName}"
_MODEL: Final = _SAGEMAKER + "model/{ModelName}"
_ADD_TAGS: Final = "sagemaker:AddTags"
_TARGET: Final = "arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/generated"
_SCALING_ROLE: Final = (
    "arn:{partition}:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
_NAMESPACE_VALUES: Final = {
    "application-autoscaling:service-namespace": "sagemaker",
    "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
}
_NAMESPACE: Final = {
    "application-autoscaling:service-namespace": "ServiceNamespace",
    "application-autoscaling:scalable-dimension": "ScalableDimension",
}


def _pass_role(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    if role := call.params.get("ExecutionRoleArn"):
        yield Permission("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _grant_volume_key(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """SageMaker encrypts volumes through a grant of the creator's (SageMaker guide, "Protect data at rest"; A90)."""
    if key := call.params.get("KmsKeyId"):
        context = {"kms:GrantIsForAWSResource": "true", "kms:ViaService": f"sagemaker.{call.region}.amazonaws.com"}
        yield Permission("kms:CreateGrant", facts.key_arn(key), context)
        yield Permission("kms:DescribeKey", facts.key_arn(key), {"kms:ViaService": context["kms:ViaService"]})


def _act_on_endpoint(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """What registering a target calls, on a configuration of any name (ACK issue 2110; A91)."""
    name = str(call.params.get("ResourceId", "")).split("/")[1]
    [endpoint] = expand(_SAGEMAKER + f"endpoint/{name}".lower(), call)
    yield Permission("sagemaker:DescribeEndpoint", endpoint, {})
    yield Permission("sagemaker:UpdateEndpointWeightsAndCapacities", endpoint, {})
    yield Permission("sagemaker:DescribeEndpointConfig", expand(_SAGEMAKER + "endpoint-config/of-any-name", call)[0], {})


def _link_role(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """Made by the first registration of an account."""
    context = {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}
    yield Permission("iam:CreateServiceLinkedRole", expand(_SCALING_ROLE, call)[0], context)


def _tracking_alarms(*actions: str) -> Rule:
    def rule(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
        if call.params.get("PolicyType", "TargetTrackingScaling") != "TargetTrackingScaling":
            return
        alarm = f"alarm:TargetTracking-{call.params['ResourceId']}-AlarmHigh-generated"
        [resource] = expand("arn:{partition}:cloudwatch:{region}:{account}:" + alarm, call)
        for action in actions:
            yield Permission(f"cloudwatch:{action}", resource, {})

    return rule


def _deregister_targets(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """Deleting an endpoint deregisters the targets of its variants with the rights of the caller (guide, same page)."""
    if facts.has_scalable_target(str(call.params.get("EndpointName", ""))):
        yield Permission("application-autoscaling:DeregisterScalableTarget", expand(_TARGET, call)[0], _NAMESPACE_VALUES)


def _named(word: str, parameter: str, *verbs: str) -> Rules:
    """Rules of SageMaker's other resources, such as CreateTrainingJob on training-job/NAME, with the role that they pass."""
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", word).lower()
    resource = _SAGEMAKER + kind + "/{" + parameter + "}"
    rules = (on(resource), on(resource, _ADD_TAGS, when="Tags"), pass_role("RoleArn", "sagemaker.amazonaws.com"))
    return {f"{verb}{word}": rules for verb in ("Create", "Delete", "Describe", "Update", *verbs)}


def _model_package(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """A model package by ARN, by name, or of a group, whose number it does not have yet."""
    name = str(call.params.get("ModelPackageName") or call.params.get("ModelPackageArn") or "")
    group = str(call.params.get("ModelPackageGroupName") or "").rpartition("/")[2]
    arn = name if name.startswith("arn:") else f"{expand(_SAGEMAKER, call)[0]}model-package/{name or f'{group}/*'}"
    yield Permission(f"sagemaker:{call.operation}", arn, {})
    if call.params.get("Tags"):
        yield Permission(_ADD_TAGS, arn, {})


def _lower(rules: Rules) -> Rules:
    """The same rules, with resources of SageMaker in lower case."""

    def lowered(rule: Rule) -> Rule:
        def wrapped(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
            for action, resource, context in rule(call, facts):
                yield Permission(action, resource.lower() if ":sagemaker:" in resource else resource, context)

        return wrapped

    return {operation: [lowered(rule) for rule in found] for operation, found in rules.items()}


SAGEMAKER: Final = _lower(
    {
        **anywhere("ListEndpoints", "ListEndpointConfigs", "ListModels"),
        **each(_ENDPOINT, "DescribeEndpoint", "UpdateEndpointWeightsAndCapacities"),
        **each(_CONFIG, "DeleteEndpointConfig", "DescribeEndpointConfig"),
        **each(_MODEL, "DeleteModel", "DescribeModel"),
        **each("{ResourceArn}", "AddTags", "DeleteTags", "ListTags"),
        **_named("ModelPackageGroup", "ModelPackageGroupName"),
        **_named("TrainingJob", "TrainingJobName", "Stop"),
        **_named("ProcessingJob", "ProcessingJobName", "Stop"),
        **_named("TransformJob", "TransformJobName", "Stop"),
        **_named("HyperParameterTuningJob", "HyperParameterTuningJobName", "Stop"),
        **_named("NotebookInstance", "NotebookInstanceName", "Start", "Stop"),
        **_named("NotebookInstanceLifecycleConfig", "NotebookInstanceLifecycleConfigName"),
        **_named("MonitoringSchedule", "MonitoringScheduleName", "Start", "Stop"),
        **_named("Experiment", "ExperimentName"),
        **_named("FeatureGroup", "FeatureGroupName"),
        **_named("Pipeline", "PipelineName"),
        **_named("InferenceComponent", "InferenceComponentName"),
        **_named("Image", "ImageName"),
        **_named("CodeRepository", "CodeRepositoryName"),
        **dict.fromkeys(
            ("CreateModelPackage", "DeleteModelPackage", "DescribeModelPackage", "UpdateModelPackage"), (_model_package,)
        ),
        **anywhere("GetSearchSuggestions"),
        "DeleteEndpoint": (on(_ENDPOINT), _deregister_targets),
        "CreateEndpoint": (on(_ENDPOINT), on(_CONFIG), on(_ENDPOINT, _ADD_TAGS, when="Tags")),
        "CreateEndpointConfig": (on(_CONFIG), on(_CONFIG, _ADD_TAGS, when="Tags"), _grant_volume_key),
        "CreateModel": (on(_MODEL), on(_MODEL, _ADD_TAGS, when="Tags"), _pass_role),
        "UpdateEndpoint": (on(_ENDPOINT), on(_CONFIG)),
    }
)

RUNTIME: Final = _lower(each(_ENDPOINT, "InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"))

SCALING: Final[Rules] = {
    **anywhere(
        "DescribeScalableTargets",
        "DescribeScalingActivities",
        "DescribeScalingPolicies",
        "DescribeScheduledActions",
        "GetPredictiveScalingForecast",
    ),
    **each("{ResourceARN}", "ListTagsForResource", "TagResource", "UntagResource"),
    "RegisterScalableTarget": (
        on(_TARGET, keys=_NAMESPACE),
        on(_TARGET, "application-autoscaling:TagResource", when="Tags"),
        _act_on_endpoint,
        _link_role,
        pass_role("RoleARN", "sagemaker.application-autoscaling.amazonaws.com"),
    ),
    "DeregisterScalableTarget": (on(_TARGET, keys=_NAMESPACE), _tracking_alarms("DeleteAlarms")),
    "PutScalingPolicy": (on(_TARGET, keys=_NAMESPACE), _tracking_alarms("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")),
    "DeleteScalingPolicy": (on(_TARGET, keys=_NAMESPACE), _tracking_alarms("DeleteAlarms")),
    "PutScheduledAction": (on(_TARGET, keys=_NAMESPACE),),
    "DeleteScheduledAction": (on(_TARGET, keys=_NAMESPACE),),
}
