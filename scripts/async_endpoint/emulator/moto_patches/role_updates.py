"""UpdateRole: moto clears the description where a request has only the longest session.

Terraform's provider updates the two by calls of their own, and neither loses the other (resource aws_iam_role). An absent
MaxSessionDuration is one hour, as for moto (API reference, UpdateRole).
"""

from __future__ import annotations

from moto.iam.models import IAMBackend, Role

_update_role = IAMBackend.update_role


def _keeping(self: IAMBackend, role_name: str, role_description: str | None, max_session_duration: str) -> Role:
    kept = self.get_role(role_name).description
    return _update_role(self, role_name, kept if role_description is None else role_description, max_session_duration)


def apply() -> None:
    IAMBackend.update_role = _keeping
