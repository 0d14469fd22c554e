"""Search: models and endpoints by properties and tags, as their own descriptions have them.

Filters on property paths ("EndpointStatus", "Tags.team"), subexpressions, order and pages are those of the API reference. Text
is compared without regard to case by Contains only (A212).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.emulator.sagemaker.protocol import service_model, validation_exception
from async_endpoint.emulator.sagemaker.resources import Described

MOTOS: Final = ("ModelPackage", "ModelPackageGroup")  # moto has the model registry
_MAX_RESULTS: Final = 100
_DEFAULT_RESULTS: Final = 10
_NESTED: Final = {"Model": "Model"}  # the member of a record that holds its properties
Compare = Callable[[Any, Any], bool]
_COMPARE: Final[dict[str, Compare]] = {
    "Equals": lambda found, wanted: found == wanted,
    "NotEquals": lambda found, wanted: found != wanted,
    "GreaterThan": lambda found, wanted: found > wanted,
    "GreaterThanOrEqualTo": lambda found, wanted: found >= wanted,
    "LessThan": lambda found, wanted: found < wanted,
    "LessThanOrEqualTo": lambda found, wanted: found <= wanted,
    "Contains": lambda found, wanted: str(wanted).lower() in str(found).lower(),
    "In": lambda found, wanted: str(found) in str(wanted).split(","),
}


def search(request: Described, records: Iterable[Described]) -> Described:
    """The response of Search over descriptions of the wanted resource, each with its Tags; raises ValidationException."""
    resource = request["Resource"]
    if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        raise validation_exception("CrossAccountFilterOption CrossAccount is not emulated by the local AWS.")
    expression = request.get("SearchExpression", {})
    found = [record for record in records if _matches(record, expression)]
    sort_by = request.get("SortBy", "LastModifiedTime")
    found.sort(
        key=lambda record: _sortable(_property(record, sort_by)), reverse=request.get("SortOrder", "Descending") == "Descending"
    )
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise validation_exception(f"Invalid NextToken: {token}")
    start, end = int(token), int(token) + min(int(request.get("MaxResults", _DEFAULT_RESULTS)), _MAX_RESULTS)
    wrapped = [_wrapped(resource, record) for record in found[start:end]]
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {"Results": wrapped, "TotalHits": {"Value": len(found), "Relation": "EqualTo"}, **more}


def _wrapped(resource: str, record: Described) -> Described:
    """A result: the members of a description that Search has too, and where it has them."""
    results: Any = service_model("sagemaker").operation_model("Search").output_shape.members["Results"]
    shape, nested = results.member.members[resource], _NESTED.get(resource)
    shape = shape.members[nested] if nested else shape
    kept = {key: value for key, value in record.items() if key in shape.members}
    return {resource: {nested: kept} if nested else kept}


def _matches(record: Described, expression: Described) -> bool:
    if expression.get("NestedFilters"):
        raise validation_exception("NestedFilters are not emulated by the local AWS; use Filters.")
    results = [_passes(record, condition) for condition in expression.get("Filters", [])]
    results += [_matches(record, inner) for inner in expression.get("SubExpressions", [])]
    if not results:
        return True
    return any(results) if expression.get("Operator") == "Or" else all(results)


def _passes(record: Described, condition: Described) -> bool:
    found = _property(record, condition["Name"])
    operator = condition.get("Operator", "Equals")
    if operator in ("Exists", "NotExists"):
        return bool((found is None) == (operator == "NotExists"))
    if "Value" not in condition:
        raise validation_exception(f"The filter on {condition['Name']} needs a value for the operator {operator}.")
    if found is None:
        return bool(operator == "NotEquals")
    wanted: Any = condition["Value"]
    if isinstance(found, bool):
        found = str(found).lower()
    elif isinstance(found, int | float):
        wanted = _number(condition["Name"], wanted)
    return bool(_COMPARE[operator](found, wanted))


def _number(name: str, text: str) -> float:
    """A number, or a time in ISO 8601 as seconds since the epoch."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise validation_exception(f"The value '{text}' of the filter on {name} is neither a number nor a time.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _property(record: Described, path: str) -> Any:
    """The value at a path of names; None where there is none. Of lists, the first element that has it; of tags, by key."""
    if path.startswith("Tags."):
        return next((tag["Value"] for tag in record.get("Tags", []) if tag["Key"] == path.removeprefix("Tags.")), None)
    value: Any = record
    for name in path.split("."):
        if isinstance(value, list):
            value = next((item for item in value if isinstance(item, dict) and name in item), None)
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _sortable(value: Any) -> tuple[bool, Any]:
    """Missing values first; numbers and texts are never mixed in one property."""
    return (False, 0) if value is None or isinstance(value, dict | list) else (True, value)
