"""The calls that a local AWS counted are compared with the tables of docs/local-aws.md."""

from __future__ import annotations

from support.calls_table import SERVICES, actions, undocumented
from support.documents import Document


def test_a_call_missing_from_the_tables_is_detected(local_aws_page: Document) -> None:
    calls = {
        "sagemaker": {"CreateEndpoint": 1, "CreateDomain": 2},
        "sts": {"GetCallerIdentity": 1},
        "sns": {"": 1},
        "athena": {"StartQueryExecution": 1},
    }
    assert undocumented(local_aws_page, calls) == {"sagemaker CreateDomain", "sns ", "athena StartQueryExecution"}


def test_a_call_of_each_table_is_documented(local_aws_page: Document) -> None:
    for heading, services in SERVICES.items():
        listed = dict.fromkeys(actions(local_aws_page, heading), 1)
        assert all(undocumented(local_aws_page, {service: listed}) == set() for service in services)
