"""The tables of docs/local-aws.md that say of each API action how it is answered."""

from __future__ import annotations

from collections.abc import Mapping

from support.documents import Document, coded, rows

# Headings of the tables, and botocore's names of the services whose actions they list.
SERVICES = {
    "SageMaker": ["sagemaker"],
    "SageMaker Runtime": ["sagemaker-runtime"],
    "Application Auto Scaling": ["application-autoscaling"],
    "CloudFormation": ["cloudformation"],
    "CloudWatch": ["cloudwatch"],
    "CloudWatch Logs": ["logs"],
    "S3": ["s3"],
    "SNS": ["sns"],
    "SQS": ["sqs"],
    "IAM and STS": ["iam", "sts"],
    "KMS": ["kms"],
    "Service Quotas": ["service-quotas"],
    "Resource Groups Tagging": ["resourcegroupstaggingapi"],
}


def actions(document: Document, heading: str) -> set[str]:
    """The actions of one table; fails when one of them has two rows."""
    named = [name for cell, *_ in rows(document.section(heading)) for name in coded(cell)]
    assert len(named) == len(set(named)), "an action has two rows"
    return set(named)


def undocumented(document: Document, calls: Mapping[str, Mapping[str, int]]) -> set[str]:
    """The calls that a local AWS counted, {service: {action: calls}}, and that no table has."""
    listed = {service: actions(document, heading) for heading, services in SERVICES.items() for service in services}
    return {
        f"{service} {action}" for service, counted in calls.items() for action in counted.keys() - listed.get(service, set())
    }
