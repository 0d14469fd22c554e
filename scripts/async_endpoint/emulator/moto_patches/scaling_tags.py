"""moto has no tags for scalable targets; the Terraform provider reads them, and waits 5 minutes for an answer.

Lengths and errors are those of botocore's model. Characters, the reserved prefix and the 50 tags of a resource are those of
"User-defined tag restrictions" in the Billing guide, which the API reference of TagResource refers to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from moto.core.exceptions import JsonRESTError

from async_endpoint.emulator.moto_patches.application_autoscaling import (
    ApplicationAutoScalingResponse,
    AWSValidationException,
    FakeScalableTarget,
)

MOST_TAGS: Final = 50
LONGEST_KEY: Final = 128
LONGEST_VALUE: Final = 256

_ALLOWED: Final = re.compile(r"[\w\s+=.:/@-]*")
_register = ApplicationAutoScalingResponse.register_scalable_target


def _target(response: ApplicationAutoScalingResponse, arn: str) -> FakeScalableTarget:
    targets = response.applicationautoscaling_backend.targets.values()
    found = next((target for by_id in targets for target in by_id.values() if target.arn == arn), None)
    if found is None:
        raise JsonRESTError("ResourceNotFoundException", f"No scalable target found for ARN {arn}.")
    return found


def _tags(target: FakeScalableTarget) -> dict[str, str]:
    tags: dict[str, str] = target.__dict__.setdefault("tags", {})
    return tags


def _add(target: FakeScalableTarget | None, added: Mapping[str, str]) -> dict[str, str]:
    """The tags of `target`, or of one that is to be made, and `added`; raises what AWS refuses."""
    for key, value in added.items():
        if not 1 <= len(key) <= LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise AWSValidationException(
                f"The tag {key[:LONGEST_KEY]} is longer than {LONGEST_KEY} and {LONGEST_VALUE} characters."
            )
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise AWSValidationException(f"The tag {key} has characters that tags may not have.")
        if key.lower().startswith("aws:"):
            raise AWSValidationException(f"The tag {key} begins with aws:, which is reserved.")
    tags = dict(_tags(target) if target is not None else {})
    tags.update(added)
    if len(tags) > MOST_TAGS:
        raise JsonRESTError("TooManyTagsException", f"A scalable target has at most {MOST_TAGS} tags.")
    return tags


def _register_scalable_target(self: Any) -> str:
    added = self._get_param("Tags") or {}
    _add(None, added)
    answer: str = _register(self)
    _tags(_target(self, json.loads(answer)["ScalableTargetARN"])).update(added)
    return answer


def _list_tags_for_resource(self: Any) -> str:
    return json.dumps({"Tags": _tags(_target(self, self._get_param("ResourceARN")))})


def _tag_resource(self: Any) -> str:
    target = _target(self, self._get_param("ResourceARN"))
    _tags(target).update(_add(target, self._get_param("Tags")))
    return json.dumps({})


def _untag_resource(self: Any) -> str:
    tags = _tags(_target(self, self._get_param("ResourceARN")))
    for key in self._get_param("TagKeys"):
        tags.pop(key, None)
    return json.dumps({})


def apply() -> None:
    ApplicationAutoScalingResponse.register_scalable_target = _register_scalable_target
    ApplicationAutoScalingResponse.list_tags_for_resource = _list_tags_for_resource
    ApplicationAutoScalingResponse.tag_resource = _tag_resource
    ApplicationAutoScalingResponse.untag_resource = _untag_resource
