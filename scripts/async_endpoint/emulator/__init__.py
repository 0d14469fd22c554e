"""The local AWS: moto's control planes plus SageMaker hosting of our own, in one process on one loopback port.

`sagemaker/` answers the SageMaker APIs, `hosting/` runs endpoints (queue, instances, delivery, metrics), `container/` runs a
model behind /ping and /invocations, `scaling/` evaluates alarms and scaling policies each scaled minute, `persistence/` keeps
the state of `--state-dir`, `faults/` injects failures, `auth/` verifies signatures, `access/` decides what principals may do,
`cloudformation/` makes stacks by calls to all of them, `moto_patches/` corrects moto.
"""

from typing import Final

_WITHOUT_IAM: Final = (
    "authorization of callers, unless started with --enforce-iam; the policies of the execution role always decide"
)
_WITHOUT_ENGINE: Final = (
    "images, unless started with --containers docker or podman: the archive's code runs in a Python process"
)

# Printed at start-up and in the status; docs/local-aws.md has the same list.
NOT_EMULATED: Final = (
    _WITHOUT_IAM,
    "inference components, explainers, response streams",
    "a VPC's restrictions, and without an engine network isolation: containers can reach this machine's network",
    _WITHOUT_ENGINE,
    "service quotas, throttling except as an injected fault, prices, more than one account",
    "functions of AWS Lambda, which are stored and never run; API Gateway, Glue, Cognito, X-Ray",
    "jobs, queries, state machines and models of other services, whose calls are refused; rules and schedules of EventBridge",
    "deliveries of SNS other than to SQS; replication, lifecycle, website, logging and inventory of S3",
    "anomaly detection, GPU utilization",
)


def not_emulated(*, enforces_iam: bool, runs_images: bool) -> tuple[str, ...]:
    """NOT_EMULATED without the lines that the options of this local AWS make untrue."""
    untrue = {_WITHOUT_IAM: enforces_iam, _WITHOUT_ENGINE: runs_images}
    return tuple(line for line in NOT_EMULATED if not untrue.get(line))
