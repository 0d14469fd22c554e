"""What `async-endpoint batch` does: items from a JSON-lines manifest, results in a folder; and the peak of memory."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from async_endpoint.batch.batch import run_batch
from async_endpoint.core.outputs import AsyncEndpointOutputs

task = json.loads(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    source = Path(folder, "items.jsonl")
    with source.open("w") as lines:
        for number in range(task["requests"]):
            lines.write(json.dumps({"id": f"item-{number}", "body": {"seconds": task["seconds"]}}) + "\n")
    begun = time.monotonic()
    report = run_batch(AsyncEndpointOutputs.parse(task["outputs"]), str(source), Path(folder, "out"), endpoint_url=task["url"])
    wall = time.monotonic() - begun
    written = sum(path.is_file() for path in Path(folder, "out", "results").rglob("*"))
unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KB on Linux
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
print(json.dumps({"wall": wall, "done": report.done, "failed": report.failed, "written": written, "megabytes": peak}))
