"""The plan of a run, its record and its table: what is refused, what only a run on AWS may write, and what a reader sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, Refused
from parity.__main__ import main
from parity.assumptions import Assumption, read_assumptions
from parity.plan import Plan
from parity.probe import INSTANCE_TYPE, Cost, Need, Observation, Probe, Verdict, all_probes
from parity.record import Entry, entries, merged, read_record, write_record
from parity.runner import ON_AWS
from parity.table import table

AWS_URLS = ["https://sts.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com"]
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def probe(name: str, *assumptions: str, needs: frozenset[Need] = frozenset(), cost: Cost | None = None) -> Probe:
    def run(_: object) -> Iterator[Observation]:
        yield from ()

    return Probe(name, assumptions or ("A1",), needs, 600, cost or Cost(), "another AWS", run)


def entry(verdict: Verdict = Verdict.HOLDS, **changes: str) -> Entry:
    return replace(Entry("A22", "one", verdict, "yes", "yes", "2026-11-01", "eu-west-1"), **changes)


@pytest.mark.parametrize(
    ("urls", "account"),
    [
        (["http://127.0.0.1:4599"], "111122223333"),
        ([*AWS_URLS, "http://localhost:4599"], "111122223333"),
        (["https://amazonaws.com.example.org"], "111122223333"),
        (["http://sqs.eu-west-1.amazonaws.com"], "111122223333"),
        (AWS_URLS, "123456789012"),
        ([], "111122223333"),
    ],
)
def test_a_record_needs_aws(urls: list[str], account: str, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        write_record([entry()], urls, account, tmp_path / "parity.json")
    assert not list(tmp_path.iterdir())


def test_a_record_is_read_back_without_the_account(tmp_path: Path) -> None:
    seen = {"one": [Observation("A22", "b-111122223333", "a-111122223333-0a1b", Verdict.HOLDS)]}
    found = entries(seen, "eu-west-1", NOW, {"111122223333": "ACCOUNT", "0a1b": "RUN"})
    write_record(found, AWS_URLS, "111122223333", tmp_path / "parity.json")
    text = (tmp_path / "parity.json").read_text()
    assert "111122223333" not in text
    assert read_record(tmp_path / "parity.json") == [entry(expected="b-ACCOUNT", observed="a-ACCOUNT-RUN", date="2026-12-01")]


@pytest.mark.parametrize(
    "secret",
    [
        "User: arn:aws:sts::111122223333:assumed-role/Admin/jane.doe@example.com is not authorized",
        "with an explicit deny in arn:aws:organizations::999988887777:policy/o-abc/service_control_policy/p-secret",
        "https://b.s3.amazonaws.com/k?X-Amz-Credential=ASIAABCDEFGHIJKLMNOP%2F2&X-Amz-Security-Token=secret",
        "Encoded authorization failure message: secret",
        "No such file: '/home/jane.doe/secret'",
        "bucket of 999988887777",
    ],
)
def test_a_record_has_nothing_private(secret: str) -> None:
    (found,) = entries({"one": [Observation("A22", "", secret, Verdict.UNDECIDED)]}, "eu-west-1", NOW, {})
    for private in ("jane", "secret", "999988887777", "111122223333", "ASIA"):
        assert private not in found.observed


def test_a_record_keeps_what_a_probe_made() -> None:
    text = "arn:aws:iam::111122223333:role/parity-0a1b2c3d-role-1 · s3://parity-0a1b2c3d-bucket-1-111122223333/output/a.out"
    (found,) = entries({"one": [Observation("A22", "", text, Verdict.HOLDS)]}, "eu-west-1", NOW, {"0a1b2c3d": "RUN"})
    assert found.observed.replace("ACCOUNT", "111122223333").replace("RUN", "0a1b2c3d") == text


def test_a_run_that_could_not_decide_keeps_an_earlier_decision() -> None:
    assert merged([entry()], [entry(Verdict.UNDECIDED, date="2026-12-01")]) == [entry()]
    assert merged([entry()], [entry(Verdict.DEVIATES)]) == [entry(Verdict.DEVIATES)]
    assert len(merged([entry()], [entry(probe="two")])) == 2


def test_a_damaged_record_is_one_sentence(tmp_path: Path) -> None:
    for text in ("{", json.dumps({"schema_version": 9, "observations": []})):
        (tmp_path / "parity.json").write_text(text)
        with pytest.raises(InvalidInput, match=r"parity\.json"):
            read_record(tmp_path / "parity.json")


def test_the_table_says_what_is_unverified() -> None:
    assumptions = {number: Assumption(number, "text", reason) for number, reason in (("A1", "harm"), ("A2", ""), ("A22", ""))}
    rows = table(assumptions, [probe("one", "A22"), probe("two", "A2")], [entry(Verdict.DEVIATES, observed="a | b")])
    assert "| A1 | not probed: harm | unverified |" in rows
    assert "| A2 | `two` | unverified |" in rows
    assert r"| A22 | `one` | **deviates** | yes | a \| b | 2026-11-01, eu-west-1 |" in rows


def test_the_plan_counts_what_a_run_uses() -> None:
    alone = probe("own", needs=frozenset({Need.OWN_ENDPOINT}), cost=Cost({INSTANCE_TYPE: 60}, requests=0))
    plan = Plan([alone, probe("free", cost=Cost(requests=0))], ON_AWS)
    assert (plan.shared, plan.instances) == (0, 2)
    assert 0.2 <= plan.dollars < 0.3
    assert plan.dollars_beside_instances == pytest.approx(0.02)


def test_all_probes_fit_the_documented_budget() -> None:
    plan = Plan(all_probes(), ON_AWS)
    assert plan.dollars < 2, plan.text()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--aws"], 2, "REGION="),
        (["--aws", "--region", "eu-west-1"], 2, "BUDGET="),
        (["--probe", "absent"], 2, "there is no probe absent"),
        (["--endpoints", "0"], 2, "--endpoints is 0"),
        (["--aws", "--region", "eu-west-1", "--budget", "2"], 4, "which is not AWS"),
        (["--aws", "--region", "eu-west-1", "--sweep"], 4, "which is not AWS"),
    ],
)
def test_refusals_are_one_sentence(
    arguments: list[str], code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "B")
    assert main(arguments) == code
    printed = capsys.readouterr().err
    assert text in printed
    assert len(printed.splitlines()) == 1


def test_every_assumption_is_listed_once() -> None:
    assert len(read_assumptions()) > 40
