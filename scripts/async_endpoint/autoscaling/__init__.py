"""CloudWatch alarms and Application Auto Scaling as pure functions: metrics in, desired capacity out.

No I/O and no clock: time is passed in as epoch seconds. Each minute of CloudWatch time: aggregate the samples, evaluate each
alarm, propose, decide. The emulator drives it with the wall clock times its time scale, a simulator with a virtual clock.
"""
