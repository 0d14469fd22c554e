"""Each scaled minute: datapoints published, alarms evaluated, the deployed policies acted on.

ticker.py   the minutes          datapoints.py  what endpoints publish     samples.py   every datapoint, by metric
alarms.py   CloudWatch's alarms  policies.py    Application Auto Scaling's policies, as autoscaling/ reads them
targets.py  one decision a scalable target, and the activities that follow
"""
