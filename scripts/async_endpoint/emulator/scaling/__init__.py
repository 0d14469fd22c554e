"""Each scaled minute: datapoints published, alarms evaluated, the deployed policies and schedules acted on.

scheduler.py         the minutes                              targets.py        one decision a scalable target
datapoints.py     what endpoints publish                   policies.py       its policies, as autoscaling/ reads them
samples.py        every datapoint, by metric               scheduled.py      its scheduled actions
queries.py        questions about metrics                  activities.py     the scaling activities that follow
alarms.py         CloudWatch's alarms                      history.py        what happened to them
alarm_actions.py  what they do                             alarm_messages.py    how they say it
alarm_rules.py    what is refused of them                  log_errors.py       what fails alone
"""
