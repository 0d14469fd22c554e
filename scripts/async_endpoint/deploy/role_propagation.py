"""A role that was just made or changed, and that SageMaker does not know yet: the apply is repeated, within bounds.

IAM is eventually consistent: a new role or policy is visible everywhere after seconds, rarely a minute (IAM user guide,
"Troubleshoot IAM: changes that I make are not always immediately visible"). The provider repeats CreateModel for two minutes
(internal/service/sagemaker/model.go). An endpoint is accepted and then fails; only late releases of provider 6 delete it and
repeat its creation (endpoint.go, which quotes the reason), 5.100 does not, and none repeats an update.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from async_endpoint.core.errors import AsyncEndpointError, RolledBack
from async_endpoint.terraform.plan_document import ResourceChange

PAUSE_SECONDS: Final = (10.0, 20.0, 40.0)  # before each repetition; IAM needs a minute at most

_ROLE_TYPES: Final = ("aws_iam_role", "aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_iam_policy")
# SageMaker's refusals of a role that it does not know, or whose policies it does not know.
_UNKNOWN_ROLE: Final = re.compile(
    r"Could not assume (?:the execution )?role|(?:execution role ARN|provided role) .{0,400}? is invalid|"
    r"execution role used to create the model has permissions to access them|ensure (?:that )?the role(?: .{0,400}?)? exists",
    re.DOTALL,
)


def awaits_propagation(error: AsyncEndpointError, changes: Iterable[ResourceChange]) -> bool:
    """Whether the apply of `changes` failed for a role, and makes or changes one: waiting does not cure an old role."""
    text = error.reason if isinstance(error, RolledBack) else str(error)
    return bool(_UNKNOWN_ROLE.search(text)) and any(change.type in _ROLE_TYPES and change.after for change in changes)
