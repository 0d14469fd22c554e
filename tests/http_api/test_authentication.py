"""API keys in front of the API: who is let in, to which endpoints, how often; and that no response and no log has a key."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from async_endpoint.core.errors import InvalidInput, UsageError
from async_endpoint.http_api.access.api_keys import KeyStore, new_key, parse_key
from async_endpoint.http_api.access.key_policy import checked_cors_origins, keys_required
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.request_context import JsonFormatter
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from support.api_client import HTTP_API, NAME, PREDICTIONS, FakeServices
from support.in_memory_aws import BUCKET, FakeAws, client_error

OTHER = dataclasses.replace(
    HTTP_API, state_uri=f"s3://{BUCKET}/predictions/other/", credentials_uri=f"s3://{BUCKET}/credentials/other/"
)


class Guarded:
    """An API process that requires keys, with two endpoints: NAME and `other`."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        outputs = {NAME: dataclasses.replace(aws.outputs, http_api=HTTP_API)}
        details = dataclasses.replace(aws.outputs.endpoint, name="other")
        outputs["other"] = dataclasses.replace(aws.outputs, endpoint=details, http_api=OTHER)
        endpoints = {name: EndpointSettings(name, item) for name, item in outputs.items()}
        settings = ApiSettings(environment="dev", endpoints=endpoints, keys_required=True, host="0.0.0.0")
        session = aws.session
        self._application = create_application(settings, FakeServices(lambda region: session, aws.clock))
        self.come_from("198.51.100.1")
        self.stores = {name: KeyStore(session, item.http_api.credentials_uri) for name, item in endpoints.items()}

    def come_from(self, address: str) -> None:
        """Send what follows from that address."""
        self.http = TestClient(self._application, base_url="http://api.example:8000", client=(address, 50_000))

    def key(self, *endpoints: str, rate: float = 100.0, burst: int | None = None) -> tuple[str, str]:
        """Id and text of a new key for `endpoints`."""
        key, text = new_key("test", rate, burst, self.aws.time.now())
        for name in endpoints:
            self.stores[name].write(key)
        return key.id, text

    def get(self, path: str, key: str | None = None, scheme: str = "Bearer") -> Any:
        return self.http.get(path, headers={"Authorization": f"{scheme} {key}"} if key else {})


@pytest.fixture
def guarded(aws: FakeAws) -> Guarded:
    return Guarded(aws)


def assert_unauthorized(response: Any) -> None:
    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="async-endpoint"')
    assert response.json()["type"] == "urn:problem-type:async-endpoint:unauthorized"


PATHS = ("/v1/endpoints", f"/v1/endpoints/{NAME}", PREDICTIONS, f"{PREDICTIONS}/x", f"{PREDICTIONS}/x/output",
         f"{PREDICTIONS}/x/events", "/v1/endpoints/missing", "/v1/endpoints/missing/predictions")  # fmt: skip


def test_without_a_valid_key_nothing_is_read_or_done(guarded: Guarded) -> None:
    _, text = guarded.key(NAME)
    wrong = text[:-1] + ("a" if text[-1] != "a" else "b")
    unknown = new_key("x", 1, None, 0)[1]
    for path in PATHS:
        for sent in (None, wrong, unknown, "x", "aek_", text.upper()):
            assert_unauthorized(guarded.get(path, sent))
        assert_unauthorized(guarded.get(path, text, "Basic"))
        assert_unauthorized(guarded.http.get(f"{path}?api_key={text}"))
        assert_unauthorized(guarded.http.get(path, headers=[("Authorization", f"Bearer {text}")] * 2))
    for method, path in (("POST", PREDICTIONS), ("PUT", f"{PREDICTIONS}/x"), ("POST", f"/v1/endpoints/{NAME}/uploads")):
        assert_unauthorized(guarded.http.request(method, path, content=b"x" * 5_000_000))
    assert not guarded.aws.runtime.calls
    assert {key for call, key in guarded.aws.s3.calls if "/keys/" not in key} == set()


def test_a_key_is_the_caller(guarded: Guarded) -> None:
    one, first = guarded.key(NAME)
    _, second = guarded.key(NAME)
    made = guarded.http.put(f"{PREDICTIONS}/order-7", content=b"1", headers={"Authorization": f"bearer {first}"})
    assert made.status_code == 202, made.text
    assert guarded.get(f"{PREDICTIONS}/order-7", first).status_code == 200
    assert guarded.get(f"{PREDICTIONS}/order-7", second).status_code == 404
    assert guarded.get(f"{PREDICTIONS}/order-7/output", second).json()["type"].endswith(":not-found")
    assert guarded.get(PREDICTIONS, second).json()["predictions"] == []
    assert any(key.startswith(f"predictions/shop/submitted/{one}/") for key in guarded.aws.s3.objects)


def test_a_key_is_valid_for_the_endpoints_that_have_it(guarded: Guarded) -> None:
    _, one = guarded.key("other")
    _, both = guarded.key(NAME, "other")
    assert [item["name"] for item in guarded.get("/v1/endpoints", one).json()["endpoints"]] == ["other"]
    assert [item["name"] for item in guarded.get("/v1/endpoints", both).json()["endpoints"]] == ["other", NAME]
    refused, missing = guarded.get(PREDICTIONS, one), guarded.get("/v1/endpoints/missing/predictions", one)
    for answer in (refused, missing):  # the same answer
        assert answer.status_code == 404 and answer.json()["type"].endswith(":not-found")
    assert refused.json()["detail"].replace(NAME, "missing") == missing.json()["detail"]
    assert guarded.get(PREDICTIONS, both).status_code == 200


def test_a_revoked_key_is_refused_within_a_minute(guarded: Guarded) -> None:
    key_id, text = guarded.key(NAME)
    assert guarded.get(PREDICTIONS, text).status_code == 200
    guarded.stores[NAME].delete(key_id)
    guarded.aws.time.sleep(61)
    assert_unauthorized(guarded.get(PREDICTIONS, text))


def test_a_key_costs_a_call_a_minute(guarded: Guarded) -> None:
    _, text = guarded.key(NAME)
    guarded.aws.s3.calls.clear()
    for _ in range(20):
        guarded.get("/v1/endpoints", text)
        guarded.get(PREDICTIONS, text)
    assert len([key for _, key in guarded.aws.s3.calls if "/keys/" in key]) == 2  # one for each endpoint


def test_a_key_that_was_valid_outlasts_a_fault_of_s3(guarded: Guarded) -> None:
    _, text = guarded.key(NAME)
    assert guarded.get(PREDICTIONS, text).status_code == 200
    fault = [client_error("SlowDown", "Reduce your request rate.", 503)] * 3
    guarded.aws.time.sleep(55)
    guarded.aws.s3.failures += fault
    assert guarded.get(PREDICTIONS, text).status_code == 200
    guarded.aws.time.sleep(55)
    guarded.aws.s3.failures += fault
    assert guarded.get(PREDICTIONS, text).status_code == 503


def test_above_its_rate_a_key_is_429(guarded: Guarded) -> None:
    _, text = guarded.key(NAME, rate=0.5, burst=2)
    _, other = guarded.key(NAME)
    assert [guarded.get(PREDICTIONS, text).status_code for _ in range(3)] == [200, 200, 429]
    refused = guarded.get("/v1/endpoints", text)
    assert refused.headers["retry-after"] == "2" and refused.json()["type"].endswith(":rate-exceeded")
    assert guarded.get(PREDICTIONS, other).status_code == 200
    guarded.aws.time.sleep(2)
    assert guarded.get(PREDICTIONS, text).status_code == 200


def test_invented_keys_cost_a_bounded_rate_of_calls_and_do_not_lock_out_known_ones(guarded: Guarded) -> None:
    _, text = guarded.key(NAME)
    assert guarded.get(PREDICTIONS, text).status_code == 200
    guarded.aws.s3.calls.clear()
    statuses = [guarded.get(PREDICTIONS, new_key("x", 1, None, 0)[1]).status_code for _ in range(100)]
    assert statuses.count(401) + statuses.count(429) == 100 and statuses.count(429) > 20
    assert len(guarded.aws.s3.calls) <= 100
    guarded.aws.time.sleep(55)
    assert [guarded.get(PREDICTIONS, new_key("x", 1, None, 0)[1]).status_code for _ in range(60)].count(429) > 0
    assert guarded.get(PREDICTIONS, text).status_code == 200


def test_invented_keys_of_one_address_do_not_keep_new_callers_out_of_a_new_process(guarded: Guarded) -> None:
    guarded.come_from("2001:db8::1")
    statuses = [guarded.get(PREDICTIONS, new_key("x", 1, None, 0)[1]).status_code for _ in range(40)]
    assert statuses == [401] * 20 + [429] * 20
    guarded.come_from("2001:db8::ffff:2")  # of the same subscriber
    assert guarded.get(PREDICTIONS, guarded.key(NAME)[1]).status_code == 429
    for address in ("2001:db8:0:1::1", "::ffff:203.0.113.1", "::ffff:203.0.113.2", "203.0.113.3"):
        guarded.come_from(address)
        assert [guarded.get(PREDICTIONS, guarded.key(NAME)[1]).status_code for _ in range(25)] == [200] * 25, address
    guarded.come_from("::ffff:203.0.113.3")
    assert 429 in [guarded.get(PREDICTIONS, new_key("x", 1, None, 0)[1]).status_code for _ in range(25)]
    guarded.come_from("203.0.113.3")
    assert guarded.get(PREDICTIONS, guarded.key(NAME)[1]).status_code == 429


def test_no_key_is_in_a_response_or_a_log(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    key_id, text = guarded.key(NAME)
    parsed = parse_key(text)
    assert parsed is not None
    secret = parsed[1]
    with caplog.at_level(logging.DEBUG):
        answers = [
            guarded.get(PREDICTIONS, text),
            guarded.get(PREDICTIONS, text + "x"),
            guarded.get(f"{PREDICTIONS}/{text}", text),
            guarded.get(f"/v1/endpoints/{text}"),
            guarded.http.get(PREDICTIONS, headers={"Authorization": text}),
            guarded.http.put(f"{PREDICTIONS}/x", content=text.encode(), headers={"Authorization": f"Bearer {text}"}),
        ]
        guarded.aws.s3.failures.append(ValueError("a defect"))
        guarded.aws.time.sleep(61)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(guarded.http._transport, "raise_server_exceptions", False)
            answers.append(guarded.get(PREDICTIONS, text))
    own = [record for record in caplog.records if record.name.startswith("async_endpoint")]
    logged = "\n".join(map(JsonFormatter().format, own))
    assert answers[-1].status_code == 500 and "ValueError: a defect" in logged and f'"caller": "{key_id}"' in logged
    assert secret not in logged
    named = [answer for answer in answers if secret not in str(answer.request.url)]
    assert len(named) == 5 and not any(secret in answer.text or secret in str(answer.headers) for answer in named)


def test_health_needs_no_key(guarded: Guarded) -> None:
    assert guarded.http.get("/healthz").status_code == 200


def test_without_any_key_only_loopback_is_served(aws: FakeAws) -> None:
    store = KeyStore(aws.session, HTTP_API.credentials_uri)
    for host in ("127.0.0.1", "localhost", "::1", "127.8.9.10"):
        assert keys_required("dev", host, [store]) is False
    for host in ("0.0.0.0", "", "::", "10.0.0.1", "api.example", "127.0.0.1.example", "localhost.example"):
        with pytest.raises(UsageError, match="async-endpoint api-keys create dev"):
            keys_required("dev", host, [store])
    store.write(new_key("app", 1, None, 0)[0])
    assert all(keys_required("dev", host, [store]) for host in ("127.0.0.1", "0.0.0.0"))


def test_origins_of_pages_are_checked_at_start() -> None:
    origins = ("https://app.example", "http://localhost:3000", "*")
    assert checked_cors_origins(origins, keys_required=True) == origins
    for origin in ("app.example", "https://app.example/", "https://App.example", "null", "https://*.example", "https://a b"):
        with pytest.raises(InvalidInput):
            checked_cors_origins((origin,), keys_required=True)
    with pytest.raises(UsageError):
        checked_cors_origins(origins, keys_required=False)
