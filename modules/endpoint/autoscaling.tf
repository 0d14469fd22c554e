locals {
  _dimension = "sagemaker:variant:${var.endpoint_config.kind == "serverless" ? "DesiredProvisionedConcurrency" : "DesiredInstanceCount"}"

  # Metrics for target tracking. A policy on a metric that the endpoint's kind does not publish, or on other dimensions, never acts:
  # the backlog is published with the endpoint's name alone, utilization with the variant's name too.
  _metrics = {
    backlog_per_instance                = { predefined = null, name = "ApproximateBacklogSizePerInstance", namespace = "AWS/SageMaker", by_variant = false }
    cpu_percent                         = { predefined = null, name = "CPUUtilization", namespace = "/aws/sagemaker/Endpoints", by_variant = true }
    gpu_percent                         = { predefined = null, name = "GPUUtilization", namespace = "/aws/sagemaker/Endpoints", by_variant = true }
    invocations_per_instance            = { predefined = "SageMakerVariantInvocationsPerInstance" }
    provisioned_concurrency_utilization = { predefined = "SageMakerVariantProvisionedConcurrencyUtilization" }
  }

  # SageMaker adds utilization up over cores and GPUs: four cores at 50 % are 200.
  _units = {
    for name, variant in var.endpoint_config.variants : name => { cpu_percent = coalesce(variant.vcpus, 1), gpu_percent = coalesce(variant.gpus, 1) }
  }

  _tracking = merge([
    for name, scaling in var.scaling : {
      for target in keys(local._metrics) : "${name}/${target}" => merge(scaling, {
        metric  = local._metrics[target]
        target  = target
        value   = scaling["target_${target}"] * try(local._units[name][target], 1)
        variant = name
      }) if scaling["target_${target}"] != null
    }
  ]...)
}

# Replacing this replaces all scaling: targets are deregistered, the endpoint, which depends on this, is updated, and targets are
# registered again. SageMaker refuses another instance type, and the removal of a variant, while a target is registered. The bounds
# of a variant with schedules are included because its target ignores their changes (see below), and so that a variant that gains
# its first schedule, or loses its last, is deregistered before it is registered.
resource "terraform_data" "scaled" {
  triggers_replace = {
    for name, variant in var.endpoint_config.variants : name => {
      bounds        = length(try(var.scaling[name].schedules, {})) == 0 ? null : [var.scaling[name].min_instances, var.scaling[name].max_instances]
      instance_type = variant.instance_type
    }
  }
}

# References the endpoint's resource, not var.name, so that a destroy deregisters the target before it deletes the endpoint.
resource "aws_appautoscaling_target" "this" {
  for_each = { for name, scaling in var.scaling : name => scaling if length(scaling.schedules) == 0 }

  service_namespace  = "sagemaker"
  scalable_dimension = local._dimension
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${each.key}"
  min_capacity       = each.value.min_instances
  max_capacity       = each.value.max_instances
  tags               = var.tags

  lifecycle {
    replace_triggered_by = [terraform_data.scaled]
  }
}

# A scheduled action changes the bounds of its target. Terraform would treat that as drift, and an apply during business hours would
# undo the morning's action: so these bounds are set once.
resource "aws_appautoscaling_target" "scheduled" {
  for_each = { for name, scaling in var.scaling : name => scaling if length(scaling.schedules) > 0 }

  service_namespace  = "sagemaker"
  scalable_dimension = local._dimension
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${each.key}"
  min_capacity       = each.value.min_instances
  max_capacity       = each.value.max_instances
  tags               = var.tags

  lifecycle {
    ignore_changes       = [max_capacity, min_capacity]
    replace_triggered_by = [terraform_data.scaled]
  }
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = merge([
    for name, scaling in var.scaling : { for action, schedule in scaling.schedules : "${name}/${action}" => merge(schedule, { action = action, variant = name }) }
  ]...)

  name               = lookup(try(var.names[each.value.variant].scheduled_actions, {}), each.value.action, "${var.name}-${each.value.action}")
  service_namespace  = "sagemaker"
  scalable_dimension = local._dimension
  resource_id        = merge(aws_appautoscaling_target.this, aws_appautoscaling_target.scheduled)[each.value.variant].resource_id
  schedule           = each.value.schedule
  timezone           = each.value.timezone
  start_time         = each.value.start_time
  end_time           = each.value.end_time

  scalable_target_action {
    min_capacity = each.value.min_instances
    max_capacity = each.value.max_instances
  }

  lifecycle {
    replace_triggered_by = [terraform_data.scaled]
  }
}

# One for each target of a variant. For an asynchronous variant it scales from one instance upwards, and back to zero.
resource "aws_appautoscaling_policy" "tracking" {
  for_each = local._tracking

  name               = lookup(try(var.names[each.value.variant].tracking_policies, {}), each.value.target, "${var.name}-${replace(each.value.target, "_", "-")}")
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "sagemaker"
  scalable_dimension = local._dimension
  resource_id        = merge(aws_appautoscaling_target.this, aws_appautoscaling_target.scheduled)[each.value.variant].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.value
    scale_in_cooldown  = each.value.scale_in_cooldown_seconds
    scale_out_cooldown = each.value.scale_out_cooldown_seconds

    dynamic "predefined_metric_specification" {
      for_each = each.value.metric.predefined[*]

      content {
        predefined_metric_type = predefined_metric_specification.value
      }
    }

    dynamic "customized_metric_specification" {
      for_each = each.value.metric.predefined == null ? [each.value.metric] : []
      iterator = metric

      content {
        namespace   = metric.value.namespace
        metric_name = metric.value.name
        statistic   = "Average"

        dynamic "dimensions" {
          for_each = merge({ EndpointName = aws_sagemaker_endpoint.this.name }, metric.value.by_variant ? { VariantName = each.value.variant } : {})

          content {
            name  = dimensions.key
            value = dimensions.value
          }
        }
      }
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.scaled]
  }
}
