"""Generated requests against every operation of the HTTP API's OpenAPI document: what it answers is documented, and never 500.

Schemathesis, from an environment of its own, generates cases from the document of a real API process in front of a local AWS:
valid ones and invalid ones, with the endpoint and a prediction that exist and with random names. A second process is read-only,
a third one requires API keys.

By hand, some five minutes:  python tests/trials/openapi_cases.py [--cases 5000] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "scripts")]

from support.echo_endpoint import MODEL  # noqa: E402
from support.in_process_aws import REGION, AwsHarness  # noqa: E402
from support.remote_aws import running  # noqa: E402
from support.sample_model import archive  # noqa: E402
from support.served_api import NAME, ApiProcess, api_process, with_api  # noqa: E402

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
EXISTING = "order-7"  # the example of the document
FIXED = f"""
[parameters]
"path.name" = "{NAME}"
"""
FIXED_PREDICTION = FIXED + f'"path.id" = "{EXISTING}"\n'
OPERATIONS = 13  # of the document, whose share of the cases each is
SECONDS = 60


def schemathesis() -> Path:
    """The program, in its own environment."""
    made = subprocess.run(
        [sys.executable, CHECKOUT / "requirements" / "environment.py", "schemathesis"], stdout=subprocess.PIPE, check=True
    )
    return Path(made.stdout.decode().strip()).parent / "schemathesis"


def submit(process: ApiProcess, prediction_id: str, body: bytes) -> None:
    """A prediction that has ended once this returns."""
    headers = {"Content-Type": "application/json", "Prefer": "wait=25"}
    request = urllib.request.Request(f"{process.predictions}/{prediction_id}", body, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        assert response.status == 200, response.read()


def cases(process: ApiProcess, examples: int, config: str, folder: Path, *options: str) -> tuple[int, Counter[str], str]:
    """Run up to `examples` cases of each operation: how many there were, failures by check, and what was printed."""
    (folder / "schemathesis.toml").write_text(config)
    report = folder / f"report-{time.monotonic_ns()}.ndjson"
    command = [schemathesis(), "--config-file", folder / "schemathesis.toml", "run", f"{process.url}/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--max-examples", str(examples), "--continue-on-failure", "--no-shrink"]
    command += ["--request-timeout", "30", "--report", "ndjson", "--report-ndjson-path", report, "--warnings", "off", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    generated = re.search(r"([\d,]+) generated", done.stdout)
    if generated is None:
        raise RuntimeError(f"Schemathesis ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    failures = Counter({what.strip(): int(count) for what, count in re.findall(r"❌ (.+?): *(\d+)", done.stdout)})
    return int(generated[1].replace(",", "")), failures, done.stdout


def trial(wanted: int, seed: int, home: Path) -> dict[str, Any]:
    """Run it; returns the figures."""
    os.environ["ASYNC_ENDPOINT_HOME"] = str(home)
    total, failures, printed = 0, Counter[str](), []
    with ExitStack() as stack:
        remote: Any = stack.enter_context(running(home, 60.0))
        aws = AwsHarness(remote, home / ".local" / "aws")
        outputs = with_api(aws.endpoint(archive(MODEL), topics=True, concurrency=8))
        credentials = aws.credentials.environment(REGION)

        def process(**settings: Any) -> ApiProcess:
            return stack.enter_context(api_process(outputs, aws.url, credentials, home / "api.log", **settings))

        open_process = process()
        submit(open_process, EXISTING, b'{"n": 1}')
        share = max(wanted // OPERATIONS, 2)
        for number, (target, examples, config) in enumerate(
            (
                (open_process, share * 5 // 10, FIXED),
                (open_process, share * 2 // 10, FIXED_PREDICTION),
                (open_process, share * 2 // 10, ""),
                (process(read_only=True), share // 20, FIXED_PREDICTION),
                (process(keys_required=True), share // 20, FIXED_PREDICTION),
            )
        ):
            count, found, text = cases(target, max(examples, 2), config, home, "--seed", str(seed + number))
            total, failures = total + count, failures + found
            printed += [text] if found else []
            print(f"run {number + 1}: {count} cases, {sum(found.values())} failures", file=sys.stderr)
    return {"cases": total, "failures": dict(failures), "statuses": statuses(home / "api.log"), "printed": "\n".join(printed)}


def statuses(log: Path) -> dict[str, int]:
    """How many responses there were of each status, as the processes logged them."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    found = Counter(str(line["status"]) for line in lines if line["message"] == "request")
    return dict(sorted(found.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--log", type=Path, help="keep the log of the API processes there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="openapi-") as home:
        figures = trial(arguments.cases, arguments.seed, Path(home))
        if arguments.log:
            arguments.log.write_bytes((Path(home) / "api.log").read_bytes())
    print(figures.pop("printed"), file=sys.stderr)
    print(json.dumps(figures, indent=2))
    return bool(figures["failures"] or figures["statuses"].get("500"))


if __name__ == "__main__":
    sys.exit(main())
