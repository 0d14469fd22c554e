"""The dimension `sagemaker:variant:DesiredProvisionedConcurrency` of serverless variants, which moto lacks."""

from __future__ import annotations

from enum import Enum

from async_endpoint.emulator.moto_backends import DIMENSIONS
from async_endpoint.emulator.moto_patches.application_autoscaling import models, responses


def apply() -> None:
    known = {member.name: member.value for member in models.ScalableDimensionValueSet}
    more = {f"ADDED_{place}": dimension for place, dimension in enumerate(DIMENSIONS) if dimension not in known.values()}
    models.ScalableDimensionValueSet = responses.ScalableDimensionValueSet = Enum("ScalableDimensionValueSet", known | more)
