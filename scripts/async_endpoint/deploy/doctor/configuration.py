"""The files of the root: its region, its backend, fields that modules do not have, and the archives that it names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from async_endpoint.core.text import joined
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, warning
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.packaging.inspection import CheckedArchive, check_archive
from async_endpoint.terraform.configured_endpoints import ConfiguredEndpoint, Setting
from async_endpoint.terraform.unknown_fields import require_known_fields


def configuration(setup: Setup) -> Iterator[Finding]:
    """That the root names a region, and no field that Terraform would ignore."""
    require_known_fields(setup.source)
    region, endpoints = setup.region, [endpoint.name for endpoint in setup.endpoints]
    if region not in sagemaker_regions():
        yield warning(
            f"SageMaker has no region {region} that this version of botocore knows", "correct the region, or upgrade boto3"
        )
    yield ok(f"region {region}, {f'endpoints {joined(endpoints)}' if endpoints else 'no call of module async-inference'}")


def backend(setup: Setup) -> Iterator[Finding]:
    """That the backend of the state is complete, and locks."""
    found = setup.backend
    if found is None:
        yield ok("the state of the local AWS" if setup.local else "a state on this machine")
        return
    if not found.locks:
        yield failure(
            f"the backend of {setup.environment} does not lock its state, so two applies may run at once",
            f"set use_lockfile = true in envs/{setup.environment}/backend.tf",
        )
    if found.region is None:
        yield failure(
            f"the backend of {setup.environment} names no region of bucket {found.bucket}",
            f"set region in envs/{setup.environment}/state.s3.tfbackend",
        )
    elif found.locks:
        yield ok(f"s3://{found.bucket}/{found.key} in {found.region}")


def archives(setup: Setup) -> Iterator[Finding]:
    """That each local archive exists and is one that SageMaker extracts and the container serves."""
    seen: dict[str, CheckedArchive] = {}
    for endpoint in setup.endpoints:
        for container in endpoint.containers:
            path = _path(container.get("archive"))
            if path is None:
                continue
            file = Path(os.path.normpath(setup.source / path))
            if not file.is_file():
                yield _missing(setup, endpoint, file)
                continue
            checked = seen[str(file)] = check_archive(file, custom_image=not _is_framework(container.get("image")))
            yield ok(f"{setup.shown(file)}: {checked.files} files, {_compared(setup, endpoint, checked)}")
    if not seen and not any(_path(one.get("archive")) for endpoint in setup.endpoints for one in endpoint.containers):
        yield ok("none is uploaded from here")


def sagemaker_regions() -> set[str]:
    """The regions of SageMaker in all partitions that this version of botocore knows."""
    import botocore.session  # noqa: PLC0415 - slow to load

    # without this machine's AWS settings: a profile that does not exist is not what is asked here
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    partitions = session.get_available_partitions()
    return {name for partition in partitions for name in session.get_available_regions("sagemaker", partition)}


def _path(archive: Setting) -> str | None:
    path = archive.get("path") if isinstance(archive, dict) else None
    return path if isinstance(path, str) else None


def _is_framework(image: Setting) -> bool:
    return isinstance(image, dict) and image.get("framework") is not None


def _missing(setup: Setup, endpoint: ConfiguredEndpoint, file: Path) -> Finding:
    shown = setup.shown(file)
    example = setup.workspace.root / "examples" / file.name.removesuffix(".tar.gz")
    model = setup.shown(example) if example.is_dir() else "DIR"
    return failure(
        f"endpoint {endpoint.name} has the model archive {shown}, which is not there",
        f"make it with: async-endpoint package {model} -o {shown}",
    )


def _compared(setup: Setup, endpoint: ConfiguredEndpoint, checked: CheckedArchive) -> str:
    """Its hash, and whether it is the one that serves."""
    text = f"SHA-256 {checked.sha256[:16]}…"
    outputs = setup.applied_of(endpoint)
    known = {one.sha256 for one in outputs.model.archives if one.sha256} if outputs and outputs.model else set()
    if not known:
        return text
    return f"{text}, as applied" if checked.sha256 in known else f"{text}, another than applied: an apply updates the endpoint"
