"""What happens at the end of each AWS minute: datapoints are published, alarms evaluated, policies and schedules acted on."""
