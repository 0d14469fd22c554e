"""examples/text-embeddings by the commands of its README: heavy requirements, the vectors, scaling to zero and waking."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from support.documents import ROOT
from support.readme_commands import clone, commands, run

COMMAND = ROOT / ".venv/bin/async-endpoint"
QUERY = "examples/text-embeddings/queries/garments.json"
INVOKE = f"async-endpoint invoke texts/text-embeddings {QUERY} --display-results --local"
ASLEEP_WITHIN_SECONDS = 180  # 15 AWS minutes and the next evaluation, at a time scale of 60


def instances(checkout: Path) -> int:
    status: dict[str, Any] = json.loads(run(checkout, ["async-endpoint local status --json"], 60))
    [endpoint] = status["endpoints"]
    return len(endpoint["instances"])


def embeddings(checkout: Path) -> Any:
    """What the README's call shows: people's output is on standard error."""
    shown = run(checkout, [f"{INVOKE} 2>&1 >/dev/null"], 600)
    return json.loads(shown[shown.index("{") : shown.rindex("}") + 1])["embeddings"]


def test_texts_are_embedded_and_the_endpoint_wakes(tmp_path: Path) -> None:
    checkout, lines = clone(tmp_path), commands("text-embeddings")
    destroy = next(number for number, line in enumerate(lines) if " destroy " in line)
    before = [line for line in lines[:destroy] if " watch " not in line and " invoke " not in line]
    assert INVOKE in lines
    try:
        run(checkout, before, 3900)

        first = embeddings(checkout)
        assert [len(vector) for vector in first] == [384] * 3
        alike, unlike = (sum(a * b for a, b in zip(first[0], other, strict=True)) for other in first[1:])
        assert alike > 0.6 and unlike < 0.2

        deadline = time.monotonic() + ASLEEP_WITHIN_SECONDS
        while instances(checkout) > 0:
            assert time.monotonic() < deadline, "the endpoint does not scale to zero"
            time.sleep(1)
        assert embeddings(checkout) == first, "the same texts have the same vectors"
        run(checkout, [lines[destroy]], 600)
    finally:
        subprocess.run([COMMAND, "local", "down"], cwd=checkout, check=False)
