"""moto has no tags for scalable targets; the Terraform provider reads them, and waits 5 minutes for an answer."""

from __future__ import annotations

import json
from typing import Any

from async_endpoint.local.gaps.autoscaling import ApplicationAutoScalingResponse, AWSValidationException, FakeScalableTarget

_register = ApplicationAutoScalingResponse.register_scalable_target


def _target(response: ApplicationAutoScalingResponse, arn: str) -> FakeScalableTarget:
    targets = response.applicationautoscaling_backend.targets.values()
    found = next((target for by_id in targets for target in by_id.values() if target.arn == arn), None)
    if found is None:
        raise AWSValidationException(f"No scalable target found for ARN {arn}.")
    return found


def _tags(target: FakeScalableTarget) -> dict[str, str]:
    tags: dict[str, str] = target.__dict__.setdefault("tags", {})
    return tags


def _register_scalable_target(self: Any) -> str:
    answer: str = _register(self)
    _tags(_target(self, json.loads(answer)["ScalableTargetARN"])).update(self._get_param("Tags") or {})
    return answer


def _list_tags_for_resource(self: Any) -> str:
    return json.dumps({"Tags": _tags(_target(self, self._get_param("ResourceARN")))})


def _tag_resource(self: Any) -> str:
    _tags(_target(self, self._get_param("ResourceARN"))).update(self._get_param("Tags"))
    return json.dumps({})


def _untag_resource(self: Any) -> str:
    tags = _tags(_target(self, self._get_param("ResourceARN")))
    for key in self._get_param("TagKeys"):
        tags.pop(key, None)
    return json.dumps({})


def mend() -> None:
    ApplicationAutoScalingResponse.register_scalable_target = _register_scalable_target
    ApplicationAutoScalingResponse.list_tags_for_resource = _list_tags_for_resource
    ApplicationAutoScalingResponse.tag_resource = _tag_resource
    ApplicationAutoScalingResponse.untag_resource = _untag_resource
