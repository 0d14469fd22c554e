"""Labels of GetMetricData: the default ones, and dynamic ones such as ${PROP('Dim.EndpointName')}.

Source: CloudWatch user guide, "Using dynamic labels"; the default labels are in LocalStack's snapshots, recorded on AWS.
"""

from __future__ import annotations

import re
from typing import Final

from async_endpoint.autoscaling.metric_math.queries import MetricQuery, Queries
from async_endpoint.core.errors import InvalidInput
from async_endpoint.local_aws import ACCOUNT_ID

MAX_DYNAMIC: Final = 6  # dynamic values of one label
_DYNAMIC: Final = re.compile(r"\$\{([^}]*)\}")
_PROPERTY: Final = re.compile(r"""PROP\(\s*(['"])([^'"]+)\1\s*\)""")


def default_labels(queries: Queries) -> dict[str, str]:
    """The labels of queries without one, by id: an expression's id; a metric's name, and what differs between the queries."""
    metrics = {query.id: query.source for query in queries.all if isinstance(query.source, MetricQuery)}
    by_statistic = len({metric.statistic for metric in metrics.values()}) > 1
    by_period = len({metric.period for metric in metrics.values()}) > 1
    labels = {query.id: query.id for query in queries.all}
    for name, metric in metrics.items():
        parts = [
            metric.metric.name,
            *([metric.statistic] if by_statistic else []),
            *([str(metric.period)] if by_period else []),
        ]
        labels[name] = " ".join(parts)
    return labels


def expanded(label: str | None, default: str, metric: MetricQuery | None, region: str) -> str:
    """`label` with its dynamic values, `default` without one. Raises InvalidInput for values that are not emulated."""
    if label is None:
        return default
    found = _DYNAMIC.findall(label)
    if len(found) > MAX_DYNAMIC:
        raise InvalidInput(f"Label {label!r} has {len(found)} dynamic values; at most {MAX_DYNAMIC} are allowed.")
    values = {text: _value(text, default, metric, region) for text in found}
    return _DYNAMIC.sub(lambda match: values[match[1]], label)


def _value(text: str, default: str, metric: MetricQuery | None, region: str) -> str:
    if text == "LABEL":
        return default
    prop = _PROPERTY.fullmatch(text)
    if prop is None:
        raise InvalidInput(
            f"Unsupported dynamic label '${{{text}}}': the local AWS has LABEL and PROP; compute other values from the data."
        )
    known = {"Region": region, "AccountId": ACCOUNT_ID}
    if metric is not None:
        known |= {f"Dim.{name}": value for name, value in metric.metric.dimensions}
        known |= {
            "Namespace": metric.metric.namespace,
            "MetricName": metric.metric.name,
            "Stat": metric.statistic,
            "Period": str(metric.period),
        }
    return known.get(prop[2], "")
