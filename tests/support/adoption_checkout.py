"""A checkout whose environments have no endpoint yet, on a local AWS of its own: where adoptions are tried."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.applied_roots import CHECKOUT, Checkout, shell_environment
from support.module_copies import LEFT_OUT

MAIN = """locals {
  project     = "shop"
  environment = "local"
}
"""
OUTPUTS = """output "async_endpoints" {
  description = "Endpoints by the name that commands use (async-endpoint invoke ENV/NAME)."
  value       = {}
}
"""


@contextmanager
def adopting_checkout(folder: Path, container_cache: str, *options: str) -> Iterator[Checkout]:
    """The checkout in `folder` for the block, and its local AWS; `options` are those of `local up`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("modules", "examples"):
        (folder / name).symlink_to(CHECKOUT / name)
    shutil.copytree(CHECKOUT / "envs/local", folder / "envs/local", ignore=LEFT_OUT)
    (folder / "envs/local/main.tf").write_text(MAIN)
    (folder / "envs/local/outputs.tf").write_text(OUTPUTS)
    (folder / "build").mkdir()
    checkout = Checkout(folder, shell_environment(container_cache))
    checkout.start_local_aws(*options)
    try:
        yield checkout
    finally:
        checkout.run("local", "down")
