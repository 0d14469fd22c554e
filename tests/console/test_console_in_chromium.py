"""A person at the console page: an endpoint wakes for a picture, and the result is a table; problems are sentences."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from async_endpoint.aws import AwsSession
from async_endpoint.capacity.bill import IdleItems, Usage, bill
from async_endpoint.capacity.prices import PriceList
from async_endpoint.http_api.access.api_keys import KeyStore, new_key
from async_endpoint.http_api.capacity_plots import read_plots
from async_endpoint.http_api.settings import BODY_BYTES, EndpointSettings
from async_endpoint.plots import costs_svg
from support.api_server import serving
from support.axe import axe_source, violations
from support.browser import DESKTOP, PHONE, Browser, card, choose, screenshot, state, submit_text
from support.common import unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, REGION, AwsHarness

SHIRT = Path(__file__).resolve().parents[2] / "examples/fashion-recommender/queries/red-shirt.png"
WAKE_MILLISECONDS = 120_000


def scale_with_the_backlog(local_aws: AwsHarness, deployed: Deployed) -> None:
    """The policy and the alarm that wake an endpoint, as module `endpoint` makes them."""
    target = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    step = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
    policy = local_aws.scaling.put_scaling_policy(
        **target, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=step | {"Cooldown": 300}
    )
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=unique("wake"),
        AlarmActions=[policy["PolicyARN"]],
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": deployed.name}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
    )


@pytest.fixture(scope="session")
def ended(chromium: Any, api: str) -> str:
    """The id of a prediction of the recommender that has succeeded."""
    context = chromium.new_context()
    path = f"{api}/v1/endpoints/recommender/predictions"
    for _ in range(10):
        headers = {"Content-Type": "image/png", "Idempotency-Key": "red-shirt", "Prefer": "wait=25"}
        reply = context.request.post(path, data=SHIRT.read_bytes(), headers=headers)
        assert reply.ok, reply.text()
        if reply.json()["status"] == "succeeded":
            break
    context.close()
    return "red-shirt"


def test_an_endpoint_wakes_for_a_picture_and_the_result_is_a_table(
    browser: Browser, api: str, local_aws: AwsHarness, deployed: dict[str, Deployed]
) -> None:
    scale_with_the_backlog(local_aws, deployed["recommender"].asleep())
    page = browser.open(api)
    choose(page, "recommender")
    expect(state(page, "recommender")).to_have_text("asleep")
    page.get_by_label("File, up to 4 MiB").set_input_files(SHIRT)
    expect(page.get_by_alt_text("The chosen image")).to_be_visible()
    expect(page.get_by_label("Content type")).to_have_value("image/png")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#followed-status")).to_have_text("accepted")
    expect(state(page, "recommender")).to_have_text("waking", timeout=WAKE_MILLISECONDS)
    page.evaluate("window.scrollTo(0, 0)")
    screenshot(page, "console-waking", full_page=True)
    expect(page.locator("#followed-status")).to_have_text("succeeded", timeout=WAKE_MILLISECONDS)
    rows = page.locator("#ranking tbody tr")
    expect(rows.first).to_contain_text("shirt/red")
    assert rows.count() == 5
    expect(page.get_by_alt_text("The input of this prediction")).to_be_visible()
    expect(state(page, "recommender")).to_have_text("awake")
    expect(page.locator("#rows tr").first).to_contain_text("succeeded")
    screenshot(page, "console", full_page=True)
    deployed["recommender"].scale(0)
    expect(state(page, "recommender")).to_have_text("asleep", timeout=WAKE_MILLISECONDS)
    deployed["recommender"].scale(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_finds_no_serious_violation(browser: Browser, api: str, ended: str, scheme: str, size: tuple[int, int]) -> None:
    page = browser.open(api, size, scheme=scheme, script=axe_source(), path=f"/#recommender/{ended}")
    expect(page.locator("#ranking")).to_be_visible()
    page.get_by_role("button", name="Submit").click()  # a problem is shown too
    expect(page.locator("#form-problem")).to_contain_text("Choose a file")
    page.locator("#rows tr").first.scroll_into_view_if_needed()
    expect(page.locator("#rows tr").first).to_contain_text("succeeded")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0], "the page scrolls sideways"
    if size == PHONE:
        screenshot(page, f"console-phone-{scheme}", full_page=True)


ATTACK = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran=1"><script>window.ran=1</script></svg>'


@pytest.mark.parametrize(
    ("kind", "body"), [("text/html", f"<!doctype html>{ATTACK}"), ("image/svg+xml", SVG), ("application/pdf", "%PDF-1.4 x")]
)
def test_documents_as_outputs_do_not_run(browser: Browser, api: str, kind: str, body: str) -> None:
    prediction = unique("attack")
    page = browser.open(api)
    reply = page.request.put(
        f"{api}/v1/endpoints/echo/predictions/{prediction}",
        data=body.encode(),
        headers={"Content-Type": "text/plain", "Accept": kind, "Prefer": "wait=25"},
    )
    assert reply.json()["status"] == "succeeded", reply.text()
    shown = browser.open(api, path=f"/#echo/{prediction}")
    expect(shown.get_by_role("region", name="Output")).to_have_text(body)
    assert kind in shown.locator("#output").inner_text()
    assert shown.evaluate("window.ran") is None and shown.locator("#output script, #output svg, #output img").count() == 0
    with shown.expect_download() as downloading:
        shown.get_by_role("button", name="Download").click()
    assert Path(downloading.value.path()).read_text() == body
    # the output's own address, as a link to it opens it: a download, whatever is asked for
    for query in ("", "?disposition=inline"):
        with page.expect_download():
            page.evaluate(
                "path => { window.location.href = path }", f"/v1/endpoints/echo/predictions/{prediction}/output{query}"
            )
    assert page.evaluate("window.ran") is None


def test_texts_of_outputs_ids_and_reasons_stay_texts(browser: Browser, api: str) -> None:
    items = [{"name": ATTACK, ATTACK: ATTACK, "score": 0.5, "image": "javascript:window.ran=1"}]
    page = browser.open(api)
    choose(page, "echo")
    submit_text(page, json.dumps({"answer": {"items": items, ATTACK: [ATTACK]}}), prediction_id=unique("texts"))
    expect(page.locator("#ranking tbody tr")).to_contain_text(ATTACK)
    page.locator("#output summary").first.click()
    submit_text(page, json.dumps({"status": 422, "message": ATTACK}), prediction_id=unique("texts"))
    expect(page.locator("#followed-status")).to_have_text("failed")
    expect(page.locator("#output")).to_contain_text(ATTACK)
    assert page.evaluate("window.ran") is None and page.locator("main img[src^='javascript']").count() == 0


def test_json_is_folded_and_its_members_appear_when_it_is_opened(browser: Browser, api: str) -> None:
    page = browser.open(api)
    choose(page, "echo")
    submit_text(page, json.dumps({"answer": {"deep": {"er": [1, 2, {"est": None}]}, "many": list(range(250))}}))
    expect(page.locator("#followed-status")).to_have_text("succeeded")
    tree = page.locator("#output .tree")
    expect(tree).to_contain_text("deep: {1}")
    assert "est" not in tree.inner_text()
    for label in ("deep", "er", "2: "):
        tree.locator("summary").filter(has_text=label).first.click()
    expect(tree).to_contain_text("est: null")
    tree.locator("summary").filter(has_text="many").click()
    tree.get_by_role("button", name="150 more").click()
    expect(tree.get_by_role("button", name="50 more")).to_be_visible()


def test_a_large_output_is_downloaded_by_ranges_and_not_shown(browser: Browser, api: str) -> None:
    page, size = browser.open(api), BODY_BYTES + 1_000
    choose(page, "echo")
    submit_text(page, json.dumps({"length": size}), prediction_id=unique("large"))
    expect(page.locator("#output")).to_contain_text("too much to be shown")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert Path(downloading.value.path()).read_bytes() == b"x" * size


def test_a_form_without_a_mouse(browser: Browser, api: str) -> None:
    page, prediction = browser.open(api), unique("keys")
    expect(state(page, "echo")).to_have_text("awake")
    page.get_by_role("radio", name="echo", exact=True).focus()
    for key in ("Tab", "ArrowDown", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type('{"answer": "by keyboard"}')
    for key in ("Tab", "Tab"):
        page.keyboard.press(key)
    page.keyboard.type(prediction)
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_contain_text(prediction)
    expect(page.locator("#output")).to_contain_text("by keyboard")


def test_what_is_wrong_with_an_input_is_said_before_it_is_sent(browser: Browser, api: str, tmp_path: Path) -> None:
    page, large = browser.open(api), tmp_path / "large.bin"
    large.write_bytes(bytes(BODY_BYTES + 1))
    page.get_by_label("File, up to 4 MiB").set_input_files(large)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert").filter(has_text="Too large")).to_contain_text("/uploads")
    choose(page, "echo")
    for text, kind, name, said in (
        ("{", "application/json", "", "Not JSON"),
        ("x", "image/ pñg", "", "Wrong content type"),
        ("x", "text/plain", "a b", "Wrong id"),
    ):
        submit_text(page, text, kind, name)
        expect(page.locator("#form-problem")).to_contain_text(said)


def test_problems_of_the_api_are_sentences_with_the_request(browser: Browser, api: str) -> None:
    page, prediction = browser.open(api), unique("conflict")
    choose(page, "echo")
    submit_text(page, '{"answer": 1}', prediction_id=prediction)
    expect(page.locator("#followed-id")).to_have_text(prediction)
    submit_text(page, '{"answer": 2}', prediction_id=prediction)
    expect(page.locator("#form-problem")).to_contain_text("The id was used for another request")
    expect(page.locator("#form-problem")).to_contain_text("Request ")


def test_older_predictions_are_listed_and_opened(browser: Browser, api: str) -> None:
    page = browser.open(api)
    for number in range(12):
        page.request.put(
            f"{api}/v1/endpoints/echo/predictions/{unique('old')}", data=f"{number}", headers={"Content-Type": "text/plain"}
        )
    page.reload()
    choose(page, "echo")
    expect(page.locator("#rows tr")).to_have_count(10)
    page.get_by_role("button", name="Older").click()
    row = page.locator("#rows tr").nth(11)
    expect(row).to_be_attached()
    row.scroll_into_view_if_needed()
    expect(row).to_contain_text("succeeded")
    name = row.get_by_role("button").inner_text()
    row.get_by_role("button").click()
    expect(page.locator("#followed-id")).to_have_text(name)
    assert page.evaluate("document.activeElement.id") == "prediction-title"


def test_a_key_is_asked_for_kept_in_the_tab_and_forgotten(
    browser: Browser, local_aws: AwsHarness, settings: dict[str, EndpointSettings]
) -> None:
    echo = settings["echo"]
    key, text = new_key("console", 1_000.0, None, 0.0)
    KeyStore(AwsSession.create(REGION, local_aws.url), echo.http_api.credentials_uri).write(key)
    with serving(settings, endpoint_url=local_aws.url, keys_required=True) as url:
        page = browser.open(url)
        field = page.get_by_label("The key that the operator gave you")
        field.fill("aek_wrong")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#key-problem")).to_contain_text("API key")
        field.fill(text)
        page.keyboard.press("Enter")
        expect(card(page, "echo")).to_be_visible()
        assert page.locator("#cards > li").count() == 1 and page.locator("#access").is_hidden()
        submit_text(page, '{"answer": "with a key"}')
        expect(page.locator("#output")).to_contain_text("with a key")
        assert text not in page.content() and text not in page.url
        page.reload()
        expect(card(page, "echo")).to_be_visible()
        assert browser.open(url).locator("#access").is_visible(), "another tab has no key"
        page.get_by_role("button", name="Forget the API key").click()
        expect(page.locator("#access")).to_be_visible()
        assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_read_only_api_has_no_form_and_an_api_that_is_gone_is_named(
    browser: Browser, local_aws: AwsHarness, settings: dict[str, EndpointSettings], ended: str
) -> None:
    with serving(settings, endpoint_url=local_aws.url, read_only=True) as url:
        page = browser.open(url, path=f"/#recommender/{ended}")
        expect(page.locator("#ranking")).to_be_visible()
        expect(page.get_by_text("This API is read-only")).to_be_visible()
        assert page.get_by_role("button", name="Submit").is_hidden()
    expect(page.get_by_role("alert").filter(has_text="does not respond")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_of_capacity_are_pictures_that_follow_the_scheme(
    browser: Browser, settings: dict[str, EndpointSettings], local_aws: AwsHarness, tmp_path: Path, scheme: str
) -> None:
    prices = PriceList.load("us-east-1", today=date(2026, 11, 30))
    (tmp_path / "costs.svg").write_text(costs_svg(bill(Usage(idle=IdleItems(kms_keys=1, dashboards=1)), prices)))
    attack = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>Attack</title>{SVG}</svg>'
    (tmp_path / "zz.svg").write_text(attack)
    with serving(settings, endpoint_url=local_aws.url, capacity_plots=read_plots(tmp_path)) as url:
        page = browser.open(url, DESKTOP, scheme=scheme, script=axe_source())
        chart = page.get_by_alt_text("Cost by component. Together: 4.00 US dollars a month (encryption 1.00, monitoring 3.00).")
        expect(chart).to_be_visible()
        assert chart.evaluate("image => image.complete && image.naturalWidth") > 100
        expect(page.get_by_alt_text("Attack.")).to_be_attached()
        assert page.evaluate("window.ran") is None
        assert violations(page) == []
        chart.scroll_into_view_if_needed()
        screenshot(page, f"console-charts-{scheme}")
