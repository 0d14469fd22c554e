"""What moto lacks, mended: one file a gap. moto is pinned, and each gap has a test that fails once upstream has closed it.

bucket_policy.py      conditions of bucket policies                scaling_tags.py     tags of scalable targets
tracking_alarms.py    the alarms of target tracking policies       scalable_target.py  targets of endpoints that exist
scaling_activity.py   DescribeScalingActivities                    metric_samples.py   datapoints, bounded and by metric
scheduled_actions.py  scheduled actions, checked and in AWS time   alarm_history.py    what happened to alarms
sns_to_sqs.py         queue and key policies, dead letters         first_state.py      alarms begin as INSUFFICIENT_DATA
scaling_descriptions.py  scalable targets and policies, complete and in pages
    redrive_policy.py     compact JSON of a queue's redrive policy
repeated_work.py      what never changes, worked out once          tracked_instances.py  objects that nobody needs go
sqs_queue.py          queues that do not slow down as they fill
sns_topics.py         topics that reach all who subscribed, and do not grow as they publish
sns_signature.py      one certificate for all deliveries           s3_denial.py        a denial says AccessDenied
lifecycle_versions.py   how many old versions are kept             autoscaling.py     loads it without ECS
sts_credentials.py      temporary credentials that differ, and whose they are
scalable_dimensions.py  provisioned concurrency                    rule_descriptions.py  of security groups
network_interfaces.py  of instances in a VPC, in use until they go
subscription_attributes.py  those set to nothing are gone
"""

from __future__ import annotations

from async_endpoint.emulator.faults.deliveries import Deliveries
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.moto_patches import (
    alarm_history,
    bucket_policy,
    lifecycle_versions,
    metric_samples,
    redrive_policy,
    repeated_work,
    s3_denial,
    scalable_dimensions,
    scalable_target,
    scaling_activity,
    scaling_descriptions,
    scaling_tags,
    scheduled_actions,
    sns_signature,
    sns_to_sqs,
    sns_topics,
    sqs_queue,
    sts_credentials,
    subscription_attributes,
    tracked_instances,
    tracking_alarms,
)
from async_endpoint.emulator.scaling.samples import Samples
from async_endpoint.emulator.scaling.ticker import Ticker


def apply_patches(hosting: Hosting, samples: Samples, ticker: Ticker, deliveries: Deliveries) -> None:
    """Mend every gap, for the whole process."""
    bucket_policy.apply()
    alarm_history.apply(ticker.alarms, hosting.clock)
    lifecycle_versions.apply()
    metric_samples.apply(samples, hosting.clock)
    redrive_policy.apply()
    repeated_work.apply()
    s3_denial.apply()
    scalable_dimensions.apply()
    scalable_target.apply(hosting, ticker.targets)
    scaling_activity.apply(ticker.targets)
    scaling_descriptions.apply()
    scaling_tags.apply()
    scheduled_actions.apply(hosting)
    sns_signature.apply()
    sns_to_sqs.apply(deliveries)
    sns_topics.apply()
    sqs_queue.apply()
    sts_credentials.apply()
    subscription_attributes.apply()
    tracked_instances.apply()
    tracking_alarms.apply()


def apply_lazily(service: str) -> None:
    """Mend a service that few use and that is slow to load; to be called before the first request to it is answered."""
    if service == "ec2":
        from async_endpoint.emulator.moto_patches import network_interfaces, rule_descriptions  # noqa: PLC0415 - loads moto's EC2

        network_interfaces.apply()
        rule_descriptions.apply()
