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

variable "notifications" {
  description = <<-TEXT
    The results queue, further subscriptions, and topics of your own.
    - `max_receives`: Receives after which a message moves to the dead letter queue: 1 to 1000.
    - `raw_message_delivery`: Whether the results queue receives messages without the SNS envelope, and so without its signature.
    - `restrict_publishers`: Whether to deny every publisher but publisher_role_arns on topics created here, and every sender but the topics on the results queue.
    - `retention_days`: Days that the results queue keeps a message: 1 to 14.
    - `subscriptions`: Further subscribers, by name. Undeliverable messages go to the dead letter queue.
    - `subscriptions.*.endpoint`: Where to deliver: an email address, an https URL, or the ARN of a Lambda function or SQS queue. A queue's own policy must admit sqs:SendMessage by sns.amazonaws.com.
    - `subscriptions.*.filter_policy`: Filter on the message body, in JSON, such as jsonencode({ inferenceId = [{ prefix = "nightly-" }] }); null delivers everything.
    - `subscriptions.*.outcomes`: Outcomes to deliver: error, success or both.
    - `subscriptions.*.protocol`: Protocol: email, https, lambda or sqs.
    - `subscriptions.*.raw_message_delivery`: Whether to deliver without the SNS envelope. For https and sqs.
    - `topics`: Existing standard topics to use instead of creating them, in this account and region. Their policies and encryption are not changed.
    - `topics.error`: Topic for failed requests.
    - `topics.error.arn`: ARN of the topic.
    - `topics.error.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `topics.success`: Topic for completed requests.
    - `topics.success.arn`: ARN of the topic.
    - `topics.success.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `visibility_timeout_seconds`: Seconds that a received message stays hidden from other consumers: 0 to 43200.
  TEXT
  type = object({
    max_receives         = optional(number, 5)
    raw_message_delivery = optional(bool, false)
    restrict_publishers  = optional(bool, true)
    retention_days       = optional(number, 4)
    subscriptions = optional(map(object({
      endpoint             = string
      filter_policy        = optional(string)
      outcomes             = optional(set(string), ["error", "success"])
      protocol             = string
      raw_message_delivery = optional(bool, false)
    })), {})
    topics = optional(object({
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
    error_message = "Give different topics in notifications.topics.error.arn and notifications.topics.success.arn, so that failures and results can be subscribed to separately."
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
