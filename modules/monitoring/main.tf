locals {
  _production = { for name, variant in var.endpoint.variants : name => variant if !variant.shadow }

  # CPUUtilization adds up over cores, GPUUtilization and GPUMemoryUtilization over GPUs: all of four are 400 %.
  _per_instance = { cpu = "vcpus", gpu = "gpus", gpu_memory = "gpus" }

  # An idle endpoint publishes nothing, which is no fault: missing data does not breach.
  _settings = {
    for name, alarm in merge(local._default_alarms, var.monitoring.extra_alarms) : name => {
      actions             = try(var.monitoring.alarms[name].actions, null)
      comparison_operator = try(alarm.comparison_operator, "GreaterThanOrEqualToThreshold")
      datapoints          = try(var.monitoring.alarms[name].datapoints_to_alarm, null)
      metric              = alarm.metric
      missing_data        = coalesce(try(var.monitoring.alarms[name].missing_data, null), "notBreaching")
      period_seconds      = coalesce(try(var.monitoring.alarms[name].period_seconds, null), 60)
      periods             = coalesce(try(var.monitoring.alarms[name].evaluation_periods, null), try(alarm.minutes, null), try(alarm.evaluation_periods, null))
      statistic           = coalesce(try(var.monitoring.alarms[name].statistic, null), alarm.statistic)
      threshold           = try(coalesce(var.monitoring.alarms[name].threshold), alarm.threshold)
    } if contains(keys(local.published), alarm.metric) && try(var.monitoring.alarms[name].enabled, true)
  }

  _alarms = { for name, alarm in local._settings : name => merge(alarm, { description = local.descriptions[name], name = name }) }

  _of_endpoint = { for name, alarm in local._alarms : name => merge(alarm, { variant = null }) if !local.published[alarm.metric].by_variant }

  # No alarm on GPUs where there are none.
  _of_variants = merge([
    for name, alarm in local._alarms : {
      for variant, hardware in local._production : "${name}/${variant}" => merge(alarm, {
        threshold = alarm.threshold * try(hardware[local._per_instance[name]], 1)
        variant   = variant
      }) if try(hardware[local._per_instance[name]] > 0, !contains(keys(local._per_instance), name))
    } if local.published[alarm.metric].by_variant
  ]...)
}

locals {
  # SageMaker publishes these metrics by configuration too, with a third dimension (SageMaker guide, "Auto-Rollback Configuration and
  # Monitoring"); of the metrics of instances it says no such thing.
  _of_new_fleet = {
    for key, alarm in local._of_variants : key => alarm
    if contains(try(var.endpoint.new_fleet.alarms, []), alarm.name) && local.published[alarm.metric].namespace == "AWS/SageMaker"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge(local._of_endpoint, local._of_variants)

  alarm_name        = join("-", compact([var.endpoint.name, each.value.variant, replace(each.value.name, "_", "-")]))
  alarm_description = "${join("/", compact([var.endpoint.name, each.value.variant]))}: ${each.value.description}"

  alarm_actions             = coalesce(each.value.actions, var.monitoring.actions.alarm)
  insufficient_data_actions = var.monitoring.actions.insufficient_data
  ok_actions                = var.monitoring.actions.ok

  namespace   = local.published[each.value.metric].namespace
  metric_name = each.value.metric
  dimensions  = merge({ EndpointName = var.endpoint.name }, each.value.variant == null ? {} : { VariantName = each.value.variant })

  comparison_operator = each.value.comparison_operator
  datapoints_to_alarm = coalesce(each.value.datapoints, each.value.periods)
  evaluation_periods  = each.value.periods
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  period              = each.value.period_seconds
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing_data

  tags = var.tags

  lifecycle {
    # "Invalid region … specified. Only … is supported." (cds-snc/notification-terraform, pull request 128); some ARNs have no region.
    precondition {
      condition = alltrue([
        for arn in flatten([[for arns in var.monitoring.actions : tolist(arns)], tolist(coalesce(each.value.actions, []))]) :
        contains(["", data.aws_region.current.id], split(":", arn)[3])
      ])
      error_message = "Actions of monitoring must be in ${data.aws_region.current.id}, the region of the alarms: Amazon CloudWatch notifies no topic of another region. Use a topic here and subscribe to it from there."
    }
  }
}

# One for each configuration, and never changed to watch another: PutMetricAlarm keeps the state of an alarm that exists, so one in ALARM
# would roll the next update back before that has served a request.
resource "aws_cloudwatch_metric_alarm" "new_fleet" {
  for_each = local._of_new_fleet

  alarm_name = join("-", [
    var.endpoint.name, each.value.variant, replace(each.value.name, "_", "-"), trimprefix(var.endpoint.new_fleet.config_name, "${var.endpoint.name}-"),
  ])
  alarm_description = "${var.endpoint.name}/${each.value.variant}, instances of configuration ${var.endpoint.new_fleet.config_name} alone: ${each.value.description}"

  namespace   = local.published[each.value.metric].namespace
  metric_name = each.value.metric
  dimensions = {
    EndpointConfigName = var.endpoint.new_fleet.config_name
    EndpointName       = var.endpoint.name
    VariantName        = each.value.variant
  }

  comparison_operator = each.value.comparison_operator
  datapoints_to_alarm = coalesce(each.value.datapoints, each.value.periods)
  evaluation_periods  = each.value.periods
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  period              = each.value.period_seconds
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing_data

  tags = var.tags

  lifecycle {
    create_before_destroy = true
  }
}
