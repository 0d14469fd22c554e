"""An id that is used again after a lifecycle rule has deleted its record, while other objects of its first use remain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from async_endpoint.http_api.predictions.identity import prediction_key
from async_endpoint.http_api.webhooks.outcomes import DeliveryState
from support.api_client import PREDICTIONS
from support.in_memory_aws import FakeAws
from support.webhook_deliveries import HOOK, Deliveries

OTHER_HOOK = "https://hooks.example.com/other"
KEY = prediction_key("local", "shop", "one")


@pytest.fixture
def deliveries(aws: FakeAws) -> Deliveries:
    """A process that has delivered the webhook of prediction `one`, whose record has expired since; its outcome is there."""
    made = Deliveries(aws)
    made.succeed(made.submit())
    made.run()
    assert [post.url for post in made.posts] == [HOOK]
    assert made.api.get("one").json()["status"] == "succeeded"
    aws.time.sleep(31 * 86_400)
    for name in [name for name in aws.s3.objects if "/records/" in name or "/submitted/" in name]:
        del aws.s3.objects[name]
    assert len(made.outcomes) == 1
    return made


def test_it_is_another_prediction_with_an_announcement_of_its_own(deliveries: Deliveries) -> None:
    request = deliveries.submit(url=OTHER_HOOK)
    document = deliveries.api.get("one").json()
    assert (document["status"], document["webhook"]["url"]) == ("accepted", OTHER_HOOK)
    deliveries.succeed(request)
    deliveries.run()
    first, second = deliveries.posts
    assert (second.url, second.event["type"]) == (OTHER_HOOK, "prediction.succeeded")
    assert second.headers["webhook-id"] != first.headers["webhook-id"], "receivers ignore ids that they have processed"
    assert deliveries.api.get("one").json() == second.event["data"]
    deliveries.notify(request)
    deliveries.run()
    assert len(deliveries.posts) == 2, "its own outcome counts, as ever"


def test_a_process_that_knows_the_first_one_takes_up_the_second(deliveries: Deliveries, aws: FakeAws) -> None:
    """Claims and markers are cached, and the one that accepts the second is another process."""
    other = Deliveries(aws, deliveries.queues)
    other.succeed(other.submit(url=OTHER_HOOK))
    document = deliveries.api.get("one").json()
    assert (document["status"], document["webhook"]["url"]) == ("succeeded", OTHER_HOOK)
    deliveries.run()
    assert [post.url for post in deliveries.posts] == [HOOK, OTHER_HOOK]


def test_the_sweep_announces_its_expiry(deliveries: Deliveries) -> None:
    deliveries.submit()
    deliveries.time.sleep(deliveries.api.endpoint.settings.info.deadline_seconds + 120)
    assert deliveries.sweep().queued == 1
    deliveries.run()
    assert [post.event["type"] for post in deliveries.posts] == ["prediction.succeeded", "prediction.expired"]


def test_a_late_attempt_of_the_first_changes_nothing_of_the_second(deliveries: Deliveries) -> None:
    outcomes = deliveries.deliverer.outcomes
    created_at = datetime.fromisoformat(deliveries.posts[0].event["data"]["created_at"])
    first = outcomes.read(KEY, created_at)
    assert first is not None
    deliveries.fail(deliveries.submit())
    deliveries.run()
    second = deliveries.outcomes
    outcomes.update(first, lambda there: replace(there, state=DeliveryState.DEAD))
    assert deliveries.outcomes == second
    assert outcomes.read(KEY, created_at) is None


def test_an_output_that_was_deleted_is_said_to_be(deliveries: Deliveries, aws: FakeAws) -> None:
    """Outputs may expire before records; what a webhook has announced remains true."""
    request = deliveries.submit()
    deliveries.succeed(request)
    deliveries.run()
    for name in [name for name in aws.s3.objects if name.startswith("output/")]:
        del aws.s3.objects[name]
    aws.time.sleep(2 * 86_400)
    waited = deliveries.api.http.get(f"{PREDICTIONS}/one", headers={"Prefer": "wait=1"})
    assert (waited.status_code, waited.json()["status"], waited.json()["output"]) == (200, "succeeded", None)
    missing = deliveries.api.http.get(f"{PREDICTIONS}/one/output")
    assert missing.status_code == 404 and "deleted" in missing.json()["detail"]
