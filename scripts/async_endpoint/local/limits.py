"""What this local AWS does not emulate, said at its start and in its status."""

from typing import Final

NOT_EMULATED: Final = (
    "who calls: client requests are not checked against IAM (the execution role's acts are)",
    "real-time and serverless endpoints, pipelines, multi-model endpoints, VPC",
    "images: the archive's code runs under sagemaker-inference in a Python process",
    "service quotas and throttling, prices, more than one account",
    "composite alarms, metric math, scheduled scaling, instance metrics such as CPU utilisation",
)
