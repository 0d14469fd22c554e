"""What moto lacks, mended: one file a gap. moto is pinned, and each gap has a test that fails once upstream has closed it.

bucket_policy.py      conditions of bucket policies                scaling_tags.py     tags of scalable targets
tracking_alarms.py    the alarms of target tracking policies       scalable_target.py  targets of endpoints that exist
scaling_activity.py   DescribeScalingActivities                    metric_samples.py   datapoints, also kept by metric
sns_to_sqs.py         queue and key policies, dead letters         first_state.py      alarms begin as INSUFFICIENT_DATA
    redrive_policy.py     compact JSON of a queue's redrive policy
sqs_queue.py          queues that do not slow down as they fill
sns_topics.py         topics that do not grow as they publish
"""

from __future__ import annotations

from async_endpoint.local.gaps import (
    bucket_policy,
    first_state,
    metric_samples,
    redrive_policy,
    scalable_target,
    scaling_activity,
    scaling_tags,
    sns_to_sqs,
    sns_topics,
    sqs_queue,
    tracking_alarms,
)
from async_endpoint.local.hosting.service import Hosting
from async_endpoint.local.scaling.samples import Samples
from async_endpoint.local.scaling.targets import Targets


def mend(hosting: Hosting, samples: Samples, targets: Targets) -> None:
    """Mend every gap, for the whole process."""
    bucket_policy.mend()
    first_state.mend()
    metric_samples.mend(samples, hosting.clock)
    redrive_policy.mend()
    scalable_target.mend(hosting)
    scaling_activity.mend(targets)
    scaling_tags.mend()
    sns_to_sqs.mend()
    sns_topics.mend()
    sqs_queue.mend()
    tracking_alarms.mend()
