variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts topics and the results queue. Its policy must let sns.amazonaws.com decrypt and generate data keys."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "Variable kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id): an alias or a key id does not identify its account."
  }
}

variable "name" {
  description = "Prefix of the names of topics and queues: 1 to 64 letters, digits, hyphens and underscores."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "Variable name must be 1 to 64 letters, digits, hyphens and underscores, so that generated queue names stay within 80 characters."
  }
}

# Service models of botocore 1.44.5: topics of up to 256 letters, digits, hyphens and underscores, queues of up to 80.
variable "names" {
  description = <<-TEXT
    Names of resources that exist and are imported, instead of those derived from name.
    - `dead_letter_queue`: Name of the dead letter queue.
    - `error_topic`: Name of the topic for failed requests. It stays as it is, but for its policy with notifications.replace_topic_policies.
    - `results_queue`: Name of the results queue. Its policy, encryption and redrive policy become those of a created one.
    - `success_topic`: Name of the topic for completed requests, likewise; it may be the same topic.
  TEXT
  type = object({
    dead_letter_queue = optional(string)
    error_topic       = optional(string)
    results_queue     = optional(string)
    success_topic     = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in [var.names.error_topic, var.names.success_topic] : name == null || can(regex("^[A-Za-z0-9_-]{1,256}$", name))])
    error_message = "Fields names.error_topic and names.success_topic must be names of standard topics, not ARNs: 1 to 256 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = alltrue([for name in [var.names.dead_letter_queue, var.names.results_queue] : name == null || can(regex("^[A-Za-z0-9_-]{1,80}$", name))])
    error_message = "Fields names.dead_letter_queue and names.results_queue must be names of standard queues, not URLs: 1 to 80 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = coalesce(var.names.dead_letter_queue, "${var.name}-dead-letters") != coalesce(var.names.results_queue, "${var.name}-results")
    error_message = "Give different queues in names.dead_letter_queue and names.results_queue: a queue cannot move its messages to itself."
  }

  validation {
    condition = (
      (var.names.error_topic == null || (var.notifications.topics.error == null && var.notifications.topics.both == null))
      && (var.names.success_topic == null || (var.notifications.topics.success == null && var.notifications.topics.both == null))
    )
    error_message = "Give names.error_topic and names.success_topic for topics that are imported and belong to this deployment from then on, or notifications.topics for those that stay their owner's; not both for one outcome."
  }

  validation {
    condition     = (var.names.error_topic == null && var.names.success_topic == null) || var.notifications.replace_topic_policies != null
    error_message = "State in notifications.replace_topic_policies whether the policies of the topics in names are replaced: false leaves them as they are; true admits the execution role as the only publisher, and the plan does not show who was admitted before."
  }

  validation {
    condition     = var.names.error_topic == null || try(var.names.error_topic != var.names.success_topic, true) || alltrue([for subscription in var.notifications.subscriptions : length(subscription.outcomes) == 2])
    error_message = "Remove outcomes from notifications.subscriptions, and filter by invocationStatus in filter_policy: the topic of names.error_topic and names.success_topic delivers both outcomes."
  }
}

variable "notifications" {
  description = <<-TEXT
    The results queue, further subscriptions, and topics of your own.
    - `max_receives`: Receives after which a message moves to the dead letter queue: 1 to 1000.
    - `raw_message_delivery`: Whether the results queue receives messages without the SNS envelope, and so without its signature.
    - `replace_topic_policies`: Whether the policies of topics in names are replaced by those of created topics; required for such topics.
    - `restrict_publishers`: Whether to deny every publisher but publisher_role_arns on topics whose policies are managed here, and every sender but the topics on the results queue.
    - `retention_days`: Days that the results queue keeps a message: 1 to 14.
    - `subscriptions`: Further subscribers, by name. Undeliverable messages go to the dead letter queue.
    - `subscriptions.*.endpoint`: Where to deliver: an email address, an https URL, or the ARN of a Lambda function or SQS queue. A queue's own policy must admit sqs:SendMessage by sns.amazonaws.com.
    - `subscriptions.*.filter_policy`: Filter on the message body, in JSON, such as jsonencode({ inferenceId = [{ prefix = "nightly-" }] }); null delivers everything.
    - `subscriptions.*.outcomes`: Outcomes to deliver: error, success or both.
    - `subscriptions.*.protocol`: Protocol: email, https, lambda or sqs.
    - `subscriptions.*.raw_message_delivery`: Whether to deliver without the SNS envelope. For https and sqs.
    - `topics`: Existing standard topics to use instead of creating them, in this account and region. Their policies and encryption are not changed.
    - `topics.both`: One topic for both outcomes.
    - `topics.both.arn`: ARN of the topic.
    - `topics.both.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `topics.error`: Topic for failed requests.
    - `topics.error.arn`: ARN of the topic.
    - `topics.error.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `topics.success`: Topic for completed requests.
    - `topics.success.arn`: ARN of the topic.
    - `topics.success.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `visibility_timeout_seconds`: Seconds that a received message stays hidden from other consumers: 0 to 43200.
  TEXT
  type = object({
    max_receives           = optional(number, 5)
    raw_message_delivery   = optional(bool, false)
    replace_topic_policies = optional(bool)
    restrict_publishers    = optional(bool, true)
    retention_days         = optional(number, 4)
    subscriptions = optional(map(object({
      endpoint             = string
      filter_policy        = optional(string)
      outcomes             = optional(set(string), ["error", "success"])
      protocol             = string
      raw_message_delivery = optional(bool, false)
    })), {})
    topics = optional(object({
      both = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
      error = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
      success = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
    }), {})
    visibility_timeout_seconds = optional(number, 60)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.notifications.max_receives >= 1 && var.notifications.max_receives <= 1000
    error_message = "Field notifications.max_receives must be from 1 to 1000 receives before a message moves to the dead letter queue."
  }

  validation {
    condition     = var.notifications.retention_days >= 1 && var.notifications.retention_days <= 14
    error_message = "Field notifications.retention_days must be from 1 to 14 days, the longest Amazon SQS keeps a message."
  }

  validation {
    condition     = var.notifications.visibility_timeout_seconds >= 0 && var.notifications.visibility_timeout_seconds <= 43200
    error_message = "Field notifications.visibility_timeout_seconds must be from 0 to 43200 seconds (12 hours)."
  }

  validation {
    condition     = alltrue([for name in keys(var.notifications.subscriptions) : can(regex("^[A-Za-z0-9_-]{1,32}$", name))])
    error_message = "Names in notifications.subscriptions must be 1 to 32 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = alltrue([for subscription in var.notifications.subscriptions : contains(["email", "https", "lambda", "sqs"], subscription.protocol)])
    error_message = "Field protocol in notifications.subscriptions must be email, https, lambda or sqs; plain http is not encrypted, and messages are too long for SMS."
  }

  validation {
    condition = alltrue([
      for subscription in var.notifications.subscriptions : can(regex(lookup({
        email  = "^[^@\\s]+@[^@\\s]+$"
        https  = "^https://\\S+$"
        lambda = "^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[^:]+(:[^:]+)?$"
        sqs    = "^arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$"
      }, subscription.protocol, ""), subscription.endpoint))
    ])
    error_message = "Field endpoint in notifications.subscriptions must suit its protocol: an address for email, a URL for https, the ARN of a function for lambda, the ARN of a queue for sqs."
  }

  validation {
    condition     = alltrue([for subscription in var.notifications.subscriptions : !endswith(subscription.endpoint, ":$LATEST")])
    error_message = "Field endpoint in notifications.subscriptions must be a function, an alias or a version: AWS Lambda grants no permission on $LATEST. Remove :$LATEST."
  }

  validation {
    condition     = alltrue([for subscription in var.notifications.subscriptions : !endswith(subscription.endpoint, ".fifo")])
    error_message = "Field endpoint in notifications.subscriptions must not be a FIFO queue: Amazon SageMaker publishes to standard topics, which deliver to standard queues."
  }

  validation {
    condition     = alltrue([for subscription in var.notifications.subscriptions : can(keys(jsondecode(subscription.filter_policy))) if subscription.filter_policy != null])
    error_message = "Field filter_policy in notifications.subscriptions must be a JSON object, such as jsonencode({ invocationStatus = [\"Failed\"] })."
  }

  validation {
    condition     = alltrue([for subscription in var.notifications.subscriptions : length(subscription.outcomes) > 0 && length(setsubtract(subscription.outcomes, ["error", "success"])) == 0])
    error_message = "Field outcomes in notifications.subscriptions must hold error, success or both."
  }

  validation {
    condition     = alltrue([for subscription in var.notifications.subscriptions : !subscription.raw_message_delivery || contains(["https", "sqs"], subscription.protocol)])
    error_message = "Field raw_message_delivery in notifications.subscriptions is for https and sqs; Amazon SNS rejects it for other protocols."
  }

  validation {
    condition     = alltrue([for topic in values(var.notifications.topics) : !endswith(topic.arn, ".fifo") if topic != null])
    error_message = "Amazon SageMaker does not publish to FIFO topics; give standard topics in notifications.topics.error.arn and notifications.topics.success.arn."
  }

  validation {
    condition     = alltrue([for topic in values(var.notifications.topics) : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$", topic.arn)) if topic != null])
    error_message = "Fields notifications.topics.error.arn and notifications.topics.success.arn must be ARNs of topics, such as arn:aws:sns:region:account:name."
  }

  validation {
    condition     = var.notifications.topics.error == null || try(var.notifications.topics.error.arn != var.notifications.topics.success.arn, true)
    error_message = "Give one topic for both outcomes in notifications.topics.both, or different ones in notifications.topics.error and notifications.topics.success."
  }

  validation {
    condition     = var.notifications.topics.both == null || (var.notifications.topics.error == null && var.notifications.topics.success == null)
    error_message = "Give notifications.topics.both alone, or notifications.topics.error and notifications.topics.success without it."
  }

  validation {
    condition     = var.notifications.topics.both == null || alltrue([for subscription in var.notifications.subscriptions : length(subscription.outcomes) == 2])
    error_message = "Remove outcomes from notifications.subscriptions, and filter by invocationStatus in filter_policy: notifications.topics.both delivers both outcomes."
  }

  validation {
    condition     = alltrue([for topic in values(var.notifications.topics) : topic.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", topic.kms_key_arn)) if topic != null])
    error_message = "Field kms_key_arn in notifications.topics must be the full ARN of a key, such as arn:aws:kms:region:account:key/id."
  }
}

variable "publisher_role_arns" {
  description = "ARNs of the roles that notifications.restrict_publishers admits, the execution roles of the endpoint. Empty restricts no publisher."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.publisher_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Variable publisher_role_arns must hold ARNs of IAM roles with their paths, such as arn:aws:iam::account:role/path/name, without wildcards."
  }
}

variable "tags" {
  description = "Tags of topics and queues, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
