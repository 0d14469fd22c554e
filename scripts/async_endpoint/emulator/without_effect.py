"""What moto answers for services that do nothing here: refused where it would be made up, reported where it is a store.

moto returns canned results for models of other services (Textract, Comprehend, …) and for jobs that nothing runs (queries,
builds, state machines): a program would pass here with results that no service computed. These calls are refused by name.
Resources that are only stored deploy as on AWS; `local status` says for each kind that was created what it does not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CANNED_SERVICES: Final = frozenset(
    ("bedrock-runtime", "comprehend", "forecast", "personalize", "polly", "rekognition", "textract", "transcribe", "translate")
)
# By signing name: services that moto serves only where packages are installed that it does not require. Packages of other
# programs must not change what the local AWS serves.
_NEEDS_OTHER_PACKAGES: Final = frozenset(("apigateway", "appsync", "cognito-idp", "glue", "osis", "xray"))
_CONFIGURATIONS: Final = ("Analytics", "IntelligentTiering", "Metrics")
# Actions of jobs and commands that nothing executes, and one whose response is invalid, by signing name.
_NEVER_RUN: Final = {
    "athena": frozenset(("StartQueryExecution",)),
    "batch": frozenset(("SubmitJob",)),
    "codebuild": frozenset(("StartBuild",)),
    "ecs": frozenset(("RunTask", "StartTask")),
    "elasticmapreduce": frozenset(("RunJobFlow",)),
    "emr-serverless": frozenset(("StartJobRun",)),
    "rds-data": frozenset(("BatchExecuteStatement", "ExecuteStatement")),
    "redshift-data": frozenset(("ExecuteStatement",)),
    "ssm": frozenset(("SendCommand",)),
    "states": frozenset(("StartExecution", "StartSyncExecution")),
    "timestream-influxdb": frozenset(("CreateDbParameterGroup",)),  # answered with an empty union, which no SDK can read
}
# Actions of S3 whose subresource moto does not know: it would create, list, read, overwrite or delete the bucket or the object.
# GetBucketRequestPayment, which Terraform sends for every bucket, is answered without a payer.
_MISTAKEN: Final = frozenset(
    (
        *(f"{verb}Bucket{kind}Configuration" for verb in ("Delete", "Get", "Put") for kind in _CONFIGURATIONS),
        *(f"ListBucket{kind}Configurations" for kind in _CONFIGURATIONS),
        *(f"{verb}BucketMetadata{kind}Configuration" for verb in ("Create", "Delete", "Get") for kind in ("", "Table")),
        *(f"UpdateBucketMetadata{kind}TableConfiguration" for kind in ("Annotation", "Inventory", "Journal")),
        *(f"{verb}ObjectAnnotation" for verb in ("Delete", "Get", "Put")),
        "CreateSession", "DeleteBucketInventoryConfiguration", "GetBucketAbac", "GetObjectRetention", "GetObjectTorrent",
        "ListObjectAnnotations", "PutBucketAbac", "PutBucketRequestPayment", "RenameObject", "UpdateObjectEncryption",
    )
)  # fmt: skip
# What resources that are only stored do not do, by the action that creates them.
_STORED: Final = {
    ("autoscaling", "CreateAutoScalingGroup"): "Amazon EC2 Auto Scaling groups launch nothing",
    ("ec2", "RunInstances"): "instances of Amazon EC2 are never started",
    ("ecs", "CreateService"): "services of Amazon ECS run no task",
    ("elasticfilesystem", "CreateFileSystem"): "file systems of Amazon EFS hold nothing",
    ("events", "PutRule"): "rules of EventBridge never fire by schedule, nor for events of AWS services",
    ("firehose", "CreateDeliveryStream"): "Firehose transforms nothing",
    ("lambda", "CreateFunction"): "functions of AWS Lambda never run",
    ("s3", "PutBucketAccelerateConfiguration"): "acceleration of S3 buckets has no effect",
    ("s3", "PutBucketInventoryConfiguration"): "inventories of S3 buckets are never written",
    ("s3", "PutBucketLifecycleConfiguration"): "lifecycle rules of S3 buckets expire nothing",
    ("s3", "PutBucketLogging"): "access logs of S3 buckets are not written",
    ("s3", "PutBucketReplication"): "S3 buckets are not replicated",
    ("s3", "PutBucketWebsite"): "S3 buckets serve no website",
    ("scheduler", "CreateSchedule"): "schedules of EventBridge Scheduler never fire",
    ("secretsmanager", "RotateSecret"): "secrets are not rotated",
    ("ses", "SendEmail"): "Amazon SES sends no e-mail",
    ("sns", "CreatePlatformEndpoint"): "Amazon SNS pushes nothing to devices",
    ("states", "CreateStateMachine"): "state machines are stored, and their executions refused",
}


def is_refused(service: str, action: str) -> bool:
    """Whether a call is refused although moto may answer it: with a result that nothing computed, by carrying out another call
    in its place, or only by chance of what is installed.
    """
    return (
        service in _CANNED_SERVICES | _NEEDS_OTHER_PACKAGES
        or action in _NEVER_RUN.get(service, ())
        or (service == "s3" and action in _MISTAKEN)
    )


def stored_without_effect(calls: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What resources that were created do not do, by the counts of calls {service: {action: calls}}."""
    return sorted(sentence for (service, action), sentence in _STORED.items() if calls.get(service, {}).get(action))
