"""Recommended settings as text for main.tf."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds


def hcl_block(settings: ModuleSettings) -> str:
    """The arguments endpoint and scaling of module async-inference, as terraform fmt writes them.

    `initial_instances` is left to the module's default. Fields of schedules that are None are left out, bounds excepted: the
    module needs both.
    """
    endpoint = {
        "instance_type": _quoted(settings.instance_type),
        "max_concurrent_invocations": str(settings.max_concurrent_invocations),
        "request_ttl_seconds": str(settings.request_ttl_seconds),
    }
    scaling = {
        "max_instances": str(settings.max_instances),
        "min_instances": str(settings.min_instances),
        "scale_in_cooldown_seconds": str(settings.scale_in_cooldown_seconds),
        "scale_out_cooldown_seconds": str(settings.scale_out_cooldown_seconds),
        "target_backlog_per_instance": f"{settings.target_backlog_per_instance:g}",
        "wake_cooldown_seconds": str(settings.wake_cooldown_seconds),
    }
    width = max((len(action.name) for action in settings.schedules), default=0)
    schedules = "".join(_schedule(action, settings, width) for action in settings.schedules)
    nested = f"\n    schedules = {{\n{schedules}    }}\n" if schedules else ""
    return f"  endpoint = {{\n{_fields(endpoint)}  }}\n\n  scaling = {{\n{_fields(scaling)}{nested}  }}\n"


def _schedule(action: ScheduledBounds, settings: ModuleSettings, width: int) -> str:
    fields = {
        "min_instances": str(settings.min_instances if action.minimum is None else action.minimum),
        "max_instances": str(settings.max_instances if action.maximum is None else action.maximum),
        "schedule": _quoted(action.schedule),
        **({} if action.timezone is None else {"timezone": _quoted(action.timezone)}),
        **({} if action.start is None else {"start_time": _time(action.start)}),
        **({} if action.end is None else {"end_time": _time(action.end)}),
    }
    return f"      {action.name:<{width}} = {{ {', '.join(f'{name} = {value}' for name, value in fields.items())} }}\n"


def _fields(fields: Mapping[str, str]) -> str:
    width = max(map(len, fields))
    return "".join(f"    {name:<{width}} = {value}\n" for name, value in fields.items())


def _time(moment: float) -> str:
    return _quoted(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{") + '"'
