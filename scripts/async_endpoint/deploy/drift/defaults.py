"""Attributes that these modules leave at AWS's default: the provider takes the live value over, so a plan is empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.deploy.drift.rows import shown


@dataclass(frozen=True)
class Default:
    """`command` restores the default, with attributes of the resource in braces; values of `unset` mean the default too."""

    value: Any
    command: str
    unset: tuple[Any, ...] = (None, "", 0)


_TOPIC: Final = "aws sns set-topic-attributes --topic-arn {arn} --attribute-name"
# SNS API reference, SetTopicAttributes; SQS, SetQueueAttributes; KMS, EnableKeyRotation.
_DEFAULTS: Final[Mapping[str, Mapping[str, Default]]] = {
    "aws_kms_key": {
        "rotation_period_in_days": Default(365, "aws kms enable-key-rotation --key-id {arn} --rotation-period-in-days 365"),
    },
    "aws_sns_topic": {
        "signature_version": Default(1, f"{_TOPIC} SignatureVersion --attribute-value 1"),
        "tracing_config": Default("PassThrough", f"{_TOPIC} TracingConfig --attribute-value PassThrough"),
    },
    "aws_sqs_queue": {
        "kms_data_key_reuse_period_seconds": Default(
            300, "aws sqs set-queue-attributes --queue-url {url} --attributes KmsDataKeyReusePeriodSeconds=300"
        ),
    },
}


def unlike_default(kind: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Attribute, live value, default and command for what is not at its default of a resource of type `kind`."""
    for attribute, default in _DEFAULTS.get(kind, {}).items():
        live = values.get(attribute)
        if live != default.value and live not in default.unset:
            yield attribute, shown(live), shown(default.value), default.command.format_map(values)
