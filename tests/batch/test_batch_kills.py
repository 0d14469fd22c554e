"""A batch that is killed over and over ends with every result once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.common import until

ITEMS, KILLS, SENDERS = 300, 100, 8
LONGEST_SECONDS = 400


def test_a_hundred_kills_lose_no_result_and_double_none(shared_endpoint: Any, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.jsonl", tmp_path / "out"
    source.write_text("\n".join(json.dumps({"id": f"item-{number}", "body": {"number": number}}) for number in range(ITEMS)))
    before, asked = set(shared_endpoint.outcomes()), shared_endpoint.invocations()
    order = {
        "outputs": shared_endpoint.outputs.as_dict(),
        "url": shared_endpoint.local_aws.url,
        "source": str(source),
        "out": str(out),
    }
    order |= {"seed": 20261127, "kills": KILLS}
    killer = [sys.executable, str(Path(__file__).parents[1] / "support" / "batch_killer.py"), json.dumps(order)]
    done = subprocess.run(killer, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"-9": KILLS}, done.stderr
    assert shared_endpoint.invocations() > asked

    report = shared_endpoint.run(source, out)
    assert (report.items, report.done, report.failed, report.open) == (ITEMS, ITEMS, 0, 0)
    assert report.runs > KILLS / 2  # most died after they had begun
    assert report.ended_in_run > 0  # something was left to do
    found = {path.name: json.loads(path.read_text()) for path in (out / "results").iterdir()}
    assert found == {f"item-{number}.out": {"number": number} for number in range(ITEMS)}
    until(lambda: shared_endpoint.deployed.status()["backlog"] == 0, "what was sent twice has been computed")
    assert len(set(shared_endpoint.outcomes()) - before) == ITEMS  # sent twice or not, an item has one place in S3
    assert (
        shared_endpoint.invocations() - asked <= ITEMS + KILLS * SENDERS
    )  # only what was being sent when a run died is sent again
