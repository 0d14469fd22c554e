from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from async_graph import first


class AsyncDestinations(BaseResourceCheck):
    """An asynchronous endpoint says where failures go and announces both outcomes."""

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
        output = _block(asynchronous, "output_config")
        topics = _block(output, "notification_config")
        given = [_is_given(output, name) for name in ("s3_output_path", "s3_failure_path")]
        given += [_is_given(topics, name) for name in ("success_topic", "error_topic")]
        return CheckResult.PASSED if all(given) else CheckResult.FAILED


def _is_given(block: dict[str, Any], name: str) -> bool:
    """A plan has null for what is not given, and leaves out what only an apply can tell."""
    is_plan = "__file__" in block
    return bool(first(block[name])) if name in block else is_plan


def _block(around: dict[str, Any], name: str) -> dict[str, Any]:
    """A block, written as it is or as a dynamic one."""
    block = first(around.get(name))
    if not isinstance(block, dict):
        dynamic = first(around.get("dynamic"))
        block = first(first(dynamic.get(name, {})).get("content")) if isinstance(dynamic, dict) and dynamic.get(name) else None
    return block if isinstance(block, dict) else {}


check = AsyncDestinations()
