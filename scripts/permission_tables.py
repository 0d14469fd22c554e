"""`python scripts/permission_tables.py` writes the tables of permissions into docs/security.md; --check says if they differ.

They are made from the policies that Terraform renders for a deployment with every option, which tests/iam/rendered.json keeps
and a test renders again. A resource is written as its service and the rest of its ARN, without region and account, and with
names instead of those of that deployment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "security.md"
RENDERED: Final = ROOT / "tests" / "iam" / "rendered.json"
BEGIN: Final = "<!-- From here on written by `make docs`, from the rendered policies of module iam. -->"
# What the recorded deployment is called, and what a reader's is.
_NAMES: Final = (
    ("recommender-dev-123456789012-eu-west-1", "BUCKET"),
    ("recommender-dev-eu-west-1", "NAME-REGION"),
    ("recommender-dev", "NAME"),
    ("eu-west-1", "REGION"),
    ("123456789012", "ACCOUNT"),
    ("key/own", "key/KEY"),
    ("environment:dev", "environment:ENVIRONMENT"),
    ("shop/models", "OWNER/REPOSITORY"),
    ("function:notify", "function:FUNCTION"),
)

COMPARISONS: Final = {
    "Bool": "is",
    "StringEquals": "is",
    "StringEqualsIfExists": "is, if there is one,",
    "StringLike": "is like",
    "StringLikeIfExists": "is like, if there is one,",
}


def tables(policies: Mapping[str, Any], trust: Mapping[str, Any]) -> str:
    """The generated part of the page: who may assume the roles for GitHub, and a table a policy."""
    lines = [BEGIN, "", "## Roles for GitHub", "", "| Role | Assumed by tokens with |", "|---|---|"]
    for role, document in sorted(trust.items()):
        conditions = "; ".join(text for statement in document["Statement"] for text in _conditions(statement))
        lines.append(f"| `{role}` | {conditions} |")
    for role, document in sorted(policies.items()):
        lines += ["", f"## Policy {role}", "", "| Statement | Actions | Resources | Where |", "|---|---|---|---|"]
        lines += [_row(statement) for statement in document["Statement"]]
    return "\n".join(lines) + "\n"


def renewed(page: str, generated: str) -> str:
    """`page` with its generated part replaced by `generated`."""
    return f"{page.split(BEGIN, maxsplit=1)[0].rstrip()}\n\n{generated}"


def _row(statement: Mapping[str, Any]) -> str:
    actions = ", ".join(f"`{action}`" for action in sorted(_listed(statement["Action"])))
    resources = ", ".join(dict.fromkeys(f"`{_resource(arn)}`" for arn in sorted(_listed(statement["Resource"]))))
    return f"| {statement['Sid']} | {actions} | {resources} | {'; '.join(_conditions(statement))} |"


def _conditions(statement: Mapping[str, Any]) -> Iterator[str]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            named = " or ".join(f"`{_named(str(value))}`" for value in _listed(values))
            yield f"`{key}` {COMPARISONS[operator]} {named}"


def _resource(arn: str) -> str:
    if not arn.startswith("arn:"):
        return arn
    _, _, service, _, account, rest = arn.split(":", 5)
    return f"{service}:{'aws:' if account == 'aws' else ''}{_named(rest)}"


def _named(text: str) -> str:
    for found, name in _NAMES:
        text = text.replace(found, name)
    return text


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main(arguments: list[str]) -> int:
    rendered = json.loads(RENDERED.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    fresh = renewed(page, tables(rendered["policies"], rendered["trust"]))
    if fresh == page:
        return 0
    if arguments == ["--check"]:
        print("error: docs/security.md differs from tests/iam/rendered.json; write it with: make docs", file=sys.stderr)
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
