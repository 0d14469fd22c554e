"""What `verify` compares with the last apply, one file a subject.

findings.py        a check that holds, a difference, and whether an apply repairs it
hosting.py         the endpoint, its variant and its configuration
scaling.py         the scalable target, its policies and its scheduled actions
alarms.py          the alarms that scale, that wake, and that watch
notifications.py   the topics, their subscriptions and the queues
archives.py        the model archives: version and content
execution_role.py  what the execution role may do, supplied ones included
drift.py           everything else: what a plan of Terraform says has changed
"""
