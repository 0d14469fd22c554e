"""SageMaker's error messages, in AWS's words: container errors, time-outs, instance quotas.

Asynchronous failures use the wording of the real-time API.
"""

from __future__ import annotations

from typing import Final

MODEL_ERROR_CHARS: Final = 4_096  # how much of a model's error text is quoted
# AWS's quotas differ by account and instance type. This one is the local AWS's own: each instance is a process on this machine.
MAX_INSTANCES: Final = 64  # of one variant


def container_error(status: int, container: str, text: str) -> str:
    """The container answered `status`, 0 for no answer."""
    kind = "client" if 400 <= status < 500 else "server"
    return f'Received {kind} error ({status}) from {container} with message "{text}"'


def invocation_timeout(container: str) -> str:
    """The first sentence of the message, as users quote it."""
    return f"Your invocation timed out while waiting for a response from container {container}"


def missing_length(container: str) -> str:
    """An asynchronous response in chunks, or that ends with its connection (deepjavalibrary/djl-serving, issue 2567)."""
    return f"The response from container {container} did not specify the required Content-Length header"


EXTRACTION_FAILED: Final = "Failed to extract model data archive for container"


def extraction_failed(container: int, url: str) -> str:
    """The archive of a model's nth container cannot be extracted (aws/deep-learning-containers, pull request 569)."""
    return (
        f'{EXTRACTION_FAILED} "container_{container}" from URL "{url}". Please ensure that the object located at the URL is a '
        "valid tar.gz archive."
    )


def unknown_role(arn: str) -> str:
    """SageMaker does not know the execution role, as just after its creation (terraform-provider-aws 6.x, endpoint.go)."""
    return (
        f'The execution role ARN "{arn}" is invalid. Please ensure that the role exists and that its trust relationship policy '
        'allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com".'
    )


def unusable_topic(role_arn: str, topic_arn: str, detail: str) -> str:
    """The execution role cannot publish to a topic (amazon-sagemaker-examples, issue 4461). `detail` is the local AWS's."""
    return (
        f'The provided role "{role_arn}" is invalid. Please ensure that the role exists, that its trust relationship policy '
        'allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com", and has "sns:Publish" '
        f'permissions for topic "{topic_arn}". ({detail})'
    )


def quota_error(instance_type: str, desired: int, current: int = 0) -> str:
    """Why a variant with `current` instances may not have `desired` of them; empty when it may."""
    if desired <= MAX_INSTANCES:
        return ""
    return (
        f"The account-level service limit '{instance_type} for endpoint usage' is {MAX_INSTANCES} Instances, with "
        f"current utilization of {current} Instances and a request delta of {desired - current} Instances. Please use AWS "
        "Service Quotas to request an increase for this quota."
    )
