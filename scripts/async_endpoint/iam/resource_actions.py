"""Actions that policies of buckets, topics and queues may name, without their prefix.

Sources: Service Authorization Reference, "Actions, resources, and condition keys" of Amazon S3 and Amazon SQS; SNS developer guide,
"Valid Amazon SNS policy actions" (and Receive, which its default policy has).
"""

from __future__ import annotations

from typing import Final

S3_OBJECT: Final = frozenset(
    """AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion
    DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging
    GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionForReplication
    GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner
    PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging
    ReplicateDelete ReplicateObject ReplicateTags RestoreObject UpdateObjectEncryption""".split()
)
S3_BUCKET: Final = frozenset(
    """CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket DeleteBucketMetadataTableConfiguration DeleteBucketPolicy
    DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS
    GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment
    GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration
    GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket
    ListBucketMultipartUploads ListBucketVersions ListTagsForResource PauseReplication PutAccelerateConfiguration
    PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment
    PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration
    PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration TagResource
    UntagResource UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration""".split()
)
S3_LISTING: Final = frozenset({"ListBucket", "ListBucketVersions"})  # the actions that s3:prefix, s3:delimiter and s3:max-keys limit
SNS_TOPIC: Final = frozenset(
    """AddPermission DeleteTopic GetDataProtectionPolicy GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource Publish
    PutDataProtectionPolicy Receive RemovePermission SetTopicAttributes Subscribe""".split()
)
SQS_QUEUE: Final = frozenset(
    """AddPermission CancelMessageMoveTask ChangeMessageVisibility CreateQueue DeleteMessage DeleteQueue GetQueueAttributes
    GetQueueUrl ListDeadLetterSourceQueues ListMessageMoveTasks ListQueues ListQueueTags PurgeQueue ReceiveMessage
    RemovePermission SendMessage SetQueueAttributes StartMessageMoveTask TagQueue UntagQueue""".split()
)
