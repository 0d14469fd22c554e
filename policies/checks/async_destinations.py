from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from async_graph import first

_WANTED = (
    ("output_config", "s3_output_path"),
    ("output_config", "s3_failure_path"),
    ("output_config", "notification_config", "success_topic"),
    ("output_config", "notification_config", "error_topic"),
)


class AsyncDestinations(BaseResourceCheck):
    """An asynchronous endpoint has a failure path, and topics for both outcomes."""

    def __init__(self) -> None:
        super().__init__(
            name="An asynchronous endpoint must have s3_output_path, s3_failure_path, success_topic and error_topic",
            id="CKV_ASYNC_2",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["aws_sagemaker_endpoint_configuration"],
        )

    def scan_resource_conf(self, conf: dict[str, list[Any]]) -> CheckResult:
        asynchronous = first(conf.get("async_inference_config"))
        if not isinstance(asynchronous, dict):
            return CheckResult.UNKNOWN
        return CheckResult.PASSED if all(_is_given(asynchronous, path) for path in _WANTED) else CheckResult.FAILED


def _is_given(block: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the field at `path` has a value. In a plan, an unset one is null or has no block; an unknown one is missing."""
    name, *rest = path
    value = block.get(name, _dynamic(block, name))
    if value is None and name not in block and "__file__" in block:
        return True
    value = first(value)
    return _is_given(value, tuple(rest)) if rest and isinstance(value, dict) else bool(value) and not rest


def _dynamic(block: dict[str, Any], name: str) -> Any:
    """The content of a dynamic block of this name, in the source."""
    written = first(first(block.get("dynamic")) or {})
    named = first(written.get(name)) if isinstance(written, dict) else None
    return first(named.get("content")) if isinstance(named, dict) else None


check = AsyncDestinations()
