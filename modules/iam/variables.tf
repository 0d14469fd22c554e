variable "access" {
  description = <<-TEXT
    Managed policies, a role for GitHub Actions, and what a deployer may do.
    - `deployer`: Limits of the deployer policy.
    - `deployer.destroy`: Whether the deployer may also destroy the deployment, its data and key included.
    - `deployer.permissions_boundary_arn`: Permissions boundary that the execution role must have for the deployer to change its policy. Without one a deployer can give that role any permission.
    - `github`: Role that GitHub Actions workflows assume through OIDC; none without subjects.
    - `github.policies`: Policies of the role: caller, collector, deployer, verifier, watcher.
    - `github.provider_arn`: ARN of the account's OIDC provider for GitHub, if there is one; otherwise it is created.
    - `github.session_seconds`: Longest session: 3600 to 43200 seconds.
    - `github.subjects`: Workflows that may assume the role, such as repo:owner/name:environment:dev.
    - `managed_policies`: Policies to create as managed policies, to attach to users and roles: caller, collector, deployer, verifier, watcher.
  TEXT
  type = object({
    deployer = optional(object({
      destroy                  = optional(bool, false)
      permissions_boundary_arn = optional(string)
    }), {})
    github = optional(object({
      policies        = optional(set(string), [])
      provider_arn    = optional(string)
      session_seconds = optional(number, 3600)
      subjects        = optional(list(string), [])
    }), {})
    managed_policies = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.access.deployer.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/[^*?]+$", var.access.deployer.permissions_boundary_arn))
    error_message = "Field access.deployer.permissions_boundary_arn must be the ARN of one managed policy, such as arn:aws:iam::account:policy/name."
  }

  validation {
    condition     = alltrue([for subject in var.access.github.subjects : can(regex("^repo:[A-Za-z0-9-]+/[A-Za-z0-9._-]+:", subject))])
    error_message = "Every subject in access.github.subjects must name one repository, such as repo:owner/name:ref:refs/heads/main or repo:owner/name:environment:prod, without wildcards in owner and name: other repositories could assume the role."
  }

  validation {
    condition     = alltrue([for subject in var.access.github.subjects : !can(regex("(:|refs/heads/|refs/tags/)[*?]*$", subject))])
    error_message = "Every subject in access.github.subjects must name a branch, tag or environment of the repository and not end in a bare wildcard: any workflow run there could assume the role."
  }

  validation {
    condition     = length(setsubtract(var.access.github.policies, ["caller", "collector", "deployer", "verifier", "watcher"])) == 0
    error_message = "Field access.github.policies may hold caller, collector, deployer, verifier and watcher only."
  }

  validation {
    condition     = (length(var.access.github.subjects) > 0) == (length(var.access.github.policies) > 0)
    error_message = "Give access.github.subjects and access.github.policies together: a role without subjects cannot be assumed, and one without policies has no permissions."
  }

  validation {
    condition     = var.access.github.provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.access.github.provider_arn))
    error_message = "Field access.github.provider_arn must be the ARN of the account's OIDC provider for GitHub, arn:aws:iam::account:oidc-provider/token.actions.githubusercontent.com."
  }

  validation {
    condition     = var.access.github.session_seconds >= 3600 && var.access.github.session_seconds <= 43200
    error_message = "Field access.github.session_seconds must be from 3600 to 43200 seconds (12 hours), the range AWS IAM accepts."
  }

  validation {
    condition     = length(setsubtract(var.access.managed_policies, ["caller", "collector", "deployer", "verifier", "watcher"])) == 0
    error_message = "Field access.managed_policies may hold caller, collector, deployer, verifier and watcher only."
  }
}

variable "archive_uris" {
  description = "S3 URIs of model archives outside the model prefix: the verifier policy admits reading them, to compare their versions."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "endpoint_arn" {
  description = "ARN of the endpoint."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[^*?]+$", var.endpoint_arn))
    error_message = "Variable endpoint_arn must be the ARN of one endpoint, arn:aws:sagemaker:region:account:endpoint/name, without wildcards."
  }
}

variable "execution_role_arn" {
  description = "ARN of the execution role, the only role that a deployer may pass to SageMaker."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", var.execution_role_arn))
    error_message = "Variable execution_role_arn must be the ARN of one role, arn:aws:iam::account:role/name, without wildcards: permission to pass any role is permission to do anything."
  }
}

variable "name" {
  description = "Name of the deployment: prefix of the names of its resources, of the policies and of the role. 1 to 35 letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,34}$", var.name))
    error_message = "Variable name must be 1 to 35 letters, digits and hyphens, so that the deployer policy stays within the 6144 characters of a managed policy; wildcards would let the deployer change other resources."
  }
}

variable "results_queue_arn" {
  description = "ARN of the results queue, which receives the notifications."
  type        = string
  nullable    = false
}

variable "storage" {
  description = <<-TEXT
    Where inputs, results and models are stored: outputs of module storage.
    - `bucket_arn`: ARN of the bucket.
    - `kms_key_arn`: ARN of the KMS key that encrypts the bucket.
    - `prefixes`: Key prefixes by role; each ends in a slash.
    - `prefixes.failure`: Prefix of failures.
    - `prefixes.input`: Prefix of inputs.
    - `prefixes.model`: Prefix of model archives.
    - `prefixes.output`: Prefix of outputs.
    - `shared`: Whether other endpoints use bucket and key too: the deployer may then neither change nor destroy them.
  TEXT
  type = object({
    bucket_arn  = string
    kms_key_arn = string
    prefixes = object({
      failure = string
      input   = string
      model   = optional(string, "model/")
      output  = string
    })
    shared = optional(bool, false)
  })
  nullable = false
}

variable "tags" {
  description = "Tags of the managed policies, the role and the OIDC provider, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topic_arns" {
  description = <<-TEXT
    SNS topics that results are announced on.
    - `error`: ARN of the topic for failed requests.
    - `success`: ARN of the topic for completed requests.
  TEXT
  type = object({
    error   = string
    success = string
  })
  nullable = false
}
