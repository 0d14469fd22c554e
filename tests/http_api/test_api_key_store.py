"""API keys: how they look, what is stored of them, and how long a cached one is valid."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable

import pytest

from async_endpoint.client.clock import SYSTEM_CLOCK, ForwardClock
from async_endpoint.core.errors import InvalidInput, LocalAwsNotRunning, NotReady
from async_endpoint.http_api.access import key_cache
from async_endpoint.http_api.access.api_keys import ApiKey, KeyStore, checked_id, new_key, parse_key
from async_endpoint.http_api.access.key_cache import KeyCache
from async_endpoint.http_api.access.rates import Rate, RateLimits
from async_endpoint.http_api.served_endpoint import Services
from support.in_memory_aws import BUCKET, FakeAws, FakeTime, client_error

CREDENTIALS = f"s3://{BUCKET}/credentials/shop/"


@pytest.fixture
def store(aws: FakeAws) -> KeyStore:
    return KeyStore(aws.session, CREDENTIALS)


def made(name: str = "app", rate: float = 10.0, burst: int | None = None) -> tuple[ApiKey, str]:
    return new_key(name, rate, burst, 1_700_000_000.0)


def secret_of(text: str) -> str:
    parsed = parse_key(text)
    assert parsed is not None
    return parsed[1]


def test_what_is_stored_of_a_key_does_not_contain_its_secret(store: KeyStore, aws: FakeAws) -> None:
    key, text = made()
    store.write(key)
    ((where, (body, _)),) = aws.s3.objects.items()
    assert where == f"credentials/shop/keys/{key.id}.json"
    assert secret_of(text).encode() not in body
    assert store.read(key.id) == key and key.matches(secret_of(text))
    assert not key.matches(secret_of(made()[1])) and not key.matches("")


def test_keys_are_random(store: KeyStore) -> None:
    texts = {made()[1] for _ in range(200)}
    assert len(texts) == len({text[4:20] for text in texts}) == len({text[-52:] for text in texts}) == 200
    assert all(re.fullmatch(r"aek_[a-z2-7]{16}_[a-z2-7]{52}", text) for text in texts)


@pytest.mark.parametrize(
    "text",
    ["", "aek_", "x" * 73, "aek_aaaaaaaaaaaaaaaa_" + "a" * 51, "aek_../../../../etc/p_" + "a" * 52,
     "AEK_aaaaaaaaaaaaaaaa_" + "a" * 52, "aek_aaaaaaaaaaaaaaaa_" + "a" * 52 + "\n", "aek_aaaaaaaaaaaaaaa\u0661_" + "a" * 52],
)  # fmt: skip
def test_anything_else_is_no_key(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize(
    ("name", "rate", "burst"),
    [("", 1, None), (" a", 1, None), ("a\nb", 1, None), ("x" * 101, 1, None), ("a", 0, None), ("a", -1, None),
     ("a", float("nan"), None), ("a", float("inf"), None), ("a", 10_001, None), ("a", 1, 0), ("a", 1, 30_000)],
)  # fmt: skip
def test_an_unusable_key_is_refused_in_a_sentence(name: str, rate: float, burst: int | None) -> None:
    with pytest.raises(InvalidInput, match=r"use .*\.$"):
        new_key(name, rate, burst, 0.0)


def test_the_id_is_taken_from_a_whole_key_too_and_no_error_repeats_it() -> None:
    key, text = made()
    assert checked_id(text) == checked_id(key.id) == key.id
    with pytest.raises(InvalidInput) as refused:
        checked_id(text + "x")
    assert secret_of(text) not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [{"id": "b" * 16}, {"sha256": ""}, {"sha256": 1}, {"rate": "1"}, {"rate": 0}, {"burst": 0}, {"version": 2}, {"name": ...}],
)
def test_an_object_that_is_not_this_key_is_not_a_key(store: KeyStore, aws: FakeAws, change: dict[str, object]) -> None:
    key, _ = made()
    store.write(key)
    where = f"credentials/shop/keys/{key.id}.json"
    document = json.loads(aws.s3.objects[where][0]) | change
    written = {name: value for name, value in document.items() if value is not ...}
    aws.s3.objects[where] = (json.dumps(written).encode(), "application/json")
    assert store.read(key.id) is None
    aws.s3.objects[where] = (b"\xff{", "application/json")
    assert store.read(key.id) is None


def test_an_id_is_never_read_outside_of_the_keys(store: KeyStore) -> None:
    assert store.read("a" * 16) is None
    assert store.is_empty()


class Reads:
    """What a cache reads: `keys` by endpoint and id, each read counted."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], ApiKey] = {}
        self.count = 0
        self.error: Exception | None = None

    def __call__(self, endpoint: str, key_id: str) -> ApiKey | None:
        self.count += 1
        if self.error:
            raise self.error
        return self.keys.get((endpoint, key_id))


Ask = Callable[..., ApiKey | None]


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def cache(reads: Reads, clock: FakeTime) -> KeyCache:
    return KeyCache(reads, clock.now)


def ask(cache: KeyCache, text: str, endpoint: str = "shop") -> ApiKey | None:
    parsed = parse_key(text)
    assert parsed is not None
    if not cache.cached(endpoint, parsed[0]):
        cache.load(endpoint, parsed[0])
    return cache.key(endpoint, *parsed)


def test_a_revoked_key_is_valid_for_a_minute_at_most(cache: KeyCache, reads: Reads, clock: FakeTime) -> None:
    key, text = made()
    reads.keys["shop", key.id] = key
    assert ask(cache, text) == key
    reads.keys.clear()
    seconds = 0
    while ask(cache, text) is not None:
        clock.sleep(1)
        seconds += 1
    assert 1 < seconds <= 60
    assert reads.count == 2


def test_while_one_request_reads_a_key_again_others_use_the_cached_one(cache: KeyCache, reads: Reads, clock: FakeTime) -> None:
    key, text = made()
    reads.keys["shop", key.id] = key
    ask(cache, text)
    clock.sleep(55)
    assert not cache.cached("shop", key.id)  # the one that reads
    assert cache.cached("shop", key.id) and cache.key("shop", key.id, secret_of(text)) == key
    clock.sleep(6)
    assert not cache.cached("shop", key.id) and cache.key("shop", key.id, secret_of(text)) is None


def test_a_key_is_valid_for_the_endpoints_that_have_it_and_with_its_own_secret(cache: KeyCache, reads: Reads) -> None:
    key, text = made()
    reads.keys["shop", key.id] = key
    assert ask(cache, text, "other") is None and ask(cache, text) == key
    assert ask(cache, text[:21] + secret_of(made()[1])) is None


def test_an_unknown_id_is_remembered_for_a_while(cache: KeyCache, reads: Reads, clock: FakeTime) -> None:
    key, text = made()
    assert ask(cache, text) is None and ask(cache, text) is None
    assert reads.count == 1
    reads.keys["shop", key.id] = key
    clock.sleep(key_cache.UNKNOWN_SECONDS)
    assert ask(cache, text) == key


def test_many_unknown_ids_use_bounded_memory_and_do_not_evict_known_keys(cache: KeyCache, reads: Reads) -> None:
    key, text = made()
    reads.keys["shop", key.id] = key
    ask(cache, text)
    for _ in range(key_cache.CAPACITY + 100):
        ask(cache, made()[1])
    before = reads.count
    assert ask(cache, text) == key
    assert reads.count == before
    assert len(cache._unknown) == key_cache.CAPACITY


def test_unknown_ids_are_compared_like_known_ones(cache: KeyCache, reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request hashes the secret and compares it once in constant time, whatever is known of its id."""
    key, text = made()
    reads.keys["shop", key.id] = key
    compared: list[tuple[int, int]] = []
    original = key_cache.hmac.compare_digest

    def spy(left: str, right: str) -> bool:
        compared.append((len(left), len(right)))
        return original(left, right)

    monkeypatch.setattr(key_cache.hmac, "compare_digest", spy)
    ask(cache, text)
    ask(cache, text[:21] + secret_of(made()[1]))
    ask(cache, made()[1])
    assert compared == [(64, 64)] * 3


def test_a_rate_allows_its_burst_at_once_and_then_its_rate(clock: FakeTime) -> None:
    limits, rate = RateLimits(clock.now), Rate(2.0, 3)
    assert [limits.take("one", rate) for _ in range(4)] == [0, 0, 0, 0.5]
    clock.sleep(0.5)
    assert limits.take("one", rate) == 0 and limits.take("one", rate) == 0.5
    clock.sleep(3_600)
    assert [limits.take("one", rate) > 0 for _ in range(4)] == [False, False, False, True]
    limits.give_back("one")
    assert [limits.take("one", rate) > 0 for _ in range(2)] == [False, True]


def test_rates_of_keys_are_apart(clock: FakeTime) -> None:
    limits, rate = RateLimits(clock.now), Rate(10.0, 1)
    assert limits.take("one", rate) == 0 and limits.take("one", rate) > 0 and limits.take("other", rate) == 0


def test_a_clock_that_is_set_back_prolongs_no_key_and_no_refusal(reads: Reads) -> None:
    """The clock of an API process (client/clock.py), whose system's time is set back by a day."""
    wall, elapsed = [1e9], [0.0]
    now = ForwardClock(lambda: wall[0], lambda: elapsed[0])
    cache, limits = KeyCache(reads, now), RateLimits(now)
    key, text = made()
    reads.keys["shop", key.id] = key
    assert ask(cache, text) == key and limits.take("one", Rate(1.0, 1)) == 0
    del reads.keys["shop", key.id]
    wall[0] -= 86_400.0
    elapsed[0] += 61.0
    assert limits.take("one", Rate(1.0, 1)) == 0
    assert ask(cache, text) is None
    assert type(SYSTEM_CLOCK.now) is ForwardClock and inspect.signature(Services).parameters["clock"].default is SYSTEM_CLOCK


def test_an_s3_that_does_not_answer_is_not_an_unknown_key(store: KeyStore, aws: FakeAws) -> None:
    aws.s3.failures.append(client_error("SlowDown", "Reduce your request rate.", 503))
    with pytest.raises(NotReady) as failed:
        store.read("a" * 16)
    assert not isinstance(failed.value, LocalAwsNotRunning)
