"""AWS::ApplicationAutoScaling::ScalableTarget and ScalingPolicy."""

from __future__ import annotations

from typing import Any, Final

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import Context, Created, Existing, ResourceType, Values, fitted

_SERVICE: Final = "application-autoscaling"
_TARGET: Final = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_SEPARATOR: Final = "|"


def _request(client: Any, operation: str, properties: Values) -> Values:
    members = client.meta.service_model.operation_model(operation).input_shape.members
    return {key: fitted(members[key], value, f"#/{key}") for key, value in properties.items() if key in members}


class ScalableTarget(ResourceType):
    """A scalable target with its scheduled actions. Ref returns RESOURCE|DIMENSION|NAMESPACE."""

    mutable = frozenset(("MaxCapacity", "MinCapacity", "RoleARN", "ScheduledActions", "SuspendedState", "Tags"))
    replacing = frozenset(_TARGET)
    attributes = frozenset(("Id",))
    required = frozenset((*_TARGET, "MaxCapacity", "MinCapacity"))

    def create(self, context: Context, properties: Values) -> Created:
        self._register(context, properties)
        target = properties["ResourceId"], properties["ScalableDimension"], properties["ServiceNamespace"]
        return Created(_SEPARATOR.join(target), {"Id": _SEPARATOR.join(target)})

    @staticmethod
    def _register(context: Context, properties: Values) -> None:
        client = context.client(_SERVICE)
        given = {key: value for key, value in properties.items() if key not in ("ScheduledActions", "Tags")}
        request = _request(client, "RegisterScalableTarget", given)
        tags = context.all_tags(properties.get("Tags"))
        client.register_scalable_target(**request, **({"Tags": tags} if tags else {}))

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._schedule(context, {}, properties)

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        self._register(context, after)
        self._schedule(context, existing.properties, after)

    @staticmethod
    def _schedule(context: Context, before: Values, after: Values) -> None:
        client = context.client(_SERVICE)
        target = {key: after[key] for key in _TARGET}
        old = {action["ScheduledActionName"]: action for action in before.get("ScheduledActions", [])}
        new = {action["ScheduledActionName"]: action for action in after.get("ScheduledActions", [])}
        for name in sorted(set(old) - set(new)):
            client.delete_scheduled_action(**target, ScheduledActionName=name)
        for name, action in new.items():
            if old.get(name) != action:
                client.put_scheduled_action(**target, **_request(client, "PutScheduledAction", action))

    def delete(self, context: Context, existing: Existing) -> None:
        context.client(_SERVICE).deregister_scalable_target(**{key: existing.properties[key] for key in _TARGET})


class ScalingPolicy(ResourceType):
    """A scaling policy of a target that is named by ScalingTargetId or by its three parts. Ref returns its ARN."""

    named_by = "PolicyName"
    mutable = frozenset(("PolicyType", "StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration"))
    replacing = frozenset((*_TARGET, "PolicyName", "ScalingTargetId"))
    attributes = frozenset(("Arn",))
    required = frozenset(("PolicyName", "PolicyType"))

    def create(self, context: Context, properties: Values) -> Created:
        arn = self._put(context, properties)
        return Created(arn, {"Arn": arn})

    def _put(self, context: Context, properties: Values) -> str:
        client = context.client(_SERVICE)
        given = {key: value for key, value in properties.items() if key != "ScalingTargetId"} | self._target(properties)
        return str(client.put_scaling_policy(**_request(client, "PutScalingPolicy", given))["PolicyARN"])

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        self._put(context, after)

    def delete(self, context: Context, existing: Existing) -> None:
        context.client(_SERVICE).delete_scaling_policy(
            PolicyName=existing.properties["PolicyName"], **self._target(existing.properties)
        )

    @staticmethod
    def _target(properties: Values) -> Values:
        """The three parts of the target; raises ResourceFailed where neither form is complete."""
        identifier = str(properties.get("ScalingTargetId", "")).split(_SEPARATOR)
        if len(identifier) == 3:
            return dict(zip(("ResourceId", "ScalableDimension", "ServiceNamespace"), identifier, strict=True))
        missing = [key for key in _TARGET if key not in properties]
        if "ScalingTargetId" in properties or missing:
            raise ResourceFailed(
                "ScalingTargetId, or ResourceId, ScalableDimension and ServiceNamespace, must name a scalable target"
            )
        return {key: properties[key] for key in _TARGET}


TYPES: Final = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ScalableTarget(),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ScalingPolicy(),
}
