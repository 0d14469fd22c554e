"""RotationPeriodInDays of EnableKeyRotation, 365 by default: moto drops it, and GetKeyRotationStatus lacks it.

API references of both. A key that does not rotate has none. Terraform reads it, so that a configured period would differ in
every plan. No key is ever rotated here.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.kms.responses import KmsResponse

DEFAULT_DAYS: Final = 365


def apply() -> None:
    enable, status = KmsResponse.enable_key_rotation, KmsResponse.get_key_rotation_status  # with the checks of kms_key_*.py

    def enable_key_rotation(self: KmsResponse) -> str:
        answer: str = enable(self)
        _key(self).rotation_period_in_days = int(self._get_param("RotationPeriodInDays") or DEFAULT_DAYS)
        return answer

    def get_key_rotation_status(self: KmsResponse) -> str:
        found = json.loads(status(self))
        if found["KeyRotationEnabled"]:
            found["RotationPeriodInDays"] = getattr(_key(self), "rotation_period_in_days", DEFAULT_DAYS)
        return json.dumps(found)

    KmsResponse.enable_key_rotation = enable_key_rotation
    KmsResponse.get_key_rotation_status = get_key_rotation_status


def _key(response: KmsResponse) -> Any:
    backend = response.kms_backend
    return backend.keys[backend.any_id_to_key_id(response._get_param("KeyId"))]
