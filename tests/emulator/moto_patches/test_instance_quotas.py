"""Quotas of instances of endpoints, which moto does not have."""

from __future__ import annotations

from async_endpoint.emulator.hosting.error_messages import MAX_INSTANCES
from support.in_process_aws import AwsHarness


def test_every_instance_type_has_a_quota_by_its_name_on_aws(local_aws: AwsHarness) -> None:
    client = local_aws.client("service-quotas")
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        pages = list(client.get_paginator(operation).paginate(ServiceCode="sagemaker", PaginationConfig={"PageSize": 50}))
        quotas = {quota["QuotaName"]: quota for page in pages for quota in page["Quotas"]}
        assert len(pages) > 2 and all(len(page["Quotas"]) <= 50 for page in pages)
        assert quotas["ml.g5.xlarge for endpoint usage"]["Value"] == MAX_INSTANCES
    code = quotas["ml.m5.large for endpoint usage"]["QuotaCode"]
    found = client.get_service_quota(ServiceCode="sagemaker", QuotaCode=code)["Quota"]
    assert found["QuotaName"] == "ml.m5.large for endpoint usage"
    assert len({quota["QuotaCode"] for quota in quotas.values()}) == len(quotas)
