# Alarm descriptions: subject, threshold and time as configured, and the first remedy, such as
# "memory utilization ≥ 90 % for 5 minutes. Check for leaks or raise the instance type. See docs/operations.md#alarm-memory."
locals {
  _symbols = {
    GreaterThanOrEqualToThreshold = "≥"
    GreaterThanThreshold          = ">"
    LessThanOrEqualToThreshold    = "≤"
    LessThanThreshold             = "<"
  }

  # A sum or a count of samples is in other units than the averages and maxima of the catalogue.
  _units_by_alarm = {
    for name, alarm in local._settings : name => (
      contains(["SampleCount", "Sum"], alarm.statistic) ? local._units.count : try(local._units[local._default_alarms[name].unit], local._units.count)
    )
  }
  _subjects = {
    for name, alarm in local._settings : name => (
      alarm.statistic == try(local._default_alarms[name].statistic, null)
      ? local._default_alarms[name].subject
      : "${alarm.statistic} of ${try(local._default_alarms[name].subject, alarm.metric)}"
    )
  }

  # Up to three decimals, without trailing zeros.
  _thresholds = {
    for name, alarm in local._settings :
    name => join("", [replace(format("%.3f", alarm.threshold * local._units_by_alarm[name].scale), "/\\.?0+$/", ""), local._units_by_alarm[name].unit])
  }

  _minutes = {
    for name, alarm in local._settings : name => {
      for span, minutes in { period = alarm.period_seconds / 60, all = alarm.period_seconds * alarm.periods / 60 } :
      span => minutes == 1 ? "1 minute" : "${minutes} minutes"
    }
  }
  _durations = {
    for name, alarm in local._settings : name => (
      coalesce(alarm.datapoints, alarm.periods) < alarm.periods ? "in ${alarm.datapoints} of ${alarm.periods} periods of ${local._minutes[name].period}"
      : alarm.periods == 1 ? "within ${local._minutes[name].all}"
      : "for ${local._minutes[name].all}"
    )
  }

  descriptions = {
    for name, alarm in local._settings : name => join(" ", [
      local._subjects[name], local._symbols[alarm.comparison_operator], local._thresholds[name], "${local._durations[name]}.",
      try("${local._default_alarms[name].remedy} See docs/operations.md#alarm-${name}.", "Alarm ${name} of monitoring.extra_alarms."),
    ])
  }
}
