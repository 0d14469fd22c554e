"""The end of each AWS minute: publish datapoints, evaluate alarms, run scheduled actions, scale."""
