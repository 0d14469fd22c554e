"""The console page as it is served; tests/console runs it in a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import async_endpoint
from async_endpoint.http_api.routes.outputs import INLINE_BYTES
from async_endpoint.http_api.settings import BODY_BYTES
from support.api_client import Api, create_api
from support.in_memory_aws import FakeAws


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of those that have one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.texts[self._open] = self.texts.get(self._open, "") + data


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


def source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_this_script_and_this_style_sheet_only(api: Api) -> None:
    reply = api.http.get("/")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page, policy = Elements(reply.text), directives(reply.headers["content-security-policy"])
    assert policy["script-src"] == [source(page.texts["script"])]
    assert policy["style-src"] == [source(page.texts["style"])]
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == ["'none'"]
    assert (policy["connect-src"], policy["require-trusted-types-for"]) == (["'self'"], ["'script'"])


def test_the_page_loads_nothing_else(api: Api) -> None:
    page = Elements(api.http.get("/").text)
    addresses = [value for _, each in page.found for name, value in each.items() if name in ("src", "href", "action", "srcset")]
    assert addresses == ["data:,", "/openapi.json"]
    assert not [name for _, each in page.found for name in each if name.startswith("on") or name == "style"]
    assert "@import" not in page.texts["style"] and "url(" not in page.texts["style"]


def test_the_script_has_no_way_from_text_to_markup(api: Api) -> None:
    script = Elements(api.http.get("/").text).texts["script"]
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc"
    assert not re.findall(rf"{markup}|\beval\b|new Function", script)


def test_each_field_of_the_page_has_a_label_or_a_name(api: Api) -> None:
    page = Elements(api.http.get("/").text)
    labelled = {each.get("for") for tag, each in page.found if tag == "label"}
    fields = [each for tag, each in page.found if tag in ("input", "textarea", "select") and each.get("type") != "radio"]
    assert len(fields) == 5 and all(each["id"] in labelled for each in fields)


def test_the_page_knows_the_limits_of_the_api(api: Api) -> None:
    script = Elements(api.http.get("/").text).texts["script"]
    assert f"BODY_BYTES = {BODY_BYTES};" in script and BODY_BYTES == INLINE_BYTES


def test_the_page_is_served_without_a_key_and_calls_nothing(aws: FakeAws) -> None:
    made = create_api(aws, keys_required=True, read_only=True)
    reply = made.http.get("/")
    assert reply.status_code == 200 and reply.headers["cache-control"] == "no-store"
    head = made.http.head("/")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(reply.content)))
    assert made.http.post("/").status_code == 405
    assert not aws.s3.calls and not made.requests


def test_the_distribution_declares_each_file_that_is_not_python() -> None:
    """A wheel has a package's modules, and of its other files those that pyproject.toml names."""
    package = Path(async_endpoint.__file__).parent
    declared = (package.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    others = [path.relative_to(package) for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert len(others) >= 3
    assert [path for path in others if f'"{path.as_posix()}"' not in declared] == []
