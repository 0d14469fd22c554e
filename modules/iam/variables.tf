variable "archive_uris" {
  description = "S3 URIs of model archives that exist already: a verifier reads them, to compare their versions."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "deployer" {
  description = "Whether the deployer may also destroy, data and key included; and the permissions boundary without which it may not write the execution role's rights."
  type = object({
    destroy                  = optional(bool, false) # may remove what holds data
    permissions_boundary_arn = optional(string)      # that of the execution role; without one a deployer can give it every right
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.deployer.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/[^*?]+$", var.deployer.permissions_boundary_arn))
    error_message = "Field deployer.permissions_boundary_arn must be the ARN of one managed policy, arn:aws:iam::account:policy/name."
  }
}

variable "endpoint_arn" {
  description = "ARN of the endpoint to invoke."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[^*?]+$", var.endpoint_arn))
    error_message = "Variable endpoint_arn must be the ARN of one endpoint, arn:aws:sagemaker:region:account:endpoint/name, without wildcards."
  }
}

variable "execution_role_arn" {
  description = "ARN of the one role that a deployer may hand to SageMaker."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", var.execution_role_arn))
    error_message = "Variable execution_role_arn must be the ARN of one role, arn:aws:iam::account:role/name, without wildcards: whoever may pass any role may do anything."
  }
}

variable "github" {
  description = "A role for workflows of GitHub: the subjects that may assume it, none for no role; the policies it has (caller, collector, deployer, verifier, watcher); the identity provider of the account where there is one, else it is made."
  type = object({
    policies        = optional(set(string), []) # what the role is given: caller, collector, deployer, verifier, watcher
    provider_arn    = optional(string)          # the OIDC provider of GitHub there is; without one it is made
    session_seconds = optional(number, 3600)
    subjects        = optional(list(string), []) # who may assume it, as repo:owner/name:environment:dev
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for subject in var.github.subjects : can(regex("^repo:[A-Za-z0-9-]+/[A-Za-z0-9._-]+:", subject))])
    error_message = "Every subject in github.subjects must name one repository, as repo:owner/name:ref:refs/heads/main or repo:owner/name:environment:prod, without wildcards in owner and name: others could assume the role."
  }

  validation {
    condition     = alltrue([for subject in var.github.subjects : !can(regex("(:|refs/heads/|refs/tags/)[*?]*$", subject))])
    error_message = "Every subject in github.subjects must say which branch, tag or environment of the repository, and not end in a bare wildcard: whatever runs there could assume the role."
  }

  validation {
    condition     = length(setsubtract(var.github.policies, ["caller", "collector", "deployer", "verifier", "watcher"])) == 0
    error_message = "Field github.policies may hold caller, collector, deployer, verifier and watcher only."
  }

  validation {
    condition     = (length(var.github.subjects) > 0) == (length(var.github.policies) > 0)
    error_message = "Give github.subjects and github.policies together: a role that nobody may assume and a role that may do nothing are of no use."
  }

  validation {
    condition     = var.github.provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github.provider_arn))
    error_message = "Field github.provider_arn must be the ARN of the account's identity provider of GitHub, arn:aws:iam::account:oidc-provider/token.actions.githubusercontent.com."
  }

  validation {
    condition     = var.github.session_seconds >= 3600 && var.github.session_seconds <= 43200
    error_message = "Field github.session_seconds must be from 3600 to 43200 seconds (12 hours), the range AWS IAM accepts."
  }
}

variable "managed_policies" {
  description = "Which policies to make as managed ones, to attach to users and roles: caller, collector, deployer, verifier, watcher."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.managed_policies, ["caller", "collector", "deployer", "verifier", "watcher"])) == 0
    error_message = "Variable managed_policies may hold caller, collector, deployer, verifier and watcher only."
  }
}

variable "name" {
  description = "Name of the deployment: what the names of its resources, of policies and of the role begin with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,34}$", var.name))
    error_message = "Variable name must be 1 to 35 letters, digits and hyphens, so that the deployer's policy stays within the 6144 characters of a managed one; without wildcards, because the deployer may change what is named after it."
  }
}

variable "results_queue_arn" {
  description = "ARN of the queue of notifications."
  type        = string
  nullable    = false
}

variable "storage" {
  description = "Where inputs are put, results are read and models are kept: outputs of module storage."
  type = object({
    bucket_arn  = string
    kms_key_arn = string
    prefixes = object({
      failure = string
      input   = string
      model   = optional(string, "model/")
      output  = string
    })
    shared = optional(bool, false) # with other endpoints: bucket and key are not the deployer's to change or to destroy
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
