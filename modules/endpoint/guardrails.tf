# The words of var.guardrails in those of the API.
#
# Provider 5.100 replaces the endpoint, which is absent meanwhile, when auto_rollback_configuration appears or goes; alarms in it
# may change. So rollback_alarms holds at least one from the beginning or none ever.
locals {
  _way = one([for name in ["canary", "linear", "rolling"] : name if var.guardrails[name] != null])
  _step = local._way == null ? null : {
    type  = var.guardrails[local._way].percent == null ? "INSTANCE_COUNT" : "CAPACITY_PERCENT"
    value = coalesce(var.guardrails[local._way].percent, var.guardrails[local._way].instances)
  }
  _rollback_size = try(coalesce(var.guardrails.rolling.rollback_percent, var.guardrails.rolling.rollback_instances), null)

  deployment = var.configuration.kind == "serverless" ? null : {
    blue_green = local._way == "rolling" ? null : {
      canary_size      = local._way == "canary" ? local._step : null
      linear_step_size = local._way == "linear" ? local._step : null
      type             = local._way == null ? "ALL_AT_ONCE" : upper(local._way)
      wait_seconds     = local._way == null ? 0 : var.guardrails[local._way].wait_seconds
    }

    rolling = local._way != "rolling" ? null : {
      batch_size = local._step
      rollback_size = local._rollback_size == null ? null : {
        type  = var.guardrails.rolling.rollback_percent == null ? "INSTANCE_COUNT" : "CAPACITY_PERCENT"
        value = local._rollback_size
      }
      wait_seconds = var.guardrails.rolling.wait_seconds
    }
  }
}
