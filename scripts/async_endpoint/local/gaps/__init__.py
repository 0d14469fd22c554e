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

from async_endpoint.local.faults.deliveries import Deliveries
from async_endpoint.local.gaps import (
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
from async_endpoint.local.hosting.service import Hosting
from async_endpoint.local.scaling.samples import Samples
from async_endpoint.local.scaling.ticker import Ticker


def mend(hosting: Hosting, samples: Samples, ticker: Ticker, deliveries: Deliveries) -> None:
    """Mend every gap, for the whole process."""
    bucket_policy.mend()
    alarm_history.mend(ticker.alarms, hosting.clock)
    lifecycle_versions.mend()
    metric_samples.mend(samples, hosting.clock)
    redrive_policy.mend()
    repeated_work.mend()
    s3_denial.mend()
    scalable_dimensions.mend()
    scalable_target.mend(hosting, ticker.targets)
    scaling_activity.mend(ticker.targets)
    scaling_descriptions.mend()
    scaling_tags.mend()
    scheduled_actions.mend(hosting)
    sns_signature.mend()
    sns_to_sqs.mend(deliveries)
    sns_topics.mend()
    sqs_queue.mend()
    sts_credentials.mend()
    subscription_attributes.mend()
    tracked_instances.mend()
    tracking_alarms.mend()


def mend_when_used(service: str) -> None:
    """Mend a service that few use and that is slow to load; to be called before the first request to it is answered."""
    if service == "ec2":
        from async_endpoint.local.gaps import network_interfaces, rule_descriptions  # noqa: PLC0415 - loads moto's EC2

        network_interfaces.mend()
        rule_descriptions.mend()
