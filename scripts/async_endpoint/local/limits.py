"""What this local AWS does not emulate, said at its start and in its status."""

from typing import Final

NOT_EMULATED: Final = (
    "who calls: client requests are not checked against IAM (the execution role's acts are)",
    "inference components, VPC, data capture, explainers, response streams",
    "canary, linear and rolling updates: all traffic moves at once",
    "images, unless started with --containers docker or podman: the archive's code runs in a Python process",
    "service quotas, throttling but for the fault of that name, prices, more than one account",
    "composite alarms, metric math, instance metrics such as CPU utilisation",
)
