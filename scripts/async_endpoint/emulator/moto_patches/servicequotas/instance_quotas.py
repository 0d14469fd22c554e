"""ListServiceQuotas, which moto lacks, and the quotas of SageMaker endpoints: `ml.m5.large for endpoint usage` and so on.

The names are AWS's. The values are the local AWS's own limit, and the codes are made up: AWS does not derive its own.
Service Quotas of other services are moto's.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

from async_endpoint.emulator.hosting.error_messages import MAX_INSTANCES
from async_endpoint.emulator.sagemaker.protocol import service_model

MAX_PAGE = 100  # MaxResults (API reference)
_defaults = ServiceQuotasBackend.list_aws_default_service_quotas
_get = ServiceQuotasBackend.get_service_quota


@cache
def endpoint_quotas(region: str, account: str) -> tuple[dict[str, Any], ...]:
    """The quotas of SageMaker for endpoints, one for each instance type of the service model."""
    types = service_model("sagemaker").shape_for("ProductionVariantInstanceType").enum
    return tuple(_quota(f"{kind} for endpoint usage", region, account) for kind in types)


def apply() -> None:
    def list_defaults(self: ServiceQuotasBackend, service_code: str) -> list[dict[str, Any]]:
        if service_code == "sagemaker":
            return list(endpoint_quotas(self.region_name, self.account_id))
        found: list[dict[str, Any]] = _defaults(self, service_code)
        return found

    def get(self: ServiceQuotasBackend, service_code: str, quota_code: str) -> dict[str, Any]:
        for quota in list_defaults(self, service_code) if service_code == "sagemaker" else ():
            if quota["QuotaCode"] == quota_code:
                return quota
        found: dict[str, Any] = _get(self, service_code, quota_code)
        return found

    ServiceQuotasBackend.list_aws_default_service_quotas = list_defaults
    ServiceQuotasBackend.get_service_quota = get
    ServiceQuotasResponse.list_service_quotas = _page
    ServiceQuotasResponse.list_aws_default_service_quotas = _page


def _page(self: ServiceQuotasResponse) -> str:
    request = json.loads(self.body)
    quotas = self.backend.list_aws_default_service_quotas(str(request.get("ServiceCode")))
    begin = int(request.get("NextToken") or 0)
    end = begin + min(int(request.get("MaxResults") or MAX_PAGE), MAX_PAGE)
    return json.dumps({"Quotas": quotas[begin:end]} | ({"NextToken": str(end)} if end < len(quotas) else {}))


def _quota(name: str, region: str, account: str) -> dict[str, Any]:
    code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:sagemaker/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(MAX_INSTANCES),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
