"""Text of live resources in HCL: Terraform reads back what was written, character by character."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

from async_endpoint.deploy.live_adoption.hcl import block

# Signs of templates, escapes, comments, heredocs and lines; controls; characters beyond the Basic Multilingual Plane.
PIECES = [
    *"$%{}\"\\#'`=,[]()~aB9-_. \n\r\t\b\f\0\x1b\x7f\x85\u2028\ufeff\u202e\ufffd\u00e9\U0001f600\U0010ffff",
    *("${", "%{", "$${", "%%{", "$$${", "~}", "${~", "\\n", "\\u0041", "//", "/*", "*/", "\r\n", "e\u0301"),
    *("<<EOT\n", "<<-EOT\n", "EOT\n", "%{ if true }", "%{ endif }"),
]
KEYS = ["for", "if", "in", "null", "true", "false", "each", "self", "var", "local", "forx", "FOR", "a-b", "a.b", "1a", "", "-"]


def text(random_: random.Random) -> str:
    return "".join(random_.choice(PIECES) for _ in range(random_.randint(0, 7)))


def value(random_: random.Random, depth: int = 0) -> Any:
    kind = random_.random()
    if depth < 3 and kind < 0.3:
        keys = [random_.choice([random_.choice(KEYS), text(random_)]) for _ in range(random_.randint(0, 4))]
        return {key: value(random_, depth + 1) for key in keys}
    if depth < 3 and kind < 0.4:
        return [value(random_, depth + 1) for _ in range(random_.randint(0, 4))]
    return text(random_)


def composed(found: Any) -> Any:
    """As Terraform has it: every string in NFC."""
    if isinstance(found, dict):
        return {composed(key): composed(one) for key, one in found.items()}
    return [composed(one) for one in found] if isinstance(found, list) else unicodedata.normalize("NFC", found)


def test_terraform_reads_back_what_was_written(tmp_path: Path) -> None:
    random_ = random.Random(18)
    values = ["\b\f", {"for": "1", "b": "2"}, *(value(random_) for _ in range(400))]
    written = block("locals", arguments=[{f"value{number}": one for number, one in enumerate(values)}])
    (tmp_path / "main.tf").write_text(written, encoding="utf-8", newline="")
    expression = f"base64encode(jsonencode([{', '.join(f'local.value{number}' for number in range(len(values)))}]))"

    console = subprocess.run(
        ["terraform", "console", "-no-color"], cwd=tmp_path, input=expression, capture_output=True, text=True, check=False
    )

    assert console.returncode == 0, console.stderr
    assert json.loads(base64.b64decode(console.stdout.strip().strip('"'))) == composed(values)
