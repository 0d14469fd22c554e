"""Adopts endpoints of several origins on a local AWS: `python tests/trials/adopted_origins.py [ORIGIN ...]`.

Origins: boto3 (a script shaped like a public guide's), real-time, sdk (SageMaker's Python SDK; CLIENTS_PYTHON names the Python
of `make clients`), stack (a CDK-shaped template through CloudFormation), and for other people's Terraform modules
`philschmid=FOLDER` and `aws-ia=FOLDER`: a copy of philschmid/terraform-aws-sagemaker-huggingface and of
aws-ia/terraform-aws-sagemaker-endpoint, applied from a root and a state of their own. Without arguments: boto3, real-time and
stack, and sdk where CLIENTS_PYTHON is set.

Each is invoked before, without a pause while it is adopted and applied, and after. Every call must be answered, the plan must
destroy nothing that serves, no secret of a container be printed, the apply end verified, and a second plan be empty; what a
stack or a state owns must be refused until it is released as the refusal says. Prints a line a step, with its seconds; ends
with 1 unless every step held. About a minute and a half each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.adoption_checkout import adopting_checkout
from support.applied_roots import CHECKOUT, Checkout, Ended
from support.foreign_terraform import ForeignRoot, aws_ia, philschmid
from support.live_origins import Origin, boto3_script, calling, real_time, release, sagemaker_sdk, stack
from support.third_party_clients import CLIENTS, client_of

NAME = "shop"
SECRET = {"HF_API_TOKEN": "hf_thatOnlyTheContainerHas"}  # of a script's container
AT_ONCE = 4  # they wait more than they compute
_PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}


@dataclass
class Trial:
    """One adoption in `checkout`; `state` is of the other Terraform, if there is one."""

    checkout: Checkout
    origin: Origin
    owner: ForeignRoot | None = None

    def adopt(self, *more: str) -> Ended:
        return self.checkout.run("adopt", self.origin.endpoint, "--env", "local", "--name", NAME, "--yes", *more)

    def run(self) -> None:
        answer = self._step("invoked before", self.origin.invoke)
        if self.origin.made_by == "script":
            self._step("described under the documented policy", self._described)
        with calling(self.origin) as calls:
            self._step("adopted", self._adopted)
            self._step("applied and verified", self._applied)
        _require(
            not calls.errors,
            f"{len(calls.errors)} of {len(calls.answers) + len(calls.errors)} calls failed: {calls.errors[:1]}",
        )
        _require(all(one == answer for one in calls.answers), "an answer differs from the one before")
        print(f"{self.name}: {len(calls.answers)} calls meanwhile, all answered", flush=True)
        self._step("invoked after", lambda: _require(self.origin.invoke() == answer, "the answer differs"))
        self._step("second plan is empty", self._planned_again)

    def _adopted(self) -> None:
        if self.owner is not None:
            self._refused("terraform state rm", *self._other_state())
            self.owner.release()
        elif self.origin.made_by == "stack":
            self._refused("DeletionPolicy: Retain")
            release(self.origin)
        ended = self.adopt(*self._other_state())
        _require(ended.code == 0, f"adopt ended with {ended.code}: {ended.err[-3000:]}")
        self._require_hidden(ended)
        files = (self.checkout.folder / "envs/local").glob("*.tf")
        _require(SECRET["HF_API_TOKEN"] not in "".join(one.read_text() for one in files), "a file has the secret")
        if self.origin.made_by == "script":
            self.checkout.environment[f"TF_VAR_{NAME}_hf_api_token"] = SECRET["HF_API_TOKEN"]
        command = ["terraform", "fmt", "-check", "-diff", "envs/local"]
        formatted = subprocess.run(command, cwd=self.checkout.folder, env=_PLAIN, capture_output=True, text=True, check=False)
        _require(formatted.returncode == 0, f"terraform fmt would change: {formatted.stdout}{formatted.stderr}")
        for command in [line for line in ended.err.splitlines() if "delete it before the apply: " in line]:
            self.origin.delete_scaling_policy(command.rpartition("--policy-name ")[2])

    def _described(self) -> None:
        """A caller with the policy of docs/adopt.md sees what an administrator sees."""
        arguments = ("adopt", self.origin.endpoint, "--env", "local", "--name", NAME, "--print", "--json")
        page = (CHECKOUT / "docs/adopt.md").read_text(encoding="utf-8")
        policy = json.loads(page.partition("```json\n")[2].partition("```")[0])
        reader = self.checkout.with_policies("adopter", policy).run(*arguments)
        _require(reader.code == 0, f"adopt --print ended with {reader.code}: {reader.err[-2000:]}")
        _require(reader.document == self.checkout.run(*arguments).document, "the policy hides something")

    def _refused(self, remedy: str, *more: str) -> None:
        refusal = self.adopt(*more)
        _require(refusal.code == 4 and remedy in refusal.err, f"not refused: {refusal.code} {refusal.err[-2000:]}")

    def _other_state(self) -> tuple[str, ...]:
        return ("--other-state", str(self.owner.pulled())) if self.owner is not None else ()

    def _applied(self) -> None:
        ended = self.checkout.run("apply", "local")
        _require(ended.code == 0, f"apply ended with {ended.code}: {ended.err[-3000:]}")
        self._require_hidden(ended)

    def _require_hidden(self, ended: Ended) -> None:
        """Terraform prints plans on standard error, with every value that is not sensitive."""
        _require(SECRET["HF_API_TOKEN"] not in ended.out + ended.err, f"{ended.arguments[0]} printed the secret")

    def _planned_again(self) -> None:
        ended = self.checkout.run("plan", "local", "--detailed-exitcode")
        _require(ended.code == 0, f"the second plan ended with {ended.code}: {ended.err[-3000:]}")
        (self.checkout.folder / f"envs/local/{NAME}_imports.tf").unlink()
        ended = self.checkout.run("verify", "local")
        _require(ended.code == 0 or self.origin.kind != "async", f"verify ended with {ended.code}: {ended.err[-2000:]}")

    @property
    def name(self) -> str:
        return self.origin.endpoint

    def _step(self, name: str, work: Callable[[], Any]) -> Any:
        begin = time.monotonic()
        result = work()
        print(f"{self.name}: {name} ({time.monotonic() - begin:.0f} s)", flush=True)
        return result


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise SystemExit(f"failed: {sentence}")


def _made(name: str, checkout: Checkout, folder: Path) -> Trial:
    """The endpoint of an origin, live."""
    kind, _, source = name.partition("=")
    if kind == "sdk":
        sdk = client_of(CLIENTS, checkout.credentials.environment("eu-west-1"), folder)
        return Trial(checkout, sagemaker_sdk(checkout.client, sdk))
    if kind in ("philschmid", "aws-ia"):
        make = philschmid if kind == "philschmid" else aws_ia
        origin, owner = make(checkout, Path(source), folder)
        return Trial(checkout, origin, owner)
    if kind == "stack":
        return Trial(checkout, stack(checkout.client))
    makers = {"boto3": boto3_script, "real-time": real_time}
    if kind not in makers:
        raise SystemExit(f"{name} is no origin; give boto3, real-time, sdk, stack, philschmid=FOLDER or aws-ia=FOLDER")
    return Trial(checkout, makers[kind](checkout.client, **SECRET))


def main(names: list[str]) -> None:
    chosen = names or ["boto3", "stack", *(["sdk"] if CLIENTS in os.environ else []), "real-time"]
    if len(chosen) > 1:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ended = list(
                pool.map(lambda name: subprocess.run([sys.executable, __file__, name], check=False).returncode, chosen)
            )
        raise SystemExit(int(any(ended)))
    [name] = chosen
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "client").mkdir()
        with adopting_checkout(folder / "check out", str(folder / "cache"), "--enforce-iam") as checkout:
            _made(name, checkout, folder / "client").run()


if __name__ == "__main__":
    main(sys.argv[1:])
