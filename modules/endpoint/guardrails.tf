# What var.guardrails says, as the blocks of deployment_config say it.
#
# Provider 5.100 replaces the endpoint, which is absent meanwhile, when auto_rollback_configuration appears or goes; alarms in it
# may change. So rollback_alarms holds at least one from the beginning or none ever, unless async-endpoint applies it.
locals {
  _strategy = one([for name in ["canary", "linear", "rolling"] : name if var.guardrails[name] != null])
  _step_size = local._strategy == null ? null : {
    type  = var.guardrails[local._strategy].percent == null ? "INSTANCE_COUNT" : "CAPACITY_PERCENT"
    value = coalesce(var.guardrails[local._strategy].percent, var.guardrails[local._strategy].instances)
  }
  _rollback_size = try(coalesce(var.guardrails.rolling.rollback_percent, var.guardrails.rolling.rollback_instances), null)

  deployment = var.configuration.kind == "serverless" ? null : {
    blue_green = local._strategy == "rolling" ? null : {
      canary_size      = local._strategy == "canary" ? local._step_size : null
      linear_step_size = local._strategy == "linear" ? local._step_size : null
      type             = local._strategy == null ? "ALL_AT_ONCE" : upper(local._strategy)
      wait_seconds     = local._strategy == null ? 0 : var.guardrails[local._strategy].wait_seconds
    }

    rolling = local._strategy != "rolling" ? null : {
      batch_size = local._step_size
      rollback_size = local._rollback_size == null ? null : {
        type  = var.guardrails.rolling.rollback_percent == null ? "INSTANCE_COUNT" : "CAPACITY_PERCENT"
        value = local._rollback_size
      }
      wait_seconds = var.guardrails.rolling.wait_seconds
    }
  }
}
