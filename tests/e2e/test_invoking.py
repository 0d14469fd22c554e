"""`async-endpoint invoke`: its standard output, and its messages on standard error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-local"),
    pytest.mark.parametrize("root", ["local"], indirect=True),
    pytest.mark.usefixtures("awake"),
]


def test_without_wait_it_prints_the_output_location(root: Any) -> None:
    invoked = root.succeed("invoke", root.checkout.query("blue-trousers.jpg"))

    assert re.fullmatch(rf"{root.outputs.storage.output_uri}r[0-9a-f]{{12}}/00000001\.out\n", invoked.out)
    assert re.fullmatch(r"submitted r[0-9a-f]{12}-00000001\n", invoked.err)


def test_displayed_results_are_a_table_on_standard_error(root: Any) -> None:
    invoked = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--display-results")

    shown = re.findall(r"│ *(\d) *│ *(\S+) *│ *(\w+) *│ *(\w+) *│ *([\d.]+) *│", invoked.err)
    assert [rank for rank, *_ in shown] == ["1", "2", "3", "4", "5"]
    assert all(path.startswith("catalogue/shirt/red-") and category == "shirt" for _, path, category, *_ in shown[:3])
    assert root.object(invoked.out.removesuffix("\n")), "standard output is the location of the result"


def test_json_is_one_document_with_the_result(root: Any) -> None:
    few = root.succeed("invoke", root.checkout.query("yellow-bag.jpg"), "--wait", "--top-k", "2", "--json").document
    assert few["status"] == "Completed"
    assert [item["path"].rpartition("-")[0] for item in few["result"]["recommendations"]] == ["catalogue/bag/yellow"] * 2

    submitted = root.succeed("invoke", root.checkout.query("yellow-bag.jpg"), "--json").document
    assert submitted.keys() == few.keys() - {"status", "result", "bytes", "content_type", "seconds"}


def test_small_inputs_go_inline_and_any_can_be_uploaded(root: Any) -> None:
    inline = root.succeed("invoke", root.checkout.query("yellow-bag.jpg"), "--wait", "--json").document
    stored = root.succeed("invoke", root.checkout.query("yellow-bag.jpg"), "--wait", "--upload", "--json").document

    assert inline["input_location"] is None
    assert root.object(stored["input_location"])
    assert inline["result"] == stored["result"]


def test_the_python_example_of_the_readme_runs(root: Any) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    [example] = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "AsyncEndpoint" in block]
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=root.checkout.folder,
        env=root.checkout.environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert "recommendations" in first
    queries = [path.name for path in (root.checkout.folder / "examples/fashion-recommender/queries").iterdir()]
    assert sorted(line.split()[-1] for line in others) == sorted(
        "failed" if name == "corrupt.jpg" else "completed" for name in queries
    )


def test_verbose_reports_how_the_result_is_found(root: Any) -> None:
    shown = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait", "--verbose").err
    assert "Results are looked up in S3 while fewer than 8 requests are pending." in shown
