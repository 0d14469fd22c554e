"""Endpoints that run: a queue, a fleet of instances, delivery by the execution role, metrics.

service.py     the endpoints of one local AWS          endpoint.py   one endpoint: its states and its loop
deployment.py  what a configuration says to run        fleet.py      instances towards a desired count
queue.py       requests waiting, and their expiry      instance.py   launch, start, serve, drain, stop
processing.py  one request, from input to outcome      role.py       every act on the customer's behalf, checked
notifications.py  the SNS messages                     metrics.py    what CloudWatch is told each minute
"""
