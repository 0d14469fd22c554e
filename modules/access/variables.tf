variable "create_policy" {
  description = "Whether to make a managed policy of the caller's statements, to attach to users and roles."
  type        = bool
  default     = false
  nullable    = false
}

variable "endpoint_arn" {
  description = "ARN of the endpoint to invoke."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/.+$", var.endpoint_arn))
    error_message = "Variable endpoint_arn must be the ARN of one endpoint, arn:aws:sagemaker:region:account:endpoint/name, without wildcards before its name."
  }
}

variable "name" {
  description = "Prefix of the name of the managed policy."
  type        = string
  nullable    = false
}

variable "results_queue_arn" {
  description = "ARN of the queue of notifications."
  type        = string
  nullable    = false
}

variable "storage" {
  description = "Where inputs are put and results are read: outputs of module storage."
  type = object({
    bucket_arn  = string
    kms_key_arn = string
    prefixes = object({
      failure = string
      input   = string
      output  = string
    })
  })
  nullable = false
}

variable "topic_arns" {
  description = "Topics results are announced on, by outcome."
  type = object({
    error   = string
    success = string
  })
  nullable = false
}
