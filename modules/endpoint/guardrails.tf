# var.guardrails in the structure of the deployment_config block.
#
# Provider 5.100 replaces the endpoint, which is absent meanwhile, when auto_rollback_configuration is added or removed; alarms in it
# may change. So rollback_on has at least one alarm from the first apply or never any, unless async-endpoint applies the change.
locals {
  rollback_alarm_names = flatten([for key in var.guardrails.rollback_on : var.alarm_names["${var.guardrails.new_fleet_only ? "new_fleet/" : ""}${key}"]])

  _strategy = one([for name in ["canary", "linear", "rolling"] : name if var.guardrails[name] != null])
  _step_size = local._strategy == null ? null : {
    type  = var.guardrails[local._strategy].percent == null ? "INSTANCE_COUNT" : "CAPACITY_PERCENT"
    value = coalesce(var.guardrails[local._strategy].percent, var.guardrails[local._strategy].instances)
  }
  _rollback_size = try(coalesce(var.guardrails.rolling.rollback_percent, var.guardrails.rolling.rollback_instances), null)

  deployment = var.endpoint_config.kind == "serverless" ? null : {
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
