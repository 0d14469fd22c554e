"""Probes of updates and deletions, each with an endpoint of its own."""

from __future__ import annotations

from collections.abc import Iterator

from parity.account import Account
from parity.probe import INSTANCE_TYPE, Cost, Need, Observation, compare, probe


@probe(
    "A22",
    needs=[Need.OWN_ENDPOINT],
    seconds=1200,
    cost=Cost({INSTANCE_TYPE: 15}, requests=60),
    deviation="UpdateEndpoint accepts an update although the current configuration is gone",
)
def configuration_in_use_is_deleted(aws: Account) -> Iterator[Observation]:
    """A configuration in use can be deleted; afterwards UpdateEndpoint is refused, a change of capacity is not."""
    endpoint, other = aws.make_endpoint("unconfigured"), aws.make_config()
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=endpoint.config)
    refused = aws.attempt(aws.sagemaker.update_endpoint, EndpointName=endpoint.name, EndpointConfigName=other)
    yield compare("A22", expected=True, observed="Could not find endpoint configuration" in refused)
    scaled = aws.attempt(
        aws.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=endpoint.name,
        DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": 0}],
    )
    yield compare("A22", expected="accepted", observed=scaled)
