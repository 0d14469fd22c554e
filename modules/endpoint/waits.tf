# How long an update waits in all, beside starting instances: the limit of guardrails must be longer. The same rule as in
# scripts/async_endpoint/core/hosting_rules.py (waiting_seconds).
locals {
  _waiting = try(one([for strategy in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : strategy if strategy != null]), null)

  # A canary has two steps; other steps divide the instances, of which two are assumed where their number is not known.
  steps = local._waiting == null ? 1 : var.guardrails.canary != null ? 2 : max([
    for variant in var.endpoint_config.variants : try(ceil(
      coalesce(variant.initial_instances, 2) / min(
        coalesce(variant.initial_instances, 2),
        max(1, coalesce(local._waiting.instances, ceil(coalesce(variant.initial_instances, 2) * coalesce(local._waiting.percent, 100) / 100))),
      )
    ), 2)
  ]...)

  waiting_seconds = local.steps * try(local._waiting.wait_seconds, 0) + (var.guardrails.rolling == null ? var.guardrails.termination_wait_seconds : 0)
}
