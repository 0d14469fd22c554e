"""What PutDashboard refuses: names, and bodies whose widgets CloudWatch could not show.

Source: API reference, "Dashboard body structure and syntax"; the message is that of aws-eda-slurm-cluster 116, pulumi 13059 and
amazon-cloudwatch-user-guide 10. Checked are the widgets' type, place and the members that each type requires, not the whole
schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput

MAX_WIDGETS: Final = 500
COLUMNS: Final = 24
_TYPES: Final = ("metric", "text", "log", "alarm", "explorer", "custom", "chart")
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("markdown",),
    "log": ("query", "region"),
    "alarm": ("alarms",),
    "custom": ("endpoint",),
}
_NO_METRIC: Final = (
    'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as last element'
)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


class InvalidBody(InvalidInput):
    """A body that is no JSON, or has widgets that are refused."""


def check_dashboard(name: str, body: str) -> None:
    """Check a PutDashboard request; raises InvalidInput for its name, InvalidBody with every fault of its body."""
    if not _NAME.fullmatch(name):  # LocalStack's snapshots, recorded on AWS
        raise InvalidInput(
            "The value for field DashboardName contains invalid characters. "
            "It can only contain alphanumerics, dash (-) and underscore (_).\n"
        )
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidBody("The field DashboardBody must be a valid JSON object") from error
    faults = [{"dataPath": path, "message": message} for path, message in _faults(document)]
    if faults:
        raise InvalidBody(
            f"The dashboard body is invalid, there are {len(faults)} validation errors:\n{json.dumps(faults, indent=2)}"
        )


def _faults(document: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(document, dict):
        yield "", "Should be object"
        return
    widgets = document.get("widgets", [])
    if not isinstance(widgets, list):
        yield "/widgets", "Should be array"
        return
    if len(widgets) > MAX_WIDGETS:
        yield "/widgets", f"Should NOT have more than {MAX_WIDGETS} items"
    for index, widget in enumerate(widgets):
        yield from _widget(f"/widgets/{index}", widget)


def _widget(path: str, widget: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(widget, dict):
        yield path, "Should be object"
        return
    kind, properties = widget.get("type"), widget.get("properties")
    for name, least, most in (("x", 0, COLUMNS - 1), ("y", 0, None), ("width", 1, COLUMNS), ("height", 1, 1_000)):
        value = widget.get(name)
        if value is not None and (not isinstance(value, int | float) or value < least or (most is not None and value > most)):
            yield f"{path}/{name}", f"Should be a number from {least}" + (f" to {most}" if most is not None else "")
    if kind not in _TYPES:
        yield f"{path}/type", f"Should be equal to one of the allowed values [{', '.join(_TYPES)}]"
    if not isinstance(properties, dict):
        yield path, "Should have required property 'properties'"
        return
    for name in _REQUIRED.get(str(kind), ()):
        if name not in properties:
            yield f"{path}/properties", f"Should have required property '{name}'"
    if kind == "metric":
        yield from _metric_widget(f"{path}/properties", properties)


def _metric_widget(path: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A metric widget has metrics, with a region, or an alarm annotation; each metric is an array."""
    metrics, annotated = properties.get("metrics"), "alarms" in (properties.get("annotations") or {})
    if not metrics and not annotated:
        yield path, "Should have required property 'metrics'"
        yield path, "The metric widget should have specified a region and a data source or an alarm annotation"
        yield path, "Should have required property 'annotations'"
        return
    if metrics is not None and not isinstance(metrics, list):
        yield f"{path}/metrics", "Should be array"
        return
    if metrics and not properties.get("region"):
        yield path, "Should have required property 'region'"
    for index, metric in enumerate(metrics or ()):
        if not isinstance(metric, list) or not all(isinstance(part, str) for part in metric[:-1]):
            yield f"{path}/metrics/{index}", "Should be array"
            yield f"{path}/metrics/{index}", _NO_METRIC
