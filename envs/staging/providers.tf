variable "region" {
  description = "AWS region of everything, and part of the state's key; another one is chosen by TF_VAR_region."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

# Both are set in account.auto.tfvars beside this file (git ignores it), by async-endpoint bootstrap; the local AWS needs neither.
variable "allowed_account_ids" {
  description = "AWS accounts that this environment may be in: IDs of 12 digits, mostly one. The provider refuses another."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.allowed_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "Every ID in allowed_account_ids must have 12 digits, in quotes."
  }
}

variable "assume_role_arn" {
  description = "ARN of the IAM role that commands on this environment assume; null for the caller's own credentials."
  type        = string
  default     = null

  validation {
    condition     = var.assume_role_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", var.assume_role_arn))
    error_message = "Variable assume_role_arn must be the ARN of a role, such as arn:aws:iam::123456789012:role/deployer."
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.allowed_account_ids

  dynamic "assume_role" {
    for_each = var.assume_role_arn[*]

    content {
      role_arn     = assume_role.value
      session_name = "async-endpoint"
    }
  }

  default_tags {
    tags = {
      deployment  = "${local.project}-${local.environment}-${var.region}" # what to clean up by, should the state be lost
      environment = local.environment
      managed-by  = "terraform"
    }
  }

  # scripts/async_endpoint/deploy/quiesce.py records a suspended scaling in such a tag, and removes it.
  ignore_tags {
    key_prefixes = ["async-endpoint:"]
  }
}
