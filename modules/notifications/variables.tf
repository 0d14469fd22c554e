variable "kms_key_arn" {
  description = "ARN of the key that encrypts topics and the results queue. Its policy must let sns.amazonaws.com decrypt and generate data keys."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "Variable kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id), because an alias or an id does not say whose key it is."
  }
}

variable "name" {
  description = "Prefix of the names of topics and queues."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "Variable name must be 1 to 64 letters, digits, hyphens and underscores, so that the queue names made from it stay within 80 characters."
  }
}

variable "results_queue" {
  description = "The queue that receives both success and error notifications. Raw delivery drops the SNS envelope."
  type = object({
    max_receives               = optional(number, 5)
    raw_message_delivery       = optional(bool, false)
    retention_days             = optional(number, 4)
    visibility_timeout_seconds = optional(number, 60)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.results_queue.max_receives >= 1 && var.results_queue.max_receives <= 1000
    error_message = "Field results_queue.max_receives must be from 1 to 1000 receives before a message is a dead letter."
  }

  validation {
    condition     = var.results_queue.retention_days >= 1 && var.results_queue.retention_days <= 14
    error_message = "Field results_queue.retention_days must be from 1 to 14 days, the longest Amazon SQS keeps a message."
  }

  validation {
    condition     = var.results_queue.visibility_timeout_seconds >= 0 && var.results_queue.visibility_timeout_seconds <= 43200
    error_message = "Field results_queue.visibility_timeout_seconds must be from 0 to 43200 seconds (12 hours)."
  }
}
