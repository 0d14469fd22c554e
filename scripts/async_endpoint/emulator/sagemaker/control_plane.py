"""The control plane: models, endpoint configurations, endpoints and their tags. Each API action is one method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.hosted_config import HostedConfig
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.sagemaker import absent_resources, search
from async_endpoint.emulator.sagemaker.describe_endpoint import describe
from async_endpoint.emulator.sagemaker.endpoint_config_validation import check_config
from async_endpoint.emulator.sagemaker.endpoint_validation import check_capacity, check_counts, check_guardrails, check_update
from async_endpoint.emulator.sagemaker.model_registry import (
    RegistryItem,
    absent_group_policy,
    delete_model_package,
    delete_model_package_group,
)
from async_endpoint.emulator.sagemaker.model_validation import check_model, resolve_model_packages
from async_endpoint.emulator.sagemaker.protocol import validation_exception
from async_endpoint.emulator.sagemaker.request_validation import validate_request
from async_endpoint.emulator.sagemaker.resources import (
    CONFIG,
    ENDPOINT,
    MODEL,
    Described,
    Resource,
    ResourceStore,
    Stored,
    page,
)
from async_endpoint.emulator.sagemaker.tags import as_pairs, merge
from async_endpoint.emulator.sagemaker.unsupported_members import check_supported

Action = Callable[[str, Described], Described]


class ControlPlane:
    """The SageMaker actions that this local AWS implements; moto serves the others."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._models = ResourceStore(MODEL, hosting.clock.now)
        self._configs = ResourceStore(CONFIG, hosting.clock.now)
        self._endpoints = ResourceStore(ENDPOINT, hosting.clock.now)
        hosting.callbacks.model_exists = self._models.has
        hosting.callbacks.endpoint_deleted = self._endpoints.discard
        self._actions: dict[str, Action] = {
            "CreateModel": self._create_model,
            "DescribeModel": self._describe_model,
            "DeleteModel": self._delete_model,
            "ListModels": self._list(self._models, "Models", "Model"),
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": self._describe_config,
            "DeleteEndpointConfig": self._delete_config,
            "ListEndpointConfigs": self._list(self._configs, "EndpointConfigs", "EndpointConfig"),
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self._update_capacities,
            "DeleteEndpoint": self._delete_endpoint,
            "ListEndpoints": self._list(self._endpoints, "Endpoints", "Endpoint"),
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
            "DeleteTags": self._delete_tags,
            "Search": self._search,
            "DeleteModelPackage": delete_model_package,
            "DeleteModelPackageGroup": delete_model_package_group,
            "GetModelPackageGroupPolicy": absent_group_policy,
            "DeleteModelPackageGroupPolicy": absent_group_policy,
        }

    @property
    def implemented(self) -> frozenset[str]:
        """The actions of hosting, of tags and of the model registry; those on absent resources are not among them."""
        return frozenset(self._actions)

    def handles(self, action: str, request: Described) -> bool:
        """Whether this action is answered here: those of hosting, tags, search, and those on absent resources."""
        if action == "Search" and request.get("Resource") in search.MOTOS:
            return False
        return action in self._actions or absent_resources.answers(action)

    def handle(self, action: str, region: str, request: Described) -> Described:
        """Perform one action and return its response; raises ApiError."""
        valid_request = validate_request("sagemaker", action, request)
        check_supported(action, valid_request)
        if action not in self._actions:
            return absent_resources.answer(action, valid_request)
        return self._actions[action](region, valid_request)

    def resources(self, region: str) -> list[tuple[str, Resource]]:
        """All models, configurations and endpoints of a region, each with the resource type in its ARN."""
        return [(kind.kind.word, item) for kind in (self._models, self._configs, self._endpoints) for item in kind.all(region)]

    def saved(self) -> dict[str, Stored]:
        """The stored models, configurations and endpoints, by resource type, for a snapshot."""
        return {kind.kind.word: kind.saved() for kind in (self._models, self._configs, self._endpoints)}

    def restore(self, saved: dict[str, Stored]) -> None:
        """Restore a snapshot, after hosting restored its endpoints; discards endpoints that hosting no longer has."""
        for kind in (self._models, self._configs, self._endpoints):
            kind.restore(saved[kind.kind.word])
        for region, name in saved[ENDPOINT.word]:
            if self._hosting.get(region, name) is None:
                self._endpoints.discard(region, name)

    def reset(self) -> None:
        """Discard all models, configurations and endpoints."""
        for kind in (self._models, self._configs, self._endpoints):
            kind.restore({})

    # --- models --------------------------------------------------------------------------------------------------------

    def _create_model(self, region: str, request: Described) -> Described:
        resolved_request = resolve_model_packages(region, request)
        check_supported("CreateModel", resolved_request)  # what a model package adds
        check_model(region, resolved_request, self._hosting.runtime)
        model = self._models.add(region, request)
        model.resolved_request = resolved_request
        return {"ModelArn": model.arn}

    def _describe_model(self, region: str, request: Described) -> Described:
        model = self._models.get(region, request["ModelName"])
        answer = {"EnableNetworkIsolation": False, **model.request, "ModelArn": model.arn, "CreationTime": model.created_at}
        if "PrimaryContainer" in answer:
            answer["PrimaryContainer"] = {"Mode": "SingleModel", **answer["PrimaryContainer"]}
        if "Containers" in answer:
            answer["Containers"] = [{"Mode": "SingleModel", **container} for container in answer["Containers"]]
        return answer

    def _delete_model(self, region: str, request: Described) -> Described:
        self._models.remove(region, request["ModelName"])
        return {}

    # --- endpoint configurations ---------------------------------------------------------------------------------------

    def _create_config(self, region: str, request: Described) -> Described:
        check_config(request, lambda name: self._models.get(region, name).resolved_request)
        return {"EndpointConfigArn": self._configs.add(region, request).arn}

    def _describe_config(self, region: str, request: Described) -> Described:
        config = self._configs.get(region, request["EndpointConfigName"])
        variants: Described = {
            member: [{"InitialVariantWeight": 1.0, **variant} for variant in config.request[member]]
            for member in ("ProductionVariants", "ShadowProductionVariants")
            if member in config.request
        }
        own = {"EndpointConfigArn": config.arn, "CreationTime": config.created_at}
        return {"EnableNetworkIsolation": False, **config.request, **variants, **own}

    def _delete_config(self, region: str, request: Described) -> Described:
        """Also while an endpoint uses it: the API reference forbids that, but SageMaker does not check."""
        self._configs.remove(region, request["EndpointConfigName"])
        return {}

    def _deployment(self, region: str, config_name: str) -> HostedConfig:
        config = self._configs.get(region, config_name).request
        return HostedConfig.read(config, lambda name: self._models.get(region, name).resolved_request)

    # --- endpoints -----------------------------------------------------------------------------------------------------

    def _create_endpoint(self, region: str, request: Described) -> Described:
        deployment = self._deployment(region, request["EndpointConfigName"])
        check_counts(deployment)
        check_guardrails(request.get("DeploymentConfig"), deployment)
        resource = self._endpoints.add(region, request)
        self._hosting.create(region, request["EndpointName"], deployment)
        return {"EndpointArn": resource.arn}

    def _describe_endpoint(self, region: str, request: Described) -> Described:
        resource, endpoint = self._endpoint(region, request["EndpointName"])
        return describe(endpoint, resource)

    def _update_endpoint(self, region: str, request: Described) -> Described:
        resource, endpoint = self._endpoint(region, request["EndpointName"])
        deployment = self._deployment(region, request["EndpointConfigName"])
        self._configs.get(region, endpoint.deployment.config_name)  # an update requires that the current configuration exists
        check_counts(deployment)
        check_update(endpoint, deployment)
        kept = resource.request if request.get("RetainDeploymentConfig") else request
        guarded = kept.get("DeploymentConfig")
        check_guardrails(guarded, deployment, endpoint)
        deployment = deployment.guarded(guarded)
        if request.get("RetainAllVariantProperties"):
            deployment = _retaining(endpoint, deployment, request.get("ExcludeRetainedVariantProperties", ()))
        if not endpoint.update(deployment):
            raise validation_exception(f'Cannot update in-progress endpoint "{resource.arn}".')
        if not request.get("RetainDeploymentConfig"):
            rest = {member: value for member, value in resource.request.items() if member != "DeploymentConfig"}
            resource.request = rest | ({"DeploymentConfig": guarded} if guarded else {})
        return {"EndpointArn": resource.arn}

    def _update_capacities(self, region: str, request: Described) -> Described:
        resource, endpoint = self._endpoint(region, request["EndpointName"])
        if endpoint.status != "InService":
            raise validation_exception(f'Cannot update in-progress endpoint "{resource.arn}".')
        for wanted in request["DesiredWeightsAndCapacities"]:
            check_capacity(endpoint, wanted)
        for wanted in request["DesiredWeightsAndCapacities"]:
            endpoint.adjust(wanted["VariantName"], wanted.get("DesiredInstanceCount"), wanted.get("DesiredWeight"))
        return {"EndpointArn": resource.arn}

    def _delete_endpoint(self, region: str, request: Described) -> Described:
        resource, endpoint = self._endpoint(region, request["EndpointName"])
        if not endpoint.delete():
            raise validation_exception(f'Cannot update in-progress endpoint "{resource.arn}".')
        for spec in endpoint.deployment.variants:
            moto_backends.deregister_scalable_target(region, f"endpoint/{endpoint.name}/variant/{spec.name}")
        return {}

    def _endpoint(self, region: str, name: str) -> tuple[Resource, HostedEndpoint]:
        resource = self._endpoints.get(region, name)
        endpoint = self._hosting.get(region, name)
        if endpoint is None:  # deleted between the two look-ups
            raise validation_exception(ENDPOINT.missing.format(arn=resource.arn))
        return resource, endpoint

    # --- lists and tags ------------------------------------------------------------------------------------------------

    def _list(self, resources: ResourceStore, member: str, word: str) -> Action:
        def answer(region: str, request: Described) -> Described:
            summaries = [self._summary(region, item, resources, word) for item in resources.all(region)]
            found, token = page([summary for summary in summaries if summary], word, request)
            return {member: found} | ({"NextToken": token} if token else {})

        return answer

    def _summary(self, region: str, item: Resource, resources: ResourceStore, word: str) -> Described:
        name = item.request[resources.kind.name]
        summary: dict[str, Any] = {resources.kind.name: name, f"{word}Arn": item.arn, "CreationTime": item.created_at}
        if word != "Endpoint":
            return summary
        endpoint = self._hosting.get(region, name)
        if endpoint is None:  # deleted between the two look-ups
            return {}
        return summary | {"LastModifiedTime": endpoint.modified_at, "EndpointStatus": endpoint.status}

    def _search(self, region: str, request: Described) -> Described:
        """Search of models and endpoints; other resources cannot exist here, so there are none."""
        records: list[Described] = []
        if request["Resource"] == "Model":
            for item in self._models.all(region):
                described = self._describe_model(region, {"ModelName": item.request["ModelName"]})
                records.append(described | {"LastModifiedTime": item.created_at, "Tags": as_pairs(item.tags)})
        elif request["Resource"] == "Endpoint":
            for item in self._endpoints.all(region):
                endpoint = self._hosting.get(region, item.request["EndpointName"])
                if endpoint is not None:
                    records.append(describe(endpoint, item) | {"Tags": as_pairs(item.tags)})
        return search.search(request, records)

    def _add_tags(self, region: str, request: Described) -> Described:
        tagged = self._tagged(region, request)
        tagged.tags = merge(tagged.tags, request["Tags"])
        return {"Tags": as_pairs(tagged.tags)}

    def _list_tags(self, region: str, request: Described) -> Described:
        return {"Tags": as_pairs(self._tagged(region, request).tags)}

    def _delete_tags(self, region: str, request: Described) -> Described:
        tagged = self._tagged(region, request)
        tagged.tags = {key: value for key, value in tagged.tags.items() if key not in request["TagKeys"]}
        return {}

    def has(self, arn: str) -> bool:
        """Whether there is a model, endpoint configuration or endpoint of this ARN."""
        return self._by_arn(arn) is not None

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a model, endpoint configuration or endpoint; none if there is no such resource."""
        found = self._by_arn(arn)
        return {} if found is None else dict(found.tags)

    def _tagged(self, region: str, request: Described) -> Resource | RegistryItem:
        arn = request["ResourceArn"]
        found = self._by_arn(arn) or RegistryItem.find(arn, region)
        if found is None:
            raise validation_exception(f'Could not find {arn.split(":")[-1].partition("/")[0].replace("-", " ")} "{arn}".')
        return found

    def _by_arn(self, wanted: str) -> Resource | None:
        return next((item for kind in (self._models, self._configs, self._endpoints) if (item := kind.by_arn(wanted))), None)


def _retaining(endpoint: HostedEndpoint, deployment: HostedConfig, exclude: list[Described]) -> HostedConfig:
    """The deployment with the live variants' instance counts, weights and data capture, except for excluded properties."""
    excluded = {item["VariantPropertyType"] for item in exclude}
    counts = {variant.name: variant.desired for variant in endpoint.variants if variant.spec.serverless is None}
    weights = {variant.name: variant.weight for variant in endpoint.variants}
    if "DataCaptureConfig" not in excluded:
        deployment = deployment.capturing_as(endpoint.deployment)
    return deployment.retaining(
        {} if "DesiredInstanceCount" in excluded else counts, {} if "DesiredWeight" in excluded else weights
    )
