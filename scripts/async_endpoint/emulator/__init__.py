"""The local AWS: moto's control planes plus SageMaker hosting of our own, in one process on one loopback port.

`sagemaker/` answers the SageMaker APIs, `hosting/` runs endpoints (queue, instances, delivery, metrics), `container/` runs a
model behind /ping and /invocations, `scaling/` evaluates alarms and scaling policies each scaled minute, `persistence/` keeps
the state of `--state-dir`, `faults/` injects failures, `auth/` verifies signatures, `access/` decides what principals may do,
`cloudformation/` makes stacks by calls to all of them, `moto_patches/` corrects moto.
"""

from typing import Final

# Printed at start-up and in the status; docs/local-aws.md has the same list.
NOT_EMULATED: Final = (
    "authorization of callers, unless started with --enforce-iam; the policies of the execution role always decide",
    "inference components, explainers, response streams",
    "a VPC's restrictions, and without an engine network isolation: containers can reach this machine's network",
    "images, unless started with --containers docker or podman: the archive's code runs in a Python process",
    "service quotas, throttling except as an injected fault, prices, more than one account",
    "functions of AWS Lambda, which are stored and never run; API Gateway, Glue, Cognito, X-Ray",
    "jobs, queries, state machines and models of other services, whose calls are refused; rules and schedules of EventBridge",
    "deliveries of SNS other than to SQS; replication, lifecycle, website, logging and inventory of S3",
    "anomaly detection, GPU utilization",
)
