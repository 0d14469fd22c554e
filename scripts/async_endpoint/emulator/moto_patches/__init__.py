"""Patches of moto, for the whole process: what it lacks, does differently from AWS, or does too slowly.

One file a patch; its docstring says what moto does and what AWS does. Every module here with a function `apply` is a patch; the
parameters of `apply` name the parts of the emulator that it needs. A subpackage named after a service holds patches that load
with that service only. moto is pinned; a test in tests/emulator/moto_patches fails for a patch that upstream no longer needs.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from inspect import signature
from pathlib import Path

from async_endpoint.emulator.faults.deliveries import Deliveries
from async_endpoint.emulator.filter_delay import FilterDelay
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.scaling.metric_store import MetricStore
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler


def apply_patches(
    hosting: Hosting,
    metric_store: MetricStore,
    scheduler: MinuteScheduler,
    deliveries: Deliveries,
    filter_delay: FilterDelay,
) -> None:
    """Apply every patch but those of services that load lazily."""
    parts = {
        "hosting": hosting,
        "metric_store": metric_store,
        "scheduler": scheduler,
        "deliveries": deliveries,
        "filter_delay": filter_delay,
    }
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__) if not found.ispkg]
    for module in modules:  # all are loaded by now: each has kept the functions of moto's that it replaces
        if hasattr(module, "apply"):
            module.apply(**{name: parts[name] for name in signature(module.apply).parameters})


def apply_lazily(service: str) -> None:
    """Apply the patches of a service that is slow to load; call it before the first request to the service is answered."""
    if service in [found.name for found in pkgutil.iter_modules(__path__) if found.ispkg]:
        for found in pkgutil.iter_modules([str(Path(__file__).with_name(service))]):
            import_module(f"{__name__}.{service}.{found.name}").apply()
