"""Evaluation of IAM policies as pure functions: documents and a request in, a verdict in AWS's words out.

Source: IAM user guide, "Policy evaluation logic" and the policy element reference. Not emulated: service control policies and
ACLs.
"""

from async_endpoint.iam.evaluation import Verdict, evaluate, evaluate_assumption, evaluate_key, evaluate_trust
from async_endpoint.iam.request import AccessRequest

__all__ = ["AccessRequest", "Verdict", "evaluate", "evaluate_assumption", "evaluate_key", "evaluate_trust"]
