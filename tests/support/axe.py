"""axe-core, which checks a page for accessibility; requirements/axe pins it by hash, and npm installs it into build/axe."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PINNED = CHECKOUT / "requirements/axe"
INSTALLED = CHECKOUT / "build/axe"
# WCAG 2.2 to level AA, and what axe calls best practices
RUN = """
const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
return (await axe.run(document, {runOnly, resultTypes: ["violations"]})).violations;
"""


@cache
def axe_source() -> str:
    """The script that defines `axe` in a page."""
    npm = shutil.which("npm")
    assert npm is not None, "the browser tests need npm, for axe-core; install Node.js 20 or newer"
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINNED / name, INSTALLED / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
    subprocess.run(command, cwd=INSTALLED, check=True, timeout=300)
    return (INSTALLED / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    """What axe finds on a page in which `axe_source` has run: impact, rule and elements; the serious and the critical first."""
    found = page.evaluate(f"async () => {{ {RUN} }}")
    assert page.evaluate("axe.version")
    described = [(item["impact"], item["id"], [node["html"][:120] for node in item["nodes"]]) for item in found]
    order = ["critical", "serious", "moderate", "minor"]
    return [f"{impact}: {rule}: {nodes}" for impact, rule, nodes in sorted(described, key=lambda one: order.index(one[0]))]
