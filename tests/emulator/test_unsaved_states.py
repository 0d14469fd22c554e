"""An apply that cannot write its state, since S3 fails: the next command writes it, and nothing is made twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from moto.s3.models import s3_backends

from async_endpoint.terraform.working_copy import UNSAVED_STATE
from support.common import until
from support.in_process_aws import AwsHarness
from support.state_in_s3 import StateInS3

pytestmark = pytest.mark.terraform

MAIN = """
resource "terraform_data" "this" {
  provisioner "local-exec" {
    command = "echo made >> JOURNAL; timeout 60 sh -c 'until [ -e JOURNAL.go ]; do sleep 0.1; done'"
  }
}

output "async_endpoints" {
  value = {}
}
"""


def test_a_state_that_s3_did_not_take_is_written_by_the_next_command(tmp_path: Path, local_aws: AwsHarness) -> None:
    journal = tmp_path / "journal"
    checkout = StateInS3(tmp_path / "checkout", local_aws, MAIN.replace("JOURNAL", str(journal)))
    buckets = s3_backends["123456789012"]["aws"].buckets
    applying = checkout.start("apply", "dev", "--yes")
    try:
        until(journal.exists, "the apply has begun", 60)
        hidden = buckets.pop(checkout.bucket)
        (tmp_path / "journal.go").touch()
        _, said = applying.communicate(timeout=100)
    finally:
        buckets[checkout.bucket] = hidden
    assert applying.returncode == 1, said
    assert "Its state is kept in " in said.rstrip().splitlines()[-1]
    kept = checkout.copy / UNSAVED_STATE
    assert kept.is_file()

    code, said = checkout.run("apply", "dev", "--yes")
    assert (code, "then unlock it with: " in said) == (3, True), said
    assert checkout.run(*said.partition("unlock it with: ")[2].split()[1:])[0] == 0
    assert kept.is_file()
    code, said = checkout.run("apply", "dev", "--yes")
    assert code == 0, said
    assert not kept.exists()
    assert journal.read_text() == "made\n"
