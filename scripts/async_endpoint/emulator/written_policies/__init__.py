"""Policies of buckets, topics, queues, keys and roles, checked when they are written, in each service's words.

AWS refuses a policy that is malformed, that is about another resource, or that names a user or role of the account which does
not exist (IAM user guide, "Principal"). A principal of another account, a service and a federation are checked by their form
only.
"""
