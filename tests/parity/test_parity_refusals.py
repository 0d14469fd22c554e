"""What `make parity` refuses before any call: each in a sentence, with its exit code."""

from __future__ import annotations

import pytest

from parity import __main__ as parity

ON_AWS = ["--aws", "--region", "eu-west-1"]


@pytest.fixture(autouse=True)
def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.mark.parametrize("budget", ["nan", "inf", "-1", "0", "two"])
def test_a_budget_that_limits_nothing_is_refused(budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parity.main([*ON_AWS, f"--budget={budget}"])
    assert f"argument --budget: '{budget}' is not a number from 0.01 on" in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["nan", "inf", "0", "fast"])
def test_a_time_scale_that_is_none_is_refused_before_a_local_aws_starts(scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parity.main(["--time-scale", scale])
    assert f"'{scale}' is not a number from 0.1 on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--aws"], 2, "needs a region"),
        (ON_AWS, 2, "needs a budget"),
        (["--probe", "nope"], 2, "there is no probe nope"),
        (["--endpoints", "0"], 2, "--endpoints is 0"),
        ([*ON_AWS, "--budget", "2"], 3, "Unable to locate credentials; check AWS_PROFILE"),
    ],
)
def test_what_cannot_run_is_one_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parity.main(arguments) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1


def test_nothing_is_sent_to_another_address_than_aws(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    assert parity.main([*ON_AWS, "--budget", "2"]) == 4
    assert "http://127.0.0.1:1, which is not AWS" in capsys.readouterr().err
