"""Two commands on one state at once: what each says, and what the state and a journal of the changes show afterwards.

The plain root needs no provider. Its resource writes into a journal when its creation begins and ends, so two commands that
change it at the same time are seen whatever Terraform makes of their states. It is created, or destroyed, once one of the
commands has ended: however slow the machine, the other one meets a state that is in use.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.suspension import suspensions
from support.common import until
from support.in_process_aws import AwsHarness
from support.interrupted_apply import CHECKOUT, NAME, RESOURCE_ID, ROOT
from support.state_in_s3 import KEY, StateInS3

MAIN: Final = """
variable "journal" {
  type = string
}

variable "size" {
  type = string
}

resource "terraform_data" "this" {
  input            = { journal = var.journal, size = var.size }
  triggers_replace = var.size

  provisioner "local-exec" {
    command = "echo begin $SIZE >> $JOURNAL; WAIT; echo end $SIZE >> $JOURNAL"

    environment = {
      JOURNAL = self.input.journal
      SIZE    = self.input.size
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "WAIT"

    environment = {
      JOURNAL = self.input.journal
    }
  }
}

output "async_endpoints" {
  value = {}
}
""".replace("WAIT", "timeout 100 sh -c 'until [ -e $JOURNAL.go ]; do sleep 0.1; done'")
# A plan file is not planned again, so two applies of one can meet at the endpoint, before Terraform locks the state.
HOLDER: Final = re.compile(
    r"The state of dev is locked by \S+@\S+ since .+ UTC \((?:plan|apply), lock ID [0-9a-f-]{36}\)"
    r"|\S+@\S+ has been changing endpoint/\S+ since \S+ and holds its scaling suspended"
)


@dataclass(frozen=True)
class Ended:
    """A pair of commands that has ended: `kind` is which, `codes` their exit codes, `refusal` the last line of the refused."""

    kind: str
    codes: tuple[int, int]
    refusal: str
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Clones:
    """Two clones of one repository: the same environment, the same state."""

    def __init__(self, folder: Path, local_aws: AwsHarness, main: str = MAIN) -> None:
        (folder / "one").mkdir()
        self.first = StateInS3(folder / "one", local_aws, main)
        self.complete(self.first.folder)
        self.second = copy.copy(self.first)
        self.second.folder = folder / "two"
        shutil.copytree(self.first.folder, self.second.folder, symlinks=True)
        self.journal, self.pairs = folder / "journal", 0

    @property
    def _go(self) -> Path:
        return self.journal.with_name("journal.go")

    def complete(self, checkout: Path) -> None:
        """Add what else the root reads."""

    def values(self, name: str) -> dict[str, Any]:
        """The root's variables in the clone `name`: another change in each pair, and in each clone."""
        return {"journal": str(self.journal), "size": f"{name}-{self.pairs}"}

    def pair(self, kind: str) -> Ended:
        """Run two commands at once: two applies in two `clones`, in one `checkout`, of one plan `file`; apply and `destroy`."""
        one, other = self.first, self.first if kind == "checkout" else self.second
        self.pairs += 1
        self.journal.write_text("")
        self._go.unlink(missing_ok=True)
        for checkout, name in ((self.first, "one"), (self.second, "one" if kind == "file" else "two")):
            (checkout.folder / "envs/dev/values.auto.tfvars.json").write_text(json.dumps(self.values(name)))
        before, target = self.serial(), "dev"
        if kind == "file":
            target = str(self.journal.with_name("kept.plan"))
            assert one.run("plan", "dev", "--out", target)[0] == 0
        running = [
            one.start("apply", target, "--yes"),
            other.start("destroy" if kind == "destroy" else "apply", target, "--yes"),
        ]
        until(lambda: any(process.poll() is not None for process in running), "one of the commands has ended", 300)
        self._go.touch()
        texts = [process.communicate(timeout=300)[1] for process in running]
        codes = running[0].returncode, running[1].returncode
        refused = [text.rstrip().splitlines()[-1] for text, code in zip(texts, codes, strict=True) if code]
        destroyed = kind == "destroy" and codes[1] == 0
        faults = [*self._faults(codes, refused), *self._faults_of_state(before), *self.faults_of_changes(destroyed=destroyed)]
        return Ended(kind, codes, refused[0] if refused else "", tuple(faults))

    def state(self) -> dict[str, Any]:
        """The state as the bucket has it; raises ValueError for one that is half written."""
        s3 = self.first.local_aws.s3
        try:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=self.first.bucket, Key=KEY)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return {"serial": 0, "resources": []}
        return found

    def serial(self) -> int:
        return int(self.state()["serial"])

    def _faults(self, codes: tuple[int, int], refused: list[str]) -> Iterator[str]:
        if sorted(codes) != [0, 3]:
            yield f"one wins and one is refused with exit code 3: {codes}"
        if refused and not HOLDER.search(refused[0]):
            yield f"the refusal names the holder: {refused[0]}"

    def _faults_of_state(self, before: int) -> Iterator[str]:
        if self.first.is_locked():
            yield "the lock is left"
        if self.serial() <= before:
            yield f"the serial of the state was {before} and is {self.serial()}"

    def faults_of_changes(self, *, destroyed: bool) -> Iterator[str]:
        """What is wrong with the resources, or with what the state says of them."""
        lines = self.journal.read_text().splitlines()
        sizes = [line.removeprefix("begin ") for line in lines[::2]]
        if lines != [f"{event} {size}" for size in sizes for event in ("begin", "end")]:
            yield f"changes overlap: {lines}"
        inputs = [item["instances"][0]["attributes"]["input"]["value"]["size"] for item in self.state()["resources"]]
        if inputs != ([] if destroyed else sizes[-1:]):
            yield f"the state has {inputs}, and the journal {lines}"


class EndpointClones(Clones):
    """Clones whose root is the endpoint of tests/trials/sleeper.tf, which the first apply creates."""

    def __init__(self, folder: Path, local_aws: AwsHarness) -> None:
        bucket, role = local_aws.bucket(), local_aws.role()
        role.allow(bucket)
        topics = {f"{outcome}_topic": local_aws.topic() for outcome in ("error", "success")}
        self.given = {"bucket": bucket, "model": local_aws.model(bucket, role), "role": role.arn, **topics}
        super().__init__(folder, local_aws, ROOT.read_text().replace(f'environment    = "{NAME}"', 'environment    = "dev"'))

    def complete(self, checkout: Path) -> None:
        shutil.rmtree(checkout / "modules")
        (checkout / "modules").symlink_to(CHECKOUT / "modules")
        shutil.copyfile(CHECKOUT / "envs/local/.terraform.lock.hcl", checkout / "envs/dev/.terraform.lock.hcl")

    def values(self, name: str) -> dict[str, Any]:
        return {"concurrency": 1 + (2 * self.pairs + (name == "two")) % 100, "given": self.given}

    def faults_of_changes(self, *, destroyed: bool) -> Iterator[str]:
        found = [item for item in self.state()["resources"] if item["type"] == "aws_sagemaker_endpoint"]
        live = self.first.local_aws.sagemaker.list_endpoints(NameContains=NAME)["Endpoints"]
        if destroyed:
            if found or live:
                yield f"destroyed, and there is {found or live}"
            return
        said = [item["instances"][0]["attributes"]["endpoint_config_name"] for item in found]
        described = self.first.local_aws.sagemaker.describe_endpoint(EndpointName=NAME)
        if (said, described["EndpointStatus"]) != ([described["EndpointConfigName"]], "InService"):
            yield f"the state has {said}, and live is {described['EndpointConfigName']}, {described['EndpointStatus']}"
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [RESOURCE_ID]}
        for target in self.first.local_aws.scaling.describe_scalable_targets(**asked)["ScalableTargets"]:
            if suspensions(target):
                yield f"scaling is left suspended: {suspensions(target)}"
