data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name = "${var.name}-${var.environment}"

  # Those of an endpoint that exists and is imported. Log group, alarms, dashboard and scaling are named after the endpoint.
  _endpoint_name = coalesce(var.names.endpoint, local.name)
  _variant       = coalesce(var.names.variant, "primary")
  _imported_topic_arns = distinct([
    for name in [var.names.error_topic, var.names.success_topic] :
    "arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${name}" if name != null
  ])

  # Storage of its own, or a prefix of its own below each role of the shared one. Output by output: the module as a whole would be
  # ready only after its lifecycle rules, most of a minute later.
  _own_storage = var.storage.shared == null ? 1 : 0

  storage = {
    bucket_arn  = local._own_storage == 1 ? module.storage[0].bucket_arn : var.storage.shared.bucket_arn
    bucket_name = local._own_storage == 1 ? module.storage[0].bucket_name : var.storage.shared.bucket_name
    kms_key_arn = local._own_storage == 1 ? module.storage[0].kms_key_arn : var.storage.shared.kms_key_arn
    prefixes    = local._own_storage == 1 ? module.storage[0].prefixes : { for role, prefix in var.storage.shared.prefixes : role => "${prefix}${var.name}/" }
    shared      = local._own_storage == 0
  }
  _uris = { for role, prefix in local.storage.prefixes : role => "s3://${local.storage.bucket_name}/${prefix}" }

  # Computed from the naming of module monitoring: its output would close a cycle through the model. Alarms on the new instances alone
  # have the suffix of their configuration, which needs the model: a pattern.
  _new_fleet_only       = coalesce(var.guardrails.new_fleet_only, false)
  _rollback_alarm_names = [for name in var.guardrails.rollback_on : "${local._endpoint_name}-${local._variant}-${replace(name, "_", "-")}${local._new_fleet_only ? "-*" : ""}"]

  # The image follows the instance: a CPU image on a GPU instance would start and leave the GPU idle.
  _processor = can(regex("^ml\\.[gp][0-9r]", var.endpoint.instance_type)) ? "gpu" : "cpu"
}

module "storage" {
  source = "../storage"
  count  = local._own_storage

  name           = local.name
  endpoint_names = [local.name, local._endpoint_name]
  names          = var.names
  storage        = var.storage
  tags           = var.tags
  topic_arns     = concat([for topic in values(var.notifications.topics) : topic.arn if topic != null], local._imported_topic_arns)
}

module "notifications" {
  source = "../notifications"

  name                = local.name
  kms_key_arn         = local.storage.kms_key_arn
  names               = var.names
  notifications       = var.notifications
  publisher_role_arns = [module.model.planned_execution_role_arn]
  tags                = var.tags
}

module "webhooks" {
  source = "../webhooks"
  count  = var.http_api == null ? 0 : 1

  name               = local.name
  http_api           = var.http_api
  kms_key_arn        = local.storage.kms_key_arn
  planned_topic_arns = module.notifications.planned_topic_arns
  tags               = var.tags
  topic_arns         = module.notifications.subscribable_topic_arns
}

module "container" {
  source = "../model/container"
  count  = length(var.model.containers)

  container = var.model.containers[count.index]
  path      = "model.containers[${count.index}]"
  processor = local._processor
}

module "model" {
  source = "../model"

  name                 = local.name
  containers           = module.container
  core_dump_uris       = var.endpoint.core_dump_uri[*]
  enable_ssm_access    = var.endpoint.enable_ssm_access
  endpoint_names       = [local._endpoint_name]
  model                = var.model
  names                = var.names
  network              = var.network
  rollback_alarm_names = local._rollback_alarm_names
  storage              = local.storage
  tags                 = var.tags
  topic_arns           = module.notifications.topic_arns
  topic_kms_key_arns   = module.notifications.topic_kms_key_arns
}

module "endpoint_config" {
  source = "../endpoint-config"

  name       = local.name
  encryption = { encrypt_results = coalesce(var.storage.encrypt_results, true), kms_key_arn = local.storage.kms_key_arn }
  tags       = var.tags
  variants   = { (local._variant) = merge(var.endpoint, { model_name = module.model.name }) }

  inference = {
    async = {
      failure_uri                = local._uris.failure
      include_response_in        = var.notifications.include_response_in
      max_concurrent_invocations = var.endpoint.max_concurrent_invocations
      output_uri                 = local._uris.output
      topic_arns                 = module.notifications.topic_arns
    }
  }
}

# By the endpoint's name, not by its resource: the alarms must exist before the endpoint, whose guardrails use them.
module "monitoring" {
  source = "../monitoring"

  monitoring = var.monitoring
  tags       = var.tags

  endpoint = {
    invocation_timeout_seconds = module.model.invocation_timeout_seconds
    kind                       = module.endpoint_config.kind
    name                       = local._endpoint_name
    new_fleet                  = local._new_fleet_only ? { alarms = var.guardrails.rollback_on, config_name = module.endpoint_config.name } : null
    variants                   = module.endpoint_config.variants
  }
}

module "endpoint" {
  source = "../endpoint"

  name            = local._endpoint_name
  alarm_names     = module.monitoring.alarm_names
  endpoint_config = module.endpoint_config
  guardrails      = var.guardrails
  logs            = var.logs
  names           = { (local._variant) = merge(var.names, { tracking_policies = { for name in var.names.tracking_policy[*] : "backlog_per_instance" => name } }) }
  scaling         = { (local._variant) = var.scaling }
  tags            = var.tags
}

module "iam" {
  source = "../iam"

  name               = local.name
  access             = var.access
  archive_uris       = compact([for archive in var.model.containers[*].archive : try(archive.s3_uri, null)])
  described_key_arns = module.notifications.imported_key_arns
  endpoint_arn       = module.endpoint.arn
  execution_role     = { arn = module.model.execution_role_arn, permissions_boundary_arn = module.model.execution_role.permissions_boundary_arn }
  names              = var.names
  http_api           = one([for webhooks in module.webhooks : { dead_letter_queue_arn = webhooks.dead_letter_queue.arn, delivery_queue_arn = webhooks.delivery_queue.arn }])
  results_queue_arn  = module.notifications.results_queue.arn
  storage            = local.storage
  subscriptions      = var.notifications.subscriptions
  tags               = var.tags
  topic_arns         = module.notifications.topic_arns
}
