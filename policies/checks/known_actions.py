from __future__ import annotations

import re

from iam_actions import defined
from policy_statements import Statement
from statement_checks import checks_of_statements

_ACTION = re.compile(r"^[a-z0-9-]+:[A-Za-z0-9*?]+$")
_NARROW = re.compile(r"^[^*]*(?::|arn)")  # in the source, an expression that cannot be "*"


def _is_in_vain(statement: Statement) -> bool:
    """Whether an action is unknown, or has no resource type in a statement that names resources: both are never allowed."""
    narrow = bool(statement.resources) and all(map(_NARROW.match, statement.resources))
    return any(
        not (known := defined(action)) or (narrow and not any(known.values()))
        for action in statement.actions
        if _ACTION.match(action)
    )


checks = checks_of_statements(
    "CKV_ASYNC_7", 'Actions must exist, and be allowed on "*" where AWS defines no resource for them', _is_in_vain
)
