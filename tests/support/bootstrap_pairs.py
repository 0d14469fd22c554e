"""Bootstrap against bootstrap in two clones, and apply against bootstrap, on one bucket of states."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.command_pairs import Ended
from support.in_process_aws import AwsHarness
from support.interrupted_plans import add_bootstrap
from support.state_in_s3 import StateInS3

KINDS: Final = ("bootstraps", "apply")
# Takes a while, and changes with each pair.
MAIN: Final = """
resource "terraform_data" "this" {
  triggers_replace = "NUMBER"

  provisioner "local-exec" {
    command = "sleep 5"
  }
}

output "async_endpoints" {
  value = {}
}
"""


class BootstrapPairs:
    """Two clones of one repository whose environment new gets a bucket of its own in each pair."""

    def __init__(self, folder: Path, local_aws: AwsHarness) -> None:
        self.local_aws, self._number = local_aws, 0
        self.first = StateInS3(folder / "one", local_aws, "")
        add_bootstrap(self.first.folder)
        self.second = copy.copy(self.first)
        self.second.folder = folder / "two"
        shutil.copytree(self.first.folder, self.second.folder)

    def pair(self, kind: str) -> Ended:
        """Run two commands at once, and then each that failed once more, which has to succeed."""
        self._number += 1
        for checkout in (self.first, self.second):
            for name in ("state.s3.tfbackend", "account.auto.tfvars"):
                (checkout.folder / "envs/new" / name).unlink(missing_ok=True)
        bootstrap = ["bootstrap", "new", "--bucket", f"states-of-pair-{self._number}", "--yes"]
        keys, commands = self._keys(), [(self.first, bootstrap), (self.second, bootstrap)]
        if kind == "apply":
            commands = self._apply_beside_update(bootstrap)
        ended = [_end(process) for process in [checkout.start(*arguments) for checkout, arguments in commands]]
        failed = [command for command, (code, _) in zip(commands, ended, strict=True) if code]
        again = [_end(checkout.start(*arguments)) for checkout, arguments in failed]
        codes = ended[0][0], ended[1][0]
        refusal = next((said for code, said in ended if code), "")
        faults = [*_faults(codes, again, may_fail=kind == "bootstraps"), *self._faults_of_bucket(self._keys() - keys)]
        return Ended(kind, codes, refusal, tuple(faults))

    def _apply_beside_update(self, bootstrap: list[str]) -> list[tuple[StateInS3, list[str]]]:
        """An apply on a state in the bucket, and an update of that bucket: there is one more environment."""
        assert _end(self.first.start(*bootstrap))[0] == 0
        main = self.first.folder / "envs/new/main.tf"
        main.write_text(main.read_text().partition("\nresource")[0] + MAIN.replace("NUMBER", str(self._number)))
        shutil.copytree(self.second.folder / "envs/new", self.second.folder / f"envs/more{self._number}")
        return [(self.first, ["apply", "new", "--yes"]), (self.second, bootstrap)]

    def _keys(self) -> int:
        return len(self.local_aws.client("kms").list_keys()["Keys"])

    def _faults_of_bucket(self, keys: int) -> Iterator[str]:
        found = self.local_aws.keys(f"states-of-pair-{self._number}")
        if "state-bucket/terraform.tfstate" not in found:
            yield f"the bucket does not have its state, but {found}"
        if locks := [key for key in found if key.endswith(".tflock")]:
            yield f"left locked: {locks}"
        if keys != 1:
            yield f"{keys} keys were created"


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    text = process.communicate(timeout=300)[1]
    return process.returncode, text.rstrip().splitlines()[-1] if text.strip() else ""


def _faults(codes: tuple[int, int], again: list[tuple[int, str]], *, may_fail: bool) -> Iterator[str]:
    if sum(map(bool, codes)) > may_fail:
        yield f"ended with {codes}"
    yield from (f"run again: {code}: {said}" for code, said in again if code)
