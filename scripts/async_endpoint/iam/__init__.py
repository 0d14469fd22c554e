"""Pure evaluation of IAM policies: documents and a request in, a verdict in AWS's own wording out.

    request.py      what is asked, by whom, in what context
    matching.py     wildcards, ARNs, policy variables
    conditions.py   the Condition element
    principals.py   the Principal element
    document.py     documents read into statements, and whether one applies
    evaluation.py   the verdict: identity and resource policies, KMS keys, trust

Source: IAM user guide, "Policy evaluation logic" and the policy element reference. Not emulated: permissions boundaries,
service control policies, session policies, grants, ACLs.
"""

from async_endpoint.iam.evaluation import Verdict, evaluate, evaluate_key, evaluate_trust
from async_endpoint.iam.request import AccessRequest

__all__ = ["AccessRequest", "Verdict", "evaluate", "evaluate_key", "evaluate_trust"]
