"""What a row of `drift` says of each change of the trials, where its plan is the source.

Each names the attribute, and the value where it is not generated: another row about the same resource proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TRACKING: Final = "target_tracking_scaling_policy_configuration"
_BY_RESOURCE: Final = {
    "aws_sagemaker_endpoint.this": {
        "endpoint: another configuration": "endpoint_config_name recommender-prod-somebodys instead of",
        "endpoint: deployment configuration": "deployment_config none instead of 1 entry",
        "endpoint: tags": "tags_all.environment another instead of prod",
        "endpoint: tag added": "tags_all.owner another instead of none",
    },
    "aws_sagemaker_endpoint_configuration.this": {
        "configuration: tag": "tags_all.owner another instead of none",
        "configuration: concurrency": "async_inference_config.client_config.max_concurrent_invocations_per_instance 9 ",
        "configuration: initial count": "production_variants.initial_instance_count 7 instead of 2",
        "configuration: instance type": "production_variants.instance_type ml.m5.large instead of ml.m5.xlarge",
        "configuration: startup time-out": "production_variants.container_startup_health_check_timeout_in_seconds 61 ",
        "configuration: output path": "async_inference_config.output_config.s3_output_path s3://",
        "configuration: result key": "async_inference_config.output_config.kms_key_id none instead of",
        "configuration: topics": "async_inference_config.output_config.notification_config none instead of 1 entry",
        "configuration: download time-out": "production_variants.model_data_download_timeout_in_seconds 61 instead of",
    },
    "aws_sagemaker_model.this": {
        "model: tag": "tags_all.owner another instead of none",
        "model: environment": "primary_container.environment.SAGEMAKER_PROGRAM (not shown)",
        "model: image": "primary_container.image ",
        "model: isolation": "enable_network_isolation true instead of false",
    },
    "aws_cloudwatch_log_group.this": {
        "log group: tag": "tags_all.owner another instead of none",
        "log group: retention": "retention_in_days 3653 instead of 90",
        "log group deleted": "does not exist",
        "log group: no retention": "retention_in_days 0 instead of 90",
    },
    'aws_appautoscaling_policy.tracking["primary/backlog_per_instance"]': {
        "tracking policy: target": f"{_TRACKING}.target_value 500 instead of 5",
        "tracking policy: scale-in cooldown": f"{_TRACKING}.scale_in_cooldown 3000 instead of",
        "tracking policy: scale-out cooldown": f"{_TRACKING}.scale_out_cooldown 3000 instead of",
        "tracking policy: metric": f"{_TRACKING}.customized_metric_specification.metric_name InvocationsPerInstance instead of",
        "tracking policy: scaling in disabled": f"{_TRACKING}.disable_scale_in true instead of false",
    },
    'aws_appautoscaling_policy.wake["primary"]': {
        "wake policy deleted": "does not exist",
        "wake policy: adjustment": "step_scaling_policy_configuration.step_adjustment.scaling_adjustment 0 instead of 1",
        "wake policy: cooldown": "step_scaling_policy_configuration.cooldown 3000 instead of",
    },
    'aws_appautoscaling_scheduled_action.this["primary/morning"]': {
        "scheduled action: bounds": "scalable_target_action.min_capacity 2 instead of 1",
    },
    'aws_appautoscaling_scheduled_action.this["primary/evening"]': {
        "scheduled action deleted": "does not exist",
        "scheduled action: time": "schedule cron(0 1 ? * MON-FRI *) instead of",
        "scheduled action: time zone": "timezone Asia/Tokyo instead of",
        "scheduled action: end": "end_time 2099-01-01T00:00:00Z instead of none",
    },
    'aws_cloudwatch_metric_alarm.wake["primary"]': {
        "wake alarm: threshold": "threshold 99 instead of 1",
        "wake alarm: metric": "metric_name ApproximateBacklogSize instead of HasBacklogWithoutCapacity",
        "wake alarm: actions": "alarm_actions none instead of 1 entry",
        "wake alarm: periods": "datapoints_to_alarm 60 instead of 2",
        "wake alarm: missing data": "treat_missing_data ignore instead of missing",
        "wake alarm deleted": "does not exist",
    },
    'aws_cloudwatch_metric_alarm.this["backlog"]': {
        "alarm: tag": "tags_all.owner another instead of none",
        "alarm: description": "alarm_description another's instead of",
        "alarm: action when it is over": "ok_actions 1 entry instead of none",
        "alarm: period": "period 86400 instead of 60",
        "alarm: threshold": "threshold 1000000 instead of 100",
        "alarm: actions": "alarm_actions 1 entry instead of none",
        "alarm: dimensions": "dimensions.EndpointName another instead of recommender-prod",
        "alarm: missing data": "treat_missing_data breaching instead of notBreaching",
    },
    'aws_cloudwatch_metric_alarm.this["memory/primary"]': {
        "alarm: actions enabled": "actions_enabled false instead of true",
    },
    'aws_cloudwatch_metric_alarm.this["disk/primary"]': {
        "alarm: statistic": "statistic Minimum instead of Maximum",
    },
    'aws_cloudwatch_metric_alarm.this["cpu/primary"]': {
        "alarm deleted": "does not exist",
    },
    "aws_cloudwatch_dashboard.this[0]": {
        "dashboard": "dashboard_body a document of 15 characters instead of",
        "dashboard deleted": "does not exist",
    },
    "aws_s3_bucket_policy.this[0]": {
        "bucket: policy": "does not exist",
        "bucket: policy with another statement": "policy a document of 474 characters instead of",
    },
    "aws_s3_bucket_public_access_block.this[0]": {
        "bucket: public access": "restrict_public_buckets false instead of true",
        "bucket: one flag of public access": "block_public_acls false instead of true",
    },
    "aws_s3_bucket_versioning.this[0]": {
        "bucket: versioning": "versioning_configuration.status Suspended instead of Enabled",
    },
    "aws_s3_bucket_server_side_encryption_configuration.this[0]": {
        "bucket: encryption": "rule.apply_server_side_encryption_by_default.sse_algorithm AES256 instead of aws:kms",
    },
    "aws_s3_bucket_lifecycle_configuration.this[0]": {
        "bucket: lifecycle": "rule 1 entry instead of 4 entries",
        "lifecycle: a rule added": "rule 5 entries instead of 4 entries",
        "lifecycle: a rule disabled": "rule[0].status Disabled instead of Enabled",
    },
    "aws_s3_bucket_ownership_controls.this[0]": {
        "bucket: ownership": "rule.object_ownership ObjectWriter instead of BucketOwnerEnforced",
    },
    "aws_s3_bucket.this[0]": {
        "bucket: tags": "tags_all.environment another instead of prod",
        "bucket: replication": "replication_configuration 1 entry instead of none",
        "bucket: CORS": "cors_rule 1 entry instead of none",
        "bucket: website": "website 1 entry instead of none",
        "bucket: acceleration": "acceleration_status Enabled instead of Suspended",
        "bucket: logging": "logging 1 entry instead of none",
        "bucket: tag added": "tags_all.owner another instead of none",
    },
    "aws_kms_key.this[0]": {
        "key: rotation": "enable_key_rotation false instead of true",
        "key: rotation period": "rotation_period_in_days 2560 instead of 365",
        "key: description": "description another's instead of",
        "key: policy": "policy a document of 164 characters instead of",
        "key: disabled": "is_enabled false instead of true",
        "key: pending deletion": "does not exist",
        "key: policy with another statement": "policy a document of 939 characters instead of",
        "key: tag added": "tags_all.owner another instead of none",
    },
    "aws_kms_alias.this[0]": {
        "key alias": "target_key_id ",
        "key alias deleted": "does not exist",
    },
    'aws_sns_topic_policy.this["success"]': {
        "topic: policy": "policy a document of 290 characters instead of",
        "topic: policy with another statement": "policy a document of 963 characters instead of",
    },
    'aws_sns_topic.this["success"]': {
        "topic: tag": "tags_all.owner another instead of none",
        "topic: tracing": "tracing_config Active instead of PassThrough",
        "topic: signature version": "signature_version 2 instead of 1",
        "topic: key": "kms_master_key_id alias/aws/sns instead of",
        "topic: display name": "display_name another instead of none",
        "topic: delivery policy": "delivery_policy a document of ",
    },
    'aws_sns_topic_subscription.results["success"]': {
        "subscription: filter": "filter_policy a document of 24 characters instead of none",
        "subscription: raw delivery": "raw_message_delivery true instead of false",
        "subscription: dead letters": "redrive_policy a document of 69 characters instead of",
    },
    "aws_sqs_queue.results": {
        "queue: tag": "tags_all.owner another instead of none",
        "queue: reuse of data keys": "kms_data_key_reuse_period_seconds 86400 instead of 300",
        "queue: redrive-allow policy": "redrive_allow_policy a document of 31 characters instead of none",
        "results queue: policy": "policy a document of 105 characters instead of",
        "results queue: visibility": "visibility_timeout_seconds 1 instead of 60",
        "results queue: retention": "message_retention_seconds 60 instead of 1209600",
        "results queue: key": "kms_master_key_id alias/aws/sqs instead of",
        "results queue: redrive": "redrive_policy a document of ",
        "results queue: delay": "delay_seconds 900 instead of 0",
        "results queue: largest message": "max_message_size 1024 instead of 262144",
    },
    "aws_sqs_queue.dead_letters": {
        "dead letters: policy": "policy a document of 105 characters instead of",
        "dead letters: retention": "message_retention_seconds 60 instead of 1209600",
    },
    "aws_iam_role_policy.execution[0]": {
        "role: own policy": "policy a document of ",
    },
    "aws_iam_role.execution[0]": {
        "role: trust policy": "assume_role_policy a document of ",
        "role: boundary": "permissions_boundary ",
        "role: longest session": "max_session_duration 43200 instead of 3600",
        "role: tag": "tags_all.owner another instead of none",
        "role: no boundary": "permissions_boundary none instead of",
        "role: description": "description another's instead of",
    },
    'aws_iam_policy.this["collector"]': {
        "managed policy: tag": "tags_all.owner another instead of none",
    },
    'aws_iam_policy.this["caller"]': {
        "managed policy": "policy a document of 99 characters instead of",
    },
    "aws_iam_policy.boundary[0]": {
        "boundary policy": "policy a document of 2252 characters instead of",
    },
    'aws_appautoscaling_target.scheduled["primary"]': {
        "scalable target: tag": "tags_all.owner another instead of none",
    },
}
PLANNED_ROWS: Final[Mapping[str, str]] = {
    name: f"{address} {'' if says == 'does not exist' else 'has '}{says}"
    for address, rows in _BY_RESOURCE.items()
    for name, says in rows.items()
}
