"""docs/http-api.md compared with the code: routes, problems, limits."""

from __future__ import annotations

import re
from pathlib import Path

from async_endpoint.http_api.problems import KINDS
from support.api_client import Api

TEXT = (Path(__file__).parents[2] / "docs/http-api.md").read_text()


def test_every_problem_is_in_the_table_with_its_status() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| .{10,} \|$", TEXT, re.MULTILINE)
    assert {slug: int(status) for slug, status in rows} == {slug: status for slug, (status, _) in KINDS.items()}


def test_every_route_is_in_a_table(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    routes = {f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations}
    listed = {route.partition("?")[0] for route in re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", TEXT, re.MULTILINE)}
    assert routes == listed


def test_every_operation_has_examples_and_documented_problems(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                problem = int(status) >= 400
                kinds = response.get("content", {})
                assert not problem or set(kinds) == {"application/problem+json"}, (method, path, status)
                assert not problem or all(kind["examples"] for kind in kinds.values()), (method, path, status)
            if "/endpoints" in path:
                assert any(
                    "examples" in kind
                    for response in operation["responses"].values()
                    for kind in response.get("content", {}).values()
                )
