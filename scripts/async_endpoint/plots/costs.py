"""Bills beside each other, by component."""

from __future__ import annotations

from collections.abc import Mapping

from async_endpoint.capacity.bill import Bill
from async_endpoint.plots.canvas import SERIES, figure, rendered


def costs_svg(bills: Bill | Mapping[str, Bill]) -> str:
    """A stacked bar for each bill, by its label, as SVG. Lines without a price are named in the label and the description."""
    labelled = {"": bills} if isinstance(bills, Bill) else dict(bills)
    sums = {label: one.by_component() for label, one in labelled.items()}
    components = list(dict.fromkeys(name for found in sums.values() for name, usd in found.items() if usd))
    labels = [_label(label, one) for label, one in labelled.items()]
    with figure(height=1.8 + 0.55 * len(labels)) as (made, [axes]):
        lefts = [0.0] * len(labels)
        for color, component in zip(SERIES * (len(components) // len(SERIES) + 1), components, strict=False):
            widths = [found.get(component, 0.0) for found in sums.values()]
            axes.barh(labels, widths, left=lefts, color=color, height=0.6, label=_entry(component, widths))
            lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
        for label, total in zip(labels, lefts, strict=True):
            axes.annotate(f"{total:,.2f}", (total, label), (4, 0), textcoords="offset points", va="center")
        axes.invert_yaxis()
        axes.set_xlabel("US dollars a month")
        axes.set_xlim(0, (max(lefts, default=0.0) or 1.0) * 1.15)
        axes.grid(True, axis="x", linewidth=0.6)
        if components:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(components)))
        return rendered(made, "Cost by component", _description(labelled))


def _label(label: str, one: Bill) -> str:
    return f"{label} (incomplete)".strip() if one.unknown else label


def _entry(component: str, widths: list[float]) -> str:
    """The amount stands in the legend of a single bar: narrow parts of it cannot be seen."""
    return f"{component} {widths[0]:,.2f}" if len(widths) == 1 else component


def _description(bills: Mapping[str, Bill]) -> str:
    parts = []
    for label, one in bills.items():
        rows = ", ".join(f"{component} {usd:,.2f}" for component, usd in one.by_component().items() if usd)
        missing = f"; without a price: {', '.join(one.unknown)}" if one.unknown else ""
        parts.append(f"{label or 'Together'}: {one.usd:,.2f} US dollars a month ({rows or 'nothing'}{missing}).")
    return " ".join(parts) or "No bill."
