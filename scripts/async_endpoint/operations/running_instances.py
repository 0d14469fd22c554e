"""The instances that an endpoint has now, by type: what is billed for it by the hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from async_endpoint.aws import AwsSession, translate_errors


def running_instances(session: AwsSession, name: str) -> Mapping[str, int]:
    """Instances of endpoint `name` by instance type; none for serverless variants. Raises what `translate_errors` raises."""
    with translate_errors(session, "sagemaker:DescribeEndpoint", f"endpoint {name}"):
        endpoint = session.sagemaker.describe_endpoint(EndpointName=name)
        config = session.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    configured = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", ())]
    types = {variant["VariantName"]: variant.get("InstanceType") for variant in configured}
    counts: Counter[str] = Counter()
    for variant in [*endpoint.get("ProductionVariants", ()), *endpoint.get("ShadowProductionVariants", ())]:
        instance_type = types.get(variant["VariantName"])
        if instance_type is not None:
            counts[instance_type] += int(variant.get("CurrentInstanceCount", 0))
    return counts
