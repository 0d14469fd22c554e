"""A batch from its source to its folder, on a local AWS in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.batch.batch import run_batch
from async_endpoint.batch.run import Options, Progress
from async_endpoint.client.config import ClientConfig
from async_endpoint.core.errors import InvalidInput, NotReady, Refused

pytestmark = pytest.mark.xdist_group("client-batch")  # one local AWS for all of them


def results_of(out: Path) -> dict[str, Any]:
    """What the files of results hold, by the item's name."""
    found = [path for path in (out / "results").rglob("*") if path.is_file()]
    return {path.relative_to(out / "results").as_posix().removesuffix(".out"): json.loads(path.read_text()) for path in found}


def items_of(out: Path) -> dict[str, Any]:
    return {item["name"]: item for item in map(json.loads, (out / "items.jsonl").read_text().splitlines())}


def test_every_item_of_a_folder_has_its_result_in_a_file(shared_endpoint: Any, inputs: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    totals: list[int | None] = []
    before = len(shared_endpoint.outcomes())
    report = shared_endpoint.run(inputs, tmp_path / "out", on_tick=seen.append, on_source=totals.append)
    assert (report.items, report.done, report.failed, report.open) == (6, 6, 0, 0)
    assert results_of(tmp_path / "out") == {
        f"{'even' if number % 2 == 0 else 'odd'}/{number}.json": {"number": number} for number in range(6)
    }
    assert totals == [6]
    assert (seen[-1].seen, seen[-1].submitted, seen[-1].done, seen[-1].waiting) == (6, 6, 6, 0)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(json.dumps(report.as_dict()))
    item = items_of(tmp_path / "out")["odd/1.json"]
    assert (item["state"], item["file"], item["attempts"]) == ("done", "results/odd/1.json.out", 1)
    assert item["output_location"].startswith(f"s3://{shared_endpoint.deployed.bucket}/output/")
    assert len(shared_endpoint.outcomes()) == before + 6


def test_a_second_run_asks_for_nothing_and_a_lost_file_is_fetched_without_computing(
    shared_endpoint: Any, inputs: Path, tmp_path: Path
) -> None:
    shared_endpoint.run(inputs, tmp_path / "out")
    asked = shared_endpoint.invocations()
    again = shared_endpoint.run(inputs, tmp_path / "out")
    assert (again.done, again.ended_in_run, again.runs) == (6, 0, 2)
    (tmp_path / "out/results/odd/3.json.out").unlink()
    (tmp_path / "out/results/odd/5.json.out").write_text("cut")
    repaired = shared_endpoint.run(inputs, tmp_path / "out")
    assert (repaired.done, repaired.ended_in_run) == (6, 2)
    assert len(results_of(tmp_path / "out")) == 6
    assert results_of(tmp_path / "out")["odd/5.json"] == {"number": 5}
    assert shared_endpoint.invocations() == asked


def test_new_and_changed_inputs_are_sent_and_no_others(shared_endpoint: Any, inputs: Path, tmp_path: Path) -> None:
    shared_endpoint.run(inputs, tmp_path / "out")
    asked = shared_endpoint.invocations()
    (inputs / "new.json").write_text('{"number": "new"}')
    (inputs / "odd" / "1.json").write_text('{"number": "changed"}')
    report = shared_endpoint.run(inputs, tmp_path / "out")
    assert (report.items, report.done, report.ended_in_run) == (7, 7, 2)
    assert results_of(tmp_path / "out")["odd/1.json"] == {"number": "changed"}
    assert shared_endpoint.invocations() == asked + 2


def test_invalid_items_fail_alone_and_are_retried_only_on_request(shared_endpoint: Any, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed"
    rows = [
        {"id": "good", "body": {"number": 1}},
        {"id": "refused", "body": {"status": 400}},
        {"id": "breaks", "body": {"needs": str(fixed)}},
        {"id": "gone", "input": "gone.png"},
        {"id": "elsewhere", "input": "s3://no-such-bucket-here/x.json"},
        {"id": "not ascii", "input": f"s3://{shared_endpoint.deployed.bucket}/é.json"},
        {"id": "good", "body": {"number": 2}},
        {"id": "last", "body": {"number": 3}},
    ]
    source, out = tmp_path / "rows.jsonl", tmp_path / "out"
    source.write_text("\n".join([*map(json.dumps, rows), "{broken"]))
    report = shared_endpoint.run(source, out)
    assert (report.items, report.done, report.failed) == (9, 2, 7)
    assert results_of(out) == {"good": {"number": 1}, "last": {"number": 3}}
    reasons = {name: item["reason"] for name, item in items_of(out).items() if item["state"] == "failed"}
    for name, said in {
        "refused": "not this one",
        "breaks": "not fixed yet",
        "gone": "gone.png cannot be read",
        "elsewhere": "no-such-bucket-here",
        "not ascii": "use printable ASCII",
        "good (again)": "occurs twice in the source",
        "line-000009": "is not JSON",
    }.items():
        assert said in reasons[name], reasons
    assert "not fixed yet" in (out / "failures" / "breaks.txt").read_text()
    assert sum(reason.items for reason in report.reasons) == 7

    asked = shared_endpoint.invocations()
    fixed.touch()
    assert shared_endpoint.run(source, out).failed == 7
    assert shared_endpoint.invocations() == asked
    report = shared_endpoint.run(source, out, options=Options(retry_failed=True))
    assert (report.done, report.failed) == (3, 6)
    assert results_of(out)["breaks"] == {"needs": str(fixed)}
    assert not (out / "failures" / "breaks.txt").exists()
    assert items_of(out)["breaks"]["attempts"] == 2
    assert shared_endpoint.invocations() == asked + 3  # refused, breaks, elsewhere: the others cannot be sent


@pytest.mark.parametrize("kind", ["glob", "S3 prefix", "JSON lines", "CSV"])
def test_each_kind_of_source(shared_endpoint: Any, inputs: Path, tmp_path: Path, kind: str) -> None:
    source: Any
    names = {"1.json", "3.json", "5.json"}
    if kind == "glob":
        source = inputs / "odd" / "*.json"
    elif kind == "S3 prefix":
        for name in names:
            shared_endpoint.local_aws.put(
                shared_endpoint.deployed.bucket, f"given/{name}", (inputs / "odd" / name).read_bytes()
            )
        shared_endpoint.local_aws.put(shared_endpoint.deployed.bucket, "given/", b"")
        source = f"s3://{shared_endpoint.deployed.bucket}/given/"
    elif kind == "JSON lines":
        source = inputs / "rows.jsonl"
        source.write_text("\n".join(json.dumps({"id": name, "input": f"odd/{name}"}) for name in names))
    else:
        source = inputs / "rows.csv"
        source.write_text("id,input\n" + "\n".join(f"{name},odd/{name}" for name in names))
    report = shared_endpoint.run(source, tmp_path / "out")
    assert (report.items, report.done) == (3, 3)
    assert results_of(tmp_path / "out") == {f"{number}.json": {"number": number} for number in (1, 3, 5)}


def test_few_requests_are_in_flight_at_a_time(shared_endpoint: Any, tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(json.dumps({"body": {"number": number}}) for number in range(40)))
    seen: list[Progress] = []
    report = shared_endpoint.run(source, tmp_path / "out", options=Options(max_in_flight=3), on_tick=seen.append)
    assert report.done == 40
    assert max(progress.waiting for progress in seen) <= 3


def test_an_unreachable_aws_ends_the_run_and_the_next_resumes(shared_endpoint: Any, inputs: Path, tmp_path: Path) -> None:
    once = ClientConfig(attempts=1)
    deaf = "http://127.0.0.1:9"  # the port of the discard service: nothing listens
    with pytest.raises(NotReady, match="does not answer"):
        run_batch(shared_endpoint.outputs, str(inputs), tmp_path / "out", endpoint_url=deaf, config=once)
    assert shared_endpoint.run(inputs, tmp_path / "out").done == 6


def test_pending_requests_of_a_run_are_collected_by_the_next(shared_endpoint: Any, inputs: Path, tmp_path: Path) -> None:
    shared_endpoint.deployed.asleep()

    def stop(progress: Progress) -> None:
        if (
            progress.submitted == 6
            and len(shared_endpoint.local_aws.endpoints(shared_endpoint.deployed.name))
            and backlog() == 6
        ):
            raise KeyboardInterrupt

    def backlog() -> int:
        return int(shared_endpoint.deployed.status()["backlog"])

    with pytest.raises(KeyboardInterrupt):
        shared_endpoint.run(inputs, tmp_path / "out", on_tick=stop)
    asked = shared_endpoint.invocations()
    for path in (inputs / "odd").iterdir():  # whatever became of the inputs
        path.unlink()
    shared_endpoint.deployed.scale(1)
    assert shared_endpoint.run(inputs, tmp_path / "out").done == 6
    assert shared_endpoint.invocations() == asked


def test_a_source_without_inputs_and_a_folder_of_another_batch_are_refused(
    shared_endpoint: Any, inputs: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"\(folder\) has no items"):
        shared_endpoint.run(tmp_path / "empty", tmp_path / "none")
    shared_endpoint.run(inputs / "odd", tmp_path / "out")
    with pytest.raises(InvalidInput, match="the batch is another source's"):
        shared_endpoint.run(inputs / "even", tmp_path / "out")


def test_one_process_works_on_a_batch(shared_endpoint: Any, inputs: Path, tmp_path: Path) -> None:
    def second(progress: Progress) -> None:
        with pytest.raises(Refused, match="another process works on this batch"):
            shared_endpoint.run(inputs, tmp_path / "out")

    assert shared_endpoint.run(inputs, tmp_path / "out", on_tick=second).done == 6
