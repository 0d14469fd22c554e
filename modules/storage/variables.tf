variable "expire_after_days" {
  description = "Days until objects under each prefix, and replaced or deleted versions of any object, are removed."
  type = object({
    failure    = optional(number, 30)
    input      = optional(number, 30)
    noncurrent = optional(number, 7)
    output     = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in values(var.expire_after_days) : days >= 1 && floor(days) == days])
    error_message = "Every number in expire_after_days must be a whole number of days, 1 or more."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket also deletes the objects in it."
  type        = bool
  default     = false
  nullable    = false
}

variable "key_deletion_window_days" {
  description = "Days during which a deleted key can still be restored."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "Variable key_deletion_window_days must be from 7 to 30, the range AWS KMS accepts."
  }
}

variable "name" {
  description = "Name of the deployment; account and region are appended to it to name the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,33}[a-z0-9]$", var.name))
    error_message = "Variable name must be 3 to 35 lowercase letters, digits and hyphens, so that the bucket name made from it stays within 63 characters."
  }
}
