"""Creates the variants of an endpoint's deployments: fleets, metrics, logs and how to start an instance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from async_endpoint.core.metrics import Metric
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.execution_role import AssumedRole
from async_endpoint.emulator.hosting.fleet import Fleet, ServerlessFleet
from async_endpoint.emulator.hosting.hosted_config import HostedConfig, VariantSpec
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.metrics import EndpointMetrics, StatisticSet
from async_endpoint.emulator.hosting.provisioning import WorkloadProvisioner, check_permissions, check_runtime, prepare
from async_endpoint.emulator.hosting.variant import Variant


@dataclass(frozen=True)
class VariantFactory:
    """`apply` runs an instance's state change with the endpoint's lock held."""

    endpoint_name: str
    region: str
    context: HostingContext
    logs: EndpointLogs
    apply: Callable[[Callable[[], None]], None]
    metrics: defaultdict[tuple[str, str], EndpointMetrics] = field(  # by variant and configuration, kept across updates
        default_factory=lambda: defaultdict(EndpointMetrics)
    )

    def make(self, deployment: HostedConfig) -> list[Variant]:
        """Check roles and archives, and create the variants; raises DeploymentFailed. Instances read the archives again."""
        check_permissions(deployment, self.region)
        return [self._variant(deployment, spec) for spec in deployment.specs]

    def flush(self, variant_name: str) -> dict[str, dict[Metric, StatisticSet]]:
        """The statistics of a variant since the last flush, by configuration, of those that counted something."""
        flushed = {config: counted.flush() for (name, config), counted in list(self.metrics.items()) if name == variant_name}
        return {config: counts for config, counts in flushed.items() if counts}

    def _variant(self, deployment: HostedConfig, spec: VariantSpec) -> Variant:
        return Variant(
            endpoint_name=self.endpoint_name,
            deployment=deployment,
            spec=spec,
            fleet=self._fleet(deployment, spec),
            metrics=self.metrics[spec.name, deployment.config_name],
            weight=spec.weight,
            shadow=spec in deployment.shadows,
        )

    def _fleet(self, deployment: HostedConfig, spec: VariantSpec) -> Fleet:
        start = self._starter(deployment, spec)
        if spec.serverless is not None:
            return ServerlessFleet(spec.serverless, start, self.context.clock)
        settings = deployment.async_settings
        return Fleet(spec.initial_count, start, self.context.clock, settings.concurrency if settings else None)

    def _starter(self, deployment: HostedConfig, spec: VariantSpec) -> Callable[[], Instance]:
        faults = self.context.faults
        check_runtime(prepare(spec.model, self.region, faults), self.context, spec.instance_type)
        workload = WorkloadProvisioner(self.endpoint_name, self.region, spec.model, deployment.kms_key, self.context)
        log = self.logs.writer(AssumedRole(spec.model.role_arn, self.region), spec.name)
        return lambda: Instance(self.context, workload, spec.startup_seconds, log, self.apply, faults.start(self.endpoint_name))
