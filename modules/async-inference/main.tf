data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  name = "${var.name}-${var.environment}"

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

  # Of alarms of variants the name is known beforehand; asking module monitoring for it would go round in a circle.
  _rollback_alarms = [for name in var.guardrails.rollback_on : "${local.name}-primary-${replace(name, "_", "-")}"]

  # The image follows the instance: a CPU image on a GPU instance starts, and leaves the GPU idle.
  _processor = can(regex("^ml\\.[gp][0-9r]", var.endpoint.instance_type)) ? "gpu" : "cpu"
}

module "storage" {
  source = "../storage"
  count  = local._own_storage

  name                     = local.name
  access_logs              = var.storage.access_logs
  existing                 = var.storage.existing
  expire_after_days        = var.storage.expire_after_days
  force_destroy            = var.storage.force_destroy
  key_deletion_window_days = var.storage.key_deletion_window_days
  prefixes                 = var.storage.prefixes
  readers                  = var.storage.readers
  topic_arns               = [for topic in values(var.notifications.topics) : topic.arn if topic != null]
}

module "notifications" {
  source = "../notifications"

  name                = local.name
  kms_key_arn         = local.storage.kms_key_arn
  publisher_role_arns = var.notifications.restrict_publishers ? [module.model.planned_execution_role_arn] : []
  results_queue       = var.notifications
  subscriptions       = var.notifications.subscriptions
  topics              = var.notifications.topics
}

module "model" {
  source = "../model"

  name               = local.name
  endpoint_names     = [local.name]
  invocation         = var.model.invocation
  network_isolation  = var.model.network_isolation
  role               = var.model.role
  rollback_alarms    = local._rollback_alarms
  storage            = local.storage
  topic_arns         = module.notifications.topic_arns
  topic_kms_key_arns = module.notifications.topic_kms_key_arns
  vpc                = var.network

  containers = [
    for container in var.model.containers : merge(container, {
      image = container.image == null ? null : merge(container.image, { processor = coalesce(container.image.processor, local._processor) })
    })
  ]
}

module "configuration" {
  source = "../endpoint-config"

  name = local.name
  kms  = { key_arn = local.storage.kms_key_arn }

  inference = {
    async = {
      failure_uri                = local._uris.failure
      include_response_in        = var.notifications.include_response_in
      max_concurrent_invocations = var.endpoint.max_concurrent_invocations
      output_uri                 = local._uris.output
      topic_arns                 = module.notifications.topic_arns
    }
  }

  variants = { primary = merge(var.endpoint, { model_name = module.model.name }) }
}

# Named after what is to be and not after what is, so that alarms are there before the endpoint, whose guardrails use them.
module "monitoring" {
  source = "../monitoring"

  actions      = var.monitoring.actions
  dashboard    = var.monitoring.dashboard
  endpoint     = { kind = module.configuration.kind, name = local.name, variants = module.configuration.variants }
  extra_alarms = var.monitoring.extra_alarms

  # Slow is what comes near the time-out of this model.
  alarms = merge(var.monitoring.alarms, {
    model_latency = merge(try(var.monitoring.alarms.model_latency, {}), {
      threshold = try(coalesce(var.monitoring.alarms.model_latency.threshold), 0.8 * 1000000 * module.model.timeout_seconds)
    })
  })
}

module "endpoint" {
  source = "../endpoint"

  name          = local.name
  configuration = module.configuration
  guardrails    = merge(var.guardrails, { rollback_alarms = flatten([for name in var.guardrails.rollback_on : lookup(module.monitoring.alarm_names, name, [])]) })
  logs          = { kms_key_arn = var.endpoint.log_kms_key_arn, retention_days = var.endpoint.log_retention_days }

  scaling = {
    primary = {
      max_capacity               = var.scaling.max_instances
      min_capacity               = var.scaling.min_instances
      scale_in_cooldown_seconds  = var.scaling.scale_in_cooldown_seconds
      scale_out_cooldown_seconds = var.scaling.scale_out_cooldown_seconds
      schedules = {
        for name, schedule in var.scaling.schedules : name => merge(schedule, { max_capacity = schedule.max_instances, min_capacity = schedule.min_instances })
      }
      targets               = { backlog_per_instance = var.scaling.target_backlog_per_instance }
      wake_cooldown_seconds = var.scaling.wake_cooldown_seconds
    }
  }
}

module "access" {
  source = "../iam"

  name               = local.name
  archive_uris       = compact([for archive in var.model.containers[*].archive : try(archive.s3_uri, null)])
  deployer           = var.access.deployer
  endpoint_arn       = module.endpoint.arn
  execution_role_arn = module.model.execution_role_arn
  github             = var.access.github
  managed_policies   = var.access.managed_policies
  results_queue_arn  = module.notifications.results_queue.arn
  storage            = local.storage
  topic_arns         = module.notifications.topic_arns
}
