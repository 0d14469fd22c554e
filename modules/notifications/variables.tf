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

variable "publisher_role_arns" {
  description = "ARNs of the only roles that may publish, those of the endpoint: every other publisher is denied on the topics made here, and every sender but the topics on the results queue. Empty denies neither."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.publisher_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "Variable publisher_role_arns must hold ARNs of IAM roles with their paths, as arn:aws:iam::account:role/path/name, without wildcards."
  }
}

variable "results_queue" {
  description = "The queue that receives both success and error notifications. Raw delivery drops the SNS envelope."
  type = object({
    max_receives               = optional(number, 5)   # then a message is a dead letter
    raw_message_delivery       = optional(bool, false) # without the envelope of Amazon SNS
    retention_days             = optional(number, 4)
    visibility_timeout_seconds = optional(number, 60) # for which a message that was received is hidden
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

variable "subscriptions" {
  description = <<-TEXT
    Who else is told, by name: an email address, an https URL, or the ARN of a Lambda function or an SQS queue, for the outcomes given.
    filter_policy is JSON and matched against the message SageMaker sends, such as jsonencode({ inferenceId = [{ prefix = "nightly-" }] }).
    What cannot be delivered becomes a dead letter. A queue has to let the topics send (sqs:SendMessage by sns.amazonaws.com, with their ARNs
    as aws:SourceArn), and the key it is encrypted with too; a function is given that permission here.
  TEXT
  type = map(object({
    endpoint             = string           # address, URL or ARN, as protocol has it
    filter_policy        = optional(string) # JSON, on the body of the message
    outcomes             = optional(set(string), ["error", "success"])
    protocol             = string # email, https, lambda or sqs
    raw_message_delivery = optional(bool, false)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.subscriptions) : can(regex("^[A-Za-z0-9_-]{1,32}$", name))])
    error_message = "Names of subscriptions must be 1 to 32 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : contains(["email", "https", "lambda", "sqs"], subscription.protocol)])
    error_message = "Field protocol of subscriptions must be email, https, lambda or sqs; results are not sent over plain http, and a message of them is too long for SMS."
  }

  validation {
    condition = alltrue([
      for subscription in var.subscriptions : can(regex(lookup({
        email  = "^[^@\\s]+@[^@\\s]+$"
        https  = "^https://\\S+$"
        lambda = "^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[^:]+(:[^:]+)?$"
        sqs    = "^arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$"
      }, subscription.protocol, ""), subscription.endpoint))
    ])
    error_message = "Field endpoint of subscriptions must be what its protocol delivers to: an address for email, a URL for https, the ARN of a function for lambda, of a queue for sqs."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : !endswith(subscription.endpoint, ".fifo")])
    error_message = "Subscriptions cannot deliver to a FIFO queue: Amazon SageMaker publishes to standard topics only. Give a standard queue."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : can(keys(jsondecode(subscription.filter_policy))) if subscription.filter_policy != null])
    error_message = "Field filter_policy of subscriptions must be a JSON object, such as jsonencode({ invocationStatus = [\"Failed\"] })."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : length(subscription.outcomes) > 0 && length(setsubtract(subscription.outcomes, ["error", "success"])) == 0])
    error_message = "Field outcomes of subscriptions must hold error, success or both."
  }

  validation {
    condition     = alltrue([for subscription in var.subscriptions : !subscription.raw_message_delivery || contains(["https", "sqs"], subscription.protocol)])
    error_message = "Field raw_message_delivery of subscriptions is for https and sqs; Amazon SNS refuses it elsewhere."
  }
}

variable "topics" {
  description = "Topics by outcome that exist in this account and region, each instead of one made here, with the key each is encrypted with. Their policies and encryption stay their owner's."
  type = object({
    error = optional(object({
      arn         = string
      kms_key_arn = optional(string)
    }))
    success = optional(object({
      arn         = string
      kms_key_arn = optional(string)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for topic in values(var.topics) : !endswith(topic.arn, ".fifo") if topic != null])
    error_message = "Amazon SageMaker does not publish to FIFO topics; give standard topics in topics.error.arn and topics.success.arn."
  }

  validation {
    condition     = alltrue([for topic in values(var.topics) : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$", topic.arn)) if topic != null])
    error_message = "Fields topics.error.arn and topics.success.arn must be ARNs of topics, as arn:aws:sns:region:account:name."
  }

  validation {
    condition     = var.topics.error == null || try(var.topics.error.arn != var.topics.success.arn, true)
    error_message = "Give topics.error.arn and topics.success.arn different topics, so that failures can be told from results and each can be subscribed to alone."
  }

  validation {
    condition     = alltrue([for topic in values(var.topics) : topic.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", topic.kms_key_arn)) if topic != null])
    error_message = "Field kms_key_arn of topics must be the full ARN of a key, as arn:aws:kms:region:account:key/id."
  }
}
