"""DeletePolicy: moto deletes a policy that is in use; IAM refuses one that is attached, that is the permissions boundary of a
role or user, or that has older versions ("DeleteConflict": API reference, DeletePolicy; texts as users quote them).
"""

from __future__ import annotations

from typing import Final

from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import IAMBackend

_delete_policy: Final = IAMBackend.delete_policy


def _refusing(self: IAMBackend, policy_arn: str) -> None:
    policy = self.get_policy(policy_arn)
    if len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The "
            "default version is deleted with the policy."
        )
    identities = [*self.roles.values(), *self.users.values(), *self.groups.values()]
    if any(
        policy_arn in identity.managed_policies or getattr(identity, "permissions_boundary_arn", None) == policy_arn
        for identity in identities
    ):
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    _delete_policy(self, policy_arn)


def apply() -> None:
    IAMBackend.delete_policy = _refusing
