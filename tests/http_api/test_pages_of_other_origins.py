"""Web pages of other origins: without keys they achieve nothing, with keys those that CORS names may use the API."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator

import pytest

from support.api_client import NAME, PREDICTIONS, Api, create_api
from support.browser_model import Answer, Page
from support.in_memory_aws import FakeAws

PORT = 8000
APP = "https://app.example"
KEY = {"Authorization": "Bearer x"}
JSON = {"Content-Type": "application/json"}
Attack = Callable[[Page, str], Answer]

ATTACKS: dict[str, Attack] = {
    "submit by a form": lambda page, url: page.form(f"{url}{PREDICTIONS}", b"a=b"),
    "submit as text": lambda page, url: page.no_cors(f"{url}{PREDICTIONS}", "POST", body=b"x"),
    "submit JSON": lambda page, url: page.fetch(f"{url}{PREDICTIONS}", "POST", JSON, b"{}"),
    "put": lambda page, url: page.fetch(f"{url}{PREDICTIONS}/x", "PUT", {}, b"x"),
    "submit with a webhook": lambda page, url: page.fetch(f"{url}{PREDICTIONS}", "POST", {"Webhook-Url": APP}, b"x"),
    "upload": lambda page, url: page.fetch(f"{url}/v1/endpoints/{NAME}/uploads", "POST", JSON, b'{"bytes": 1}'),
    "list": lambda page, url: page.fetch(f"{url}{PREDICTIONS}"),
    "read an output": lambda page, url: page.fetch(f"{url}{PREDICTIONS}/x/output"),
    "show an output": lambda page, url: page.element(f"{url}{PREDICTIONS}/x/output", "iframe"),
    "output as an image": lambda page, url: page.element(f"{url}{PREDICTIONS}/x/output"),
    "output as a script": lambda page, url: page.element(f"{url}{PREDICTIONS}/x/output", "script"),
    "follow events": lambda page, url: page.element(f"{url}{PREDICTIONS}/x/events", "empty"),
    "link to an output": lambda page, url: page.link(f"{url}{PREDICTIONS}/x/output"),
    "frame the console": lambda page, url: page.element(f"{url}/", "iframe"),
    "read the console": lambda page, url: page.fetch(f"{url}/"),
    "health": lambda page, url: page.fetch(f"{url}/healthz"),
    "WebSocket": lambda page, url: page.websocket(f"{url}/"),
}


@pytest.fixture
def sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Answer]]:
    """Browsers' requests go to the application in this process; all its answers."""
    answers: list[Answer] = []
    clients = {"local": api.http}

    def send(page: Page, url: str, method: str, headers: dict[str, str], body: bytes | None) -> Answer:
        where = urllib.parse.urlsplit(url)
        target = (where.path or "/") + (f"?{where.query}" if where.query else "")
        got = clients["local"].request(method, target, content=body, headers={"host": where.netloc} | headers)
        answers.append(Answer(got.status_code, dict(got.headers), got.content, readable=True))
        return answers[-1]

    monkeypatch.setattr(Page, "_send", send)
    yield answers


def assert_nothing_happened(name: str, attack: Attack, page: Page, url: str, api: Api, sent: list[Answer]) -> None:
    api.aws.s3.calls.clear()
    answer = attack(page, url)
    assert answer.blocked or answer.status == 403, (name, answer)
    assert not answer.readable or answer.status == 403, (name, answer)
    assert not any(header.startswith("access-control-") for item in sent for header in item.headers), (name, answer)
    assert not api.requests and not api.aws.s3.calls, name


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://x.localhost:8000"])
def test_a_page_of_another_origin_achieves_nothing(api: Api, sent: list[Answer], origin: str) -> None:
    for name, attack in ATTACKS.items():
        assert_nothing_happened(name, attack, Page(PORT, origin), f"http://localhost:{PORT}", api, sent)
        old = Page(PORT, origin, metadata=False, origins=False, referrer=True)
        assert_nothing_happened(name, attack, old, f"http://127.0.0.1:{PORT}", api, sent)


def test_dns_rebinding_achieves_nothing(api: Api, sent: list[Answer]) -> None:
    """To the browser it is one origin, so it asks nothing and hides nothing."""
    for host in ("evil.example:8000", "127.0.0.1.nip.io:8000", "localhost.evil.example:8000", "localhost", "localhost:8001"):
        for name, attack in ATTACKS.items():
            assert_nothing_happened(name, attack, Page(PORT, f"http://{host}"), f"http://{host}", api, sent)


def test_the_page_of_the_api_itself_may_use_it(api: Api, sent: list[Answer]) -> None:
    url = f"http://localhost:{PORT}"
    page = Page(PORT, url, referrer=True)
    assert page.fetch(f"{url}{PREDICTIONS}", "POST", JSON, b"{}").status == 202
    assert page.fetch(f"{url}{PREDICTIONS}").status == 200


def test_a_link_opens_the_console_and_nothing_else(api: Api, sent: list[Answer]) -> None:
    page = Page(PORT, "https://wiki.example", referrer=True)
    assert page.link(f"http://localhost:{PORT}/").status != 403
    assert page.link(f"http://localhost:{PORT}/v1/endpoints").status == 403
    assert page.link("http://evil.example:8000/").status == 403


@pytest.fixture
def shared(aws: FakeAws, sent: list[Answer], monkeypatch: pytest.MonkeyPatch) -> Api:
    """An API with keys that lets pages of APP use it; it is the one that browsers reach."""
    made = create_api(aws, keys_required=True, cors_origins=(APP,))

    def send(page: Page, url: str, method: str, headers: dict[str, str], body: bytes | None) -> Answer:
        where = urllib.parse.urlsplit(url)
        got = made.http.request(method, where.path or "/", content=body, headers={"host": where.netloc} | headers)
        sent.append(Answer(got.status_code, dict(got.headers), got.content, readable=True))
        return sent[-1]

    monkeypatch.setattr(Page, "_send", send)
    return made


def test_with_keys_a_page_that_is_not_named_is_refused(shared: Api, sent: list[Answer]) -> None:
    for name, attack in ATTACKS.items():
        assert_nothing_happened(name, attack, Page(PORT, "https://evil.example"), "https://api.example", shared, sent)


def test_with_keys_a_page_that_is_named_reads_responses(shared: Api) -> None:
    page, url = Page(PORT, APP), f"https://api.example{PREDICTIONS}"
    refused = page.fetch(url, headers=KEY)
    assert (refused.status, refused.readable) == (401, True)
    assert "etag" in refused.headers["access-control-expose-headers"].lower()
    assert refused.headers["access-control-allow-origin"] == APP and "Origin" in refused.headers["vary"]
    assert "access-control-allow-credentials" not in refused.headers
    sent = page.fetch(f"{url}/x", "PUT", {**KEY, **JSON, "Webhook-Url": "https://x.example", "Prefer": "wait=1"}, b"{}")
    assert (sent.blocked, sent.status) == (False, 401)
    assert page.fetch(url, "DELETE", KEY).blocked and page.fetch(url, headers={"X-Other": "1"}).blocked


def test_with_keys_the_host_may_be_any_and_pages_of_it_are_its_own(shared: Api) -> None:
    for url in ("https://api.example", "http://10.0.0.1:8000"):
        page = Page(PORT, url, referrer=True)
        assert page.fetch(f"{url}{PREDICTIONS}", headers=KEY).status == 401
        assert page.fetch(f"{url}/healthz", "POST", JSON, b"{}").status == 405


def test_a_second_value_of_a_header_does_not_hide_behind_the_first(api: Api) -> None:
    own = f"http://127.0.0.1:{PORT}"
    for name, first, second in (("Origin", own, "https://evil.example"), ("Sec-Fetch-Site", "none", "cross-site")):
        assert api.http.get(PREDICTIONS, headers=[(name, first)]).status_code == 200
        assert api.http.get(PREDICTIONS, headers=[(name, first), (name, second)]).status_code == 403


def test_programs_send_none_of_these_headers(api: Api, shared: Api) -> None:
    assert api.http.get(PREDICTIONS).status_code == 200
    assert shared.http.get("/healthz").status_code == 200
    assert api.http.options(PREDICTIONS).status_code == 405
