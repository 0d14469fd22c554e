variable "http_api" {
  description = <<-TEXT
    The delivery queue of the endpoint's HTTP API.
    - `max_receives`: Receives after which a message moves to the dead letter queue: 1 to 1000. A process that is killed costs one.
    - `retention_days`: Days that the queue keeps a message: 2 to 14. The retries of a webhook last a day.
    - `sender_role_arns`: ARNs of the roles of API processes and functions, and of those who redrive dead letters or sweep by hand: every other sender but the topics is denied. Empty denies none.
    - `visibility_timeout_seconds`: Seconds that a received message stays hidden from other receivers: 30 to 43200.
  TEXT
  type = object({
    max_receives               = optional(number, 10)
    retention_days             = optional(number, 14)
    sender_role_arns           = optional(set(string), [])
    visibility_timeout_seconds = optional(number, 180)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.http_api.max_receives >= 1 && var.http_api.max_receives <= 1000
    error_message = "Field http_api.max_receives must be from 1 to 1000 receives before a message moves to the dead letter queue."
  }

  validation {
    condition     = var.http_api.retention_days >= 2 && var.http_api.retention_days <= 14
    error_message = "Field http_api.retention_days must be from 2 days, because the retries of a webhook last one, to 14, the longest Amazon SQS keeps a message."
  }

  validation {
    condition     = alltrue([for arn in var.http_api.sender_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Field http_api.sender_role_arns must hold ARNs of roles, arn:aws:iam::account:role/name, without wildcards: a session of a role has the ARN of its role here."
  }

  validation {
    condition     = var.http_api.visibility_timeout_seconds >= 30 && var.http_api.visibility_timeout_seconds <= 43200
    error_message = "Field http_api.visibility_timeout_seconds must be from 30 seconds, the longest one attempt may take, to 43200 (12 hours), the longest Amazon SQS hides a message."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the delivery queue. Its policy must let sns.amazonaws.com decrypt and generate data keys."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "Variable kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id): an alias or a key id does not identify its account."
  }
}

variable "name" {
  description = "Prefix of the names of both queues: 1 to 58 letters, digits, hyphens and underscores."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,58}$", var.name))
    error_message = "Variable name must be 1 to 58 letters, digits, hyphens and underscores, so that generated queue names stay within 80 characters."
  }
}

variable "planned_topic_arns" {
  description = <<-TEXT
    Topics that notify of results, known before they are created: the queues' policies admit them.
    - `error`: ARN of the topic for failed requests.
    - `success`: ARN of the topic for completed requests.
  TEXT
  type = object({
    error   = string
    success = string
  })
  nullable = false
}

variable "tags" {
  description = "Tags of both queues, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topic_arns" {
  description = "ARNs of the same topics by outcome, once they can be subscribed to: one for both outcomes is that of success alone."
  type        = map(string)
  nullable    = false
}
