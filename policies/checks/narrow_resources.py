from __future__ import annotations

import re

from iam_actions import defined
from policy_statements import Statement
from statement_checks import checks_of_statements

# Everything, or everything of a service.
_WIDE = re.compile(r"^(?:\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:\*)$")


def _is_too_wide(statement: Statement) -> bool:
    return any(map(_WIDE.match, statement.resources)) and not all(
        (known := defined(action)) and not any(known.values()) for action in statement.actions
    )


checks = checks_of_statements(
    "CKV_ASYNC_5", 'A statement must not allow actions on "*" that can be confined to a resource', _is_too_wide
)
