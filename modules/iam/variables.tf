variable "access" {
  description = <<-TEXT
    Managed policies, and two roles for GitHub Actions: a planner that reads, and a deployer.
    - `github`: Roles that GitHub Actions workflows assume through OIDC; none without subjects.
    - `github.deployer`: Role of workflows that apply.
    - `github.deployer.policies`: Its policies of this module: caller, collector, deployer, destroyer (beside deployer), planner, verifier, watcher.
    - `github.deployer.policy_arns`: ARNs of further managed policies of the role, by a name of your choice: that of the state bucket, and those of the environment's other endpoints.
    - `github.deployer.refs`: Branches and tags whose workflows may assume the role, whatever environment their job names; any when it is empty.
    - `github.deployer.session_seconds`: Longest session: 3600 to 43200 seconds, as long as an apply may take.
    - `github.deployer.subjects`: Protected environments whose jobs may assume the role, such as repo:owner/name:environment:dev.
    - `github.planner`: Role of workflows that plan and look for drift. It has policy planner.
    - `github.planner.policy_arns`: ARNs of further managed policies of the role, by a name of your choice: that of the state bucket, and those of the environment's other endpoints.
    - `github.planner.subjects`: Workflows that may assume the role, such as repo:owner/name:pull_request and repo:owner/name:ref:refs/heads/main.
    - `github.provider_arn`: ARN of the account's OIDC provider for GitHub, if there is one; otherwise it is created.
    - `managed_policies`: Policies to create as managed policies, to attach to users and roles: api and api_admin (with http_api), caller, collector, deployer, destroyer (beside deployer), planner, verifier, watcher.
  TEXT
  type = object({
    github = optional(object({
      deployer = optional(object({
        policies        = optional(set(string), ["caller", "deployer", "planner", "watcher"])
        policy_arns     = optional(map(string), {})
        refs            = optional(list(string), ["refs/heads/main"])
        session_seconds = optional(number, 10800)
        subjects        = optional(list(string), [])
      }), {})
      planner = optional(object({
        policy_arns = optional(map(string), {})
        subjects    = optional(list(string), [])
      }), {})
      provider_arn = optional(string)
    }), {})
    managed_policies = optional(set(string), [])
  })
  default  = {}
  nullable = false

  # GitHub documentation, "OpenID Connect reference" and "Immutable subject claims": repositories of July 2026 and later have the ids
  # of owner and repository in their subjects, as in repo:owner@123/name@456.
  validation {
    condition = alltrue([
      for subject in concat(var.access.github.deployer.subjects, var.access.github.planner.subjects) :
      can(regex("^repo:[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?:", subject))
    ])
    error_message = "Every subject in access.github must name one repository, such as repo:owner/name:pull_request or repo:owner@123/name@456:environment:prod, without wildcards in owner and name: other repositories could assume the role."
  }

  # Who may push a branch or tag chooses the workflow that runs for it; an environment has its own rules of who deploys.
  validation {
    condition     = alltrue([for subject in var.access.github.deployer.subjects : can(regex("^[^:]*:[^:]*:environment:[^*?:]+$", subject))])
    error_message = "After the repository, every subject in access.github.deployer.subjects must be environment:name, in full: the workflow of a pull request, branch or tag is chosen by who pushes it, not by a reviewer. Let a protected environment deploy (repo:owner/name:environment:prod)."
  }

  validation {
    condition     = alltrue([for ref in var.access.github.deployer.refs : can(regex("^refs/(heads|tags)/[^*?]+$", ref))])
    error_message = "Every ref in access.github.deployer.refs must be refs/heads/name or refs/tags/name in full: who may push a branch chooses its workflow, and the environment that it names."
  }

  # After a whole word, so that release-* does not admit a branch that merely begins with the same letters.
  validation {
    condition = alltrue([
      for subject in var.access.github.planner.subjects :
      can(regex("^[^:]*:[^:]*:(environment:[^*?:]+|pull_request|ref:refs/(heads|tags)/([^*?:]+|[^*?:]*[^*?:/._-][/._-][*]|v[*]))$", subject))
    ])
    error_message = "After the repository, every subject in access.github.planner.subjects must be pull_request, ref:refs/heads/name, ref:refs/tags/name or environment:name, in full: any workflow run of the repository could assume a role with a wider pattern. The only wildcard allowed is one * at the end of a branch or tag, after a word and one of - . _ / (release-*, hotfix/*), or in ref:refs/tags/v*."
  }

  validation {
    condition     = length(setsubtract(var.access.github.deployer.policies, ["caller", "collector", "deployer", "destroyer", "planner", "verifier", "watcher"])) == 0 && length(var.access.github.deployer.policies) > 0
    error_message = "Field access.github.deployer.policies must hold one or more of caller, collector, deployer, destroyer, planner, verifier and watcher."
  }

  validation {
    condition = alltrue([
      for arn in concat(values(var.access.github.deployer.policy_arns), values(var.access.github.planner.policy_arns)) :
      can(regex("^arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/[^*?]+$", arn))
    ])
    error_message = "Every value in access.github.deployer.policy_arns and access.github.planner.policy_arns must be the ARN of a managed policy, such as arn:aws:iam::account:policy/name."
  }

  # AWS IAM quotas, "Managed policies attached to an IAM role": 10 unless an increase was granted.
  validation {
    condition     = length(var.access.github.deployer.policies) + length(var.access.github.deployer.policy_arns) <= 10 && length(var.access.github.planner.policy_arns) <= 9
    error_message = "A role has at most 10 managed policies: give fewer in access.github.deployer.policies and policy_arns, or join some."
  }

  validation {
    condition     = var.access.github.provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.access.github.provider_arn))
    error_message = "Field access.github.provider_arn must be the ARN of the account's OIDC provider for GitHub, arn:aws:iam::account:oidc-provider/token.actions.githubusercontent.com."
  }

  validation {
    condition     = var.access.github.deployer.session_seconds >= 3600 && var.access.github.deployer.session_seconds <= 43200
    error_message = "Field access.github.deployer.session_seconds must be from 3600 to 43200 seconds (12 hours), the range AWS IAM accepts."
  }

  validation {
    condition     = length(setsubtract(var.access.managed_policies, ["api", "api_admin", "caller", "collector", "deployer", "destroyer", "planner", "verifier", "watcher"])) == 0
    error_message = "Field access.managed_policies may hold api, api_admin, caller, collector, deployer, destroyer, planner, verifier and watcher only."
  }

  validation {
    condition     = var.http_api != null || length(setintersection(var.access.managed_policies, ["api", "api_admin"])) == 0
    error_message = "Set http_api, or remove api and api_admin from access.managed_policies: they are for the HTTP API of an endpoint that has one."
  }
}

variable "archive_uris" {
  description = "S3 URIs of model archives outside the model prefix: planner and verifier may read them, to compare their versions."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "described_key_arns" {
  description = "ARNs of further KMS keys that a plan describes: those of imported topics (output imported_key_arns of module notifications)."
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

variable "execution_role" {
  description = <<-TEXT
    The execution role of the endpoint.
    - `arn`: ARN of the role, the only one that a deployer may pass to SageMaker.
    - `permissions_boundary_arn`: ARN of its permissions boundary. Null leaves the role's policy to an administrator: without a boundary, a deployer could give the role any permission and run code with it.
  TEXT
  type = object({
    arn                      = string
    permissions_boundary_arn = optional(string)
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", var.execution_role.arn))
    error_message = "Field execution_role.arn must be the ARN of one role, arn:aws:iam::account:role/name, without wildcards: permission to pass any role is permission to do anything."
  }

  validation {
    condition     = var.execution_role.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/[^*?]+$", var.execution_role.permissions_boundary_arn))
    error_message = "Field execution_role.permissions_boundary_arn must be the ARN of one managed policy, such as arn:aws:iam::account:policy/name."
  }
}

variable "http_api" {
  description = <<-TEXT
    Queues of the endpoint's HTTP API (module webhooks); policies api and api_admin exist where it is given.
    - `dead_letter_queue_arn`: ARN of the dead letter queue of deliveries.
    - `delivery_queue_arn`: ARN of the delivery queue.
  TEXT
  type = object({
    dead_letter_queue_arn = string
    delivery_queue_arn    = string
  })
  default  = null
  nullable = true
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

variable "names" {
  description = <<-TEXT
    Names of imported resources, where they are not derived from name (variable names of module async-inference).
    - `dead_letter_queue`: Name of the dead letter queue.
    - `endpoint`: Name of the endpoint; that in endpoint_arn when it is null, which is in lower case.
    - `error_topic`: Name of the topic for failed requests.
    - `results_queue`: Name of the results queue.
    - `success_topic`: Name of the topic for completed requests.
    - `wake_alarm`: Name of the alarm that starts the first instance.
  TEXT
  type = object({
    dead_letter_queue = optional(string)
    endpoint          = optional(string)
    error_topic       = optional(string)
    results_queue     = optional(string)
    success_topic     = optional(string)
    wake_alarm        = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in values(var.names) : name == null || !can(regex("[*?]", name))])
    error_message = "Names in names must not hold * or ?: as wildcards they would let the deployer change other resources."
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
    - `prefixes.credentials`: Prefix of the HTTP API's keys and signing secrets.
    - `prefixes.failure`: Prefix of failures.
    - `prefixes.input`: Prefix of inputs.
    - `prefixes.model`: Prefix of model archives.
    - `prefixes.output`: Prefix of outputs.
    - `prefixes.predictions`: Prefix of the HTTP API's predictions.
    - `shared`: Whether other endpoints use bucket and key too: the deployer may then neither change nor destroy them.
  TEXT
  type = object({
    bucket_arn  = string
    kms_key_arn = string
    prefixes = object({
      credentials = optional(string, "credentials/")
      failure     = string
      input       = string
      model       = optional(string, "model/")
      output      = string
      predictions = optional(string, "predictions/")
    })
    shared = optional(bool, false)
  })
  nullable = false
}

variable "subscriptions" {
  description = <<-TEXT
    Subscriptions of the topics besides the results queue, by name (notifications.subscriptions of module notifications): the deployer reads their functions' policies, and the destroyer removes their permissions.
    - `*.endpoint`: Where messages are delivered.
    - `*.protocol`: Protocol: email, https, lambda or sqs.
  TEXT
  type = map(object({
    endpoint = string
    protocol = string
  }))
  default  = {}
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
