"""Every operation that the package calls has rules in iam/actions: without them no recording has it, and no policy is tried."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from async_endpoint.core.errors import InvalidInput
from async_endpoint.iam.actions import ApiCall, required_permissions
from support.documents import ROOT

PACKAGE = ROOT / "scripts" / "async_endpoint"
SERVICES = (
    "application-autoscaling", "cloudwatch", "ec2", "iam", "kms", "lambda", "logs", "resourcegroupstaggingapi", "s3",
    "sagemaker", "sagemaker-runtime", "service-quotas", "sns", "sqs", "sts",
)  # fmt: skip
# Names that are methods of other objects or commands as well, and that this project calls on no client.
OTHERS = {"invoke", "search", "sign", "verify"}


def named(path: Path) -> Iterator[str]:
    """The attributes and strings of a module: methods of clients, and operations of paginators."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def has_rules(service: str, operation: str) -> bool:
    try:
        required_permissions(ApiCall(service, operation, {}, region="eu-west-1", account="123456789012"), None)  # type: ignore[arg-type]
    except InvalidInput:
        return False
    except (AttributeError, LookupError, ValueError):  # its rules need parameters and facts
        return True
    return True


@pytest.fixture(scope="module")
def operations() -> dict[str, list[tuple[str, str]]]:
    """(service, operation) by the name of a client's method."""
    found: dict[str, list[tuple[str, str]]] = {}
    session = boto3.session.Session(region_name="eu-west-1")
    for service in SERVICES:
        for operation in session._session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), []).append((service, operation))
    return found


def test_every_operation_that_is_called_has_rules(operations: dict[str, list[tuple[str, str]]]) -> None:
    called = {name for path in PACKAGE.rglob("*.py") if "emulator" not in path.parts for name in named(path)}
    candidates = {name: operations[name] for name in (called & operations.keys()) - OTHERS}
    assert len(candidates) > 80
    assert [name for name, choices in sorted(candidates.items()) if not any(has_rules(*choice) for choice in choices)] == []
