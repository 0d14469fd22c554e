"""Tags of scalable targets, which moto lacks; the Terraform provider reads them and retries for 5 minutes.

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

MAX_TAGS: Final = 50
MAX_KEY_CHARS: Final = 128
MAX_VALUE_CHARS: Final = 256

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
    """The tags of `target`, None for a new one, with `added`; raises AWS's errors for invalid tags."""
    for key, value in added.items():
        if not 1 <= len(key) <= MAX_KEY_CHARS or len(value) > MAX_VALUE_CHARS:
            raise AWSValidationException(
                f"The tag {key[:MAX_KEY_CHARS]} is longer than {MAX_KEY_CHARS} and {MAX_VALUE_CHARS} characters."
            )
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise AWSValidationException(f"The tag {key} has characters that tags may not have.")
        if key.lower().startswith("aws:"):
            raise AWSValidationException(f"The tag {key} begins with aws:, which is reserved.")
    tags = dict(_tags(target) if target is not None else {})
    tags.update(added)
    if len(tags) > MAX_TAGS:
        raise JsonRESTError("TooManyTagsException", f"A scalable target has at most {MAX_TAGS} tags.")
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
