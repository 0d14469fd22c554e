"""What this local AWS does not emulate, said at its start and in its status."""

from typing import Final

NOT_EMULATED: Final = (
    "what callers may do: their signatures are verified, their IAM policies are not evaluated (the execution role's are)",
    "inference components, explainers, response streams",
    "what a VPC, its security groups and network isolation cut off: containers reach this machine's network all the same",
    "images, unless started with --containers docker or podman: the archive's code runs in a Python process",
    "service quotas, throttling but for the fault of that name, prices, more than one account",
    "composite alarms, metric math, GPU utilisation",
)
