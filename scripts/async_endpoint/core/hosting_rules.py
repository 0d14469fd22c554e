"""Preconditions of SageMaker's hosting APIs that AWS and this project check: stated once, for the local AWS.

The Terraform modules refuse the same at plan time; tests/modules/test_shared_rules.py compares both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

# --- images and packages ----------------------------------------------------------------------------------------------

# An image in Amazon ECR, with a tag or digest. Without, it is invalid (amazon-sagemaker-examples, issue 195); one of another
# registry requires access through the model's VPC (sagemaker-python-sdk, pull request 4700).
ECR_IMAGE_PATTERN: Final = r"^[0-9]{12}\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.[a-z.]+/[^:@]+[:@].+$"

_ECR_IMAGE = re.compile(r"^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z.]+/")
_PACKAGE_ARN = re.compile(r"^arn:[a-z-]+:sagemaker:([a-z0-9-]+):(\d{12}):model-package/")

# Accounts that own the packages of AWS Marketplace and SageMaker JumpStart, one for each region (terraform-provider-aws,
# model_test.go, region_account_map).
MARKETPLACE_ACCOUNTS: Final = frozenset(
    {
        "057799348421", "077584701553", "136758871317", "192199979996", "270155090741", "382657785993", "446921602837",
        "470592106596", "594846645681", "666831318237", "745090734665", "843114510376", "856760150666", "865070037744",
        "977537786026", "985815980388",
    }
)  # fmt: skip


def is_ecr_image(image: str) -> bool:
    """Whether an image is in Amazon ECR, named with a tag or digest."""
    return bool(re.match(ECR_IMAGE_PATTERN, image))


def image_region(image: str) -> str | None:
    """The region of an image in Amazon ECR; None for an image of another registry."""
    found = _ECR_IMAGE.match(image)
    return found[2] if found else None


def is_marketplace(source: str) -> bool:
    """Whether an image URI or the ARN of a model package belongs to AWS Marketplace."""
    account = ((found := _ECR_IMAGE.match(source)) and found[1]) or ((found := _PACKAGE_ARN.match(source)) and found[2])
    return account in MARKETPLACE_ACCOUNTS


# Buckets that SageMaker names by region: the SDK's default bucket, and those of SageMaker JumpStart.
REGIONAL_BUCKET_PATTERN: Final = (
    r"^(?:sagemaker-([a-z]{2}(?:-[a-z]+)+-[0-9])-[0-9]{12}"
    r"|jumpstart-(?:private-)?cache-prod-([a-z]{2}(?:-[a-z]+)+-[0-9]))$"
)


def bucket_region(bucket: str) -> str | None:
    """The region that the name of a bucket of SageMaker's SDK or of JumpStart states; None for other names."""
    found = re.match(REGIONAL_BUCKET_PATTERN, bucket)
    return (found[1] or found[2]) if found else None


# A standard topic: hosting publishes without the MessageGroupId that FIFO topics require (A190).
STANDARD_TOPIC_PATTERN: Final = r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$"


def is_standard_topic(arn: str) -> bool:
    """Whether a topic's ARN is that of a standard topic, not of a FIFO topic."""
    return bool(re.match(STANDARD_TOPIC_PATTERN, arn))


# --- instance types ---------------------------------------------------------------------------------------------------

# Families with local NVMe storage: a d among the family's attributes (m5d, g4dn, p4de), and families that always have it
# (Amazon EC2 instance types, "Instance store specifications").
LOCAL_STORAGE_PATTERN: Final = (
    r"^ml\.(?:[a-z]+[0-9]+[a-z]*d[a-z]*|dl1|gr?[5-7][a-z]*|p5[a-z]*|p6[a-z]*-[a-z0-9]+|trn[12][a-z]*)\."
)
_LOCAL_STORAGE = re.compile(LOCAL_STORAGE_PATTERN)


def has_local_storage(instance_type: str) -> bool:
    """Whether a SageMaker instance type has local NVMe storage.

    Its size is fixed and no customer key encrypts it, so SageMaker refuses VolumeSizeInGB (sagemaker-python-sdk, pull request
    4828) and KmsKeyId (issue 3677).
    """
    return bool(_LOCAL_STORAGE.match(instance_type))


# Burstable families, T2 and its successors: not for automatic scaling (developer guide, "Configure model autoscaling with the
# console": Note).
BURSTABLE_PATTERN: Final = r"^ml\.t[0-9]"


def is_burstable(instance_type: str) -> bool:
    """Whether an instance type has burstable performance, so that Application Auto Scaling refuses its variants."""
    return bool(re.match(BURSTABLE_PATTERN, instance_type))


# --- deployment guardrails --------------------------------------------------------------------------------------------


_ARM64 = re.compile(r"^ml\.(?:[a-z]+[0-9]+g[a-z]*|p6e-gb[0-9]+)\.")


def architecture(instance_type: str) -> str:
    """The processor architecture of an instance type, as image manifests name it: arm64 (AWS Graviton and Grace) or amd64."""
    return "arm64" if _ARM64.match(instance_type) else "amd64"


class TrafficRouting(Enum):
    """How an update shifts traffic. The first three are TrafficRoutingConfig.Type; ROLLING is a RollingUpdatePolicy."""

    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"
    ROLLING = "ROLLING"


MAX_EXECUTION_SECONDS: Final = 28_800  # MaximumExecutionTimeoutInSeconds (botocore 1.44.5)

# The allowed step sizes, in percent of the variant's instances (API reference).
STEP_PERCENT: Final = {TrafficRouting.CANARY: (0, 50), TrafficRouting.LINEAR: (10, 50), TrafficRouting.ROLLING: (5, 50)}


@dataclass(frozen=True)
class CapacitySize:
    """CapacitySize: a number of instances, or a percentage of them."""

    value: int
    percent: bool

    def of(self, total: int) -> int:
        """The number of instances of `total`, from 1 to `total`. Rounding up is assumed (A81)."""
        return max(min(math.ceil(total * self.value / 100) if self.percent else self.value, total), 1)

    def share(self, total: int) -> float:
        """The requested percentage of `total`."""
        return self.value if self.percent else 100 * self.value / max(total, 1)


def step_fits(mode: TrafficRouting, step: CapacitySize, total: int) -> bool:
    """Whether a step is within the limits of `mode`, and at least one of a variant's `total` instances."""
    low, high = STEP_PERCENT[mode]
    return low <= step.share(total) <= high and (not step.percent or step.value * total >= 100)


def traffic_stages(mode: TrafficRouting, step: CapacitySize | None, total: int) -> list[int]:
    """How many of a variant's `total` new instances receive traffic after each step; the last step has all."""
    if step is None or mode is TrafficRouting.ALL_AT_ONCE:
        return [total]
    size = step.of(total)
    steps = [size] if mode is TrafficRouting.CANARY else [*range(size, total, size)]
    return [*(taken for taken in steps if taken < total), total]


def waiting_seconds(
    mode: TrafficRouting, step: CapacitySize | None, totals: Iterable[int], wait: float, termination_wait: float
) -> float:
    """The seconds that an update waits in all, beside starting instances, for variants of `totals` instances.

    MaximumExecutionTimeoutInSeconds must be larger (API reference, BlueGreenUpdatePolicy). A wait follows each step, the last
    one included (A80). A rolling update has no termination wait.
    """
    steps = max((len(traffic_stages(mode, step, total)) for total in totals), default=1)
    return steps * wait + (0 if mode is TrafficRouting.ROLLING else termination_wait)
