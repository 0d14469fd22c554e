"""Metrics in, desired capacity out. Pure: no I/O and no clock; time is passed in as epoch seconds.

    statistics.py   samples to one value a period, as CloudWatch aggregates them
    alarms.py       values to an alarm state: M of N, missing data, premature alarms
    policies.py     a policy and a metric to a capacity: target tracking and step scaling
    proposals.py    alarm states to what each policy proposes
    scaler.py       proposals to one decision: the largest wins, cooldowns, bounds
    schedules.py    when a scheduled action is due; cron.py its cron expressions

One turn, each minute of CloudWatch time: aggregate, evaluate each alarm, propose, decide. The local AWS drives it with the wall
clock times its time scale, a simulator with a virtual clock.
"""
