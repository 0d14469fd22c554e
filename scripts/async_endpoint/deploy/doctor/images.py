"""The images of the containers: whether their registry has them, in the endpoint's region and for its processor.

Registries of AWS can be pulled from and not listed (ecr:DescribeImages is not among what their repository policies grant, see
"unable to describe images" in jetstack/version-checker, issue 122), and so may those of other accounts; so of these, region and
processor are compared and the tag is not. The local AWS takes no image from a registry, so there none has to exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import DENIED_CODES, error_code
from async_endpoint.core.hosting_rules import architecture, image_region
from async_endpoint.deploy.doctor.findings import Finding, failure, ok
from async_endpoint.deploy.doctor.framework_registries import FRAMEWORK_REGISTRIES, registry_of
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.terraform.configured_endpoints import ConfiguredEndpoint, Setting

_URI: Final = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)[:@](?P<version>.+)$"
)
_INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MISSING: Final = frozenset({"RepositoryNotFoundException", "ImageNotFoundException"})
_ACCELERATED: Final = re.compile(r"^ml\.(?:g[0-9]|gr[0-9]|p[0-9])")
_NEURON: Final = re.compile(r"^ml\.(?:inf|trn)[0-9]")


@dataclass(frozen=True)
class EcrImage:
    """An image in Amazon ECR: registry, region, repository, and tag or digest."""

    account: str
    region: str
    repository: str
    version: str

    @property
    def is_digest(self) -> bool:
        return self.version.startswith("sha256:")

    @classmethod
    def parse(cls, uri: str) -> EcrImage | None:
        """None for an image of another registry, or without tag and digest."""
        found = _URI.match(uri)
        return cls(found["account"], found["region"], found["name"], found["version"]) if found else None


def image_choice(setup: Setup) -> Iterator[Finding]:
    """That each image is one of the region, and for the processor of its instance type. Offline."""
    region = setup.region
    for endpoint in setup.endpoints:
        kind = endpoint.get("endpoint.instance_type")
        for container in endpoint.containers:
            image = container.get("image")
            if isinstance(image, Mapping):
                yield from _choice(endpoint, image, kind if isinstance(kind, str) else "", region)


def image_registry(setup: Setup) -> Iterator[Finding]:
    """That the images in repositories of this account, and of others that it may list, exist for the processor."""
    images = dict(_wanted(setup))
    own = [(image, kind) for image, kind in images.items() if image.account not in FRAMEWORK_REGISTRIES.values()]
    for image, kind in own:
        yield _existing(setup, image, kind)
    if not own:
        yield ok("no image of a repository of your own")


def _choice(endpoint: ConfiguredEndpoint, image: Mapping[str, Setting], kind: str, region: str) -> Iterator[Finding]:
    uri, framework = image.get("uri"), image.get("framework")
    if isinstance(uri, str) and (there := image_region(uri)) not in (None, region):
        yield failure(
            f"endpoint {endpoint.name} is in {region}, and its image {uri} in {there}, from where SageMaker does not pull",
            "replicate the repository to that region (ECR, private image replication), and name it there",
        )
        return
    if not isinstance(framework, str):
        yield ok(f"endpoint {endpoint.name}: {uri if isinstance(uri, str) else 'an image of its own'}")
        return
    processor = image.get("processor")
    if registry_of(region) is None:
        yield failure(
            f"AWS has no registry of {framework} images in {region} that the provider knows",
            "copy the image to a repository of your own in that region, and give image.repository",
        )
    elif kind and (architecture(kind) != "amd64" or _NEURON.match(kind)):
        yield failure(
            f"endpoint {endpoint.name} has instance type {kind}, and {framework} images are for x86 processors and NVIDIA GPUs",
            "give an image for that processor (image.prebuilt, image.repository or image.uri), or another instance type",
        )
    elif processor == "gpu" and kind and not _ACCELERATED.match(kind):
        yield failure(
            f"endpoint {endpoint.name} has a GPU image, and {kind} has no GPU",
            "leave image.processor out, which then follows the instance type, or take a type such as ml.g5.xlarge",
        )
    else:
        yield ok(f"endpoint {endpoint.name}: {framework} {image.get('version')} of registry {registry_of(region)}")


def _wanted(setup: Setup) -> Iterator[tuple[EcrImage, str]]:
    """The images in ECR and the instance type of each: of the models that serve, else as the root's files name them."""
    if setup.applied:
        for outputs in setup.applied.values():
            model = setup.session(outputs.region).sagemaker.describe_model(ModelName=outputs.endpoint.model_name)
            for container in model.get("Containers") or [model.get("PrimaryContainer", {})]:
                if image := EcrImage.parse(container.get("Image", "")):
                    yield image, outputs.endpoint.instance_type
        return
    for endpoint in setup.endpoints:
        kind = endpoint.get("endpoint.instance_type")
        for container in endpoint.containers:
            image = _configured(setup, container.get("image"))
            if image is not None:
                yield image, kind if isinstance(kind, str) else ""


def _configured(setup: Setup, image: Setting) -> EcrImage | None:
    if not isinstance(image, Mapping):
        return None
    uri, repository = image.get("uri"), image.get("repository")
    if isinstance(uri, str):
        return EcrImage.parse(uri)
    if not isinstance(repository, Mapping):
        return None
    account, name = repository.get("account_id") or setup.account_id, repository.get("name")
    version = repository.get("digest") or repository.get("tag")
    if isinstance(account, str) and isinstance(name, str) and isinstance(version, str):
        return EcrImage(account, setup.region, name, version)
    return None


def _existing(setup: Setup, image: EcrImage, kind: str) -> Finding:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to load

    identifier = {"imageDigest" if image.is_digest else "imageTag": image.version}
    shown = f"{image.repository}{'@' if image.is_digest else ':'}{image.version} of registry {image.account} in {image.region}"
    request = {"registryId": image.account, "repositoryName": image.repository, "imageIds": [identifier]}
    ecr = setup.session(image.region).client("ecr")
    try:
        [described] = ecr.describe_images(**request)["imageDetails"]
    except ClientError as error:
        if setup.local and error_code(error) in _MISSING:
            return ok(f"{shown} is not in the local AWS, which does not need it")
        if image.account != setup.account_id and error_code(error) in DENIED_CODES:
            return ok(f"{shown}: these credentials may not list that registry, so it is pulled unchecked")
        return _absent(error, image, shown)
    platforms = _platforms(ecr, request) if described.get("imageManifestMediaType") in _INDEX_TYPES else set()
    wanted = architecture(kind) if kind else ""
    if wanted and platforms and wanted not in platforms:
        return failure(
            f"image {shown} is for {' and '.join(sorted(platforms))}, and {kind} has a processor {wanted}",
            f"build it for that processor: docker buildx build --platform linux/{wanted}",
        )
    return ok(f"{shown}, pushed {described['imagePushedAt']:%Y-%m-%d}" if "imagePushedAt" in described else shown)


def _absent(error: Any, image: EcrImage, shown: str) -> Finding:
    code = error_code(error)
    if code == "RepositoryNotFoundException":
        return failure(
            f"registry {image.account} has no repository {image.repository} in {image.region}",
            f"push the image to such a repository, or correct the name: aws ecr create-repository --repository-name "
            f"{image.repository}",
        )
    if code == "ImageNotFoundException":
        return failure(f"there is no image {shown}", "push it, or correct the tag or digest")
    raise error


def _platforms(ecr: Any, request: Mapping[str, Any]) -> set[str]:
    """The processor architectures of an image index."""
    found = ecr.batch_get_image(**request, acceptedMediaTypes=list(_INDEX_TYPES))["images"]
    manifests = [one for image in found for one in json.loads(image["imageManifest"]).get("manifests", ())]
    return {one["platform"]["architecture"] for one in manifests if "platform" in one} - {"unknown"}
