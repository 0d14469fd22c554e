"""`doctor`: whether an environment can be deployed and serves, with a remedy for each thing that is not well. Read-only.

findings.py              what a check says: ok, a warning or a failure, each with a remedy
checks.py                how checks run: together, each after those that it needs
setup.py                 what they share: the root's files, sessions, what was applied
examination.py           the list of checks, for AWS and for the local AWS
tools.py                 Python, Terraform, disk
provider_plugin.py       lock file and mirror of the AWS provider, which is not started
configuration.py         region, backend, fields and model archives of the root
credentials.py           the local AWS; credentials, account and clock
state_bucket.py          bucket, state and lock
instance_quotas.py       quotas of instances
images.py                images of the containers (framework_registries.py: AWS's own)
execution_role.py        roles: trust, policies, whether they may be passed
resource_policies.py     policies of bucket, topics and key
live_parts.py            notifications, archives in S3, suspended scaling, muted alarms
network.py               subnets and their way to S3
"""
