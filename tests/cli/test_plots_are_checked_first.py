"""--plot is checked before the endpoint, the arrivals or a plan are read: the work is not lost to a wrong file name."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from async_endpoint.cli.app import app
from async_endpoint.core.errors import InvalidInput


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "absent/one", "absent.csv"],
        ["recommend", "absent/one", "--trace", "absent.csv", "--p95", "3"],
        ["cost", "absent"],
    ],
)
@pytest.mark.parametrize(("file", "sentence"), [("plot.png", "is not an SVG file"), ("absent/plot.svg", "no folder absent")])
def test_a_chart_that_cannot_be_written_ends_the_command_at_once(arguments: list[str], file: str, sentence: str) -> None:
    found = CliRunner().invoke(app, [*arguments, "--plot", file]).exception
    assert isinstance(found, InvalidInput)
    assert sentence in str(found)
