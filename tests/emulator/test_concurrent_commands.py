"""Two commands on one state in S3 at once: one wins, the other is refused naming the holder, and the state is intact.

tests/trials/concurrent_commands.py runs many of these pairs, and pairs on a root with the AWS provider.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_pairs import Clones
from support.in_process_aws import AwsHarness

pytestmark = pytest.mark.terraform


def test_of_two_commands_at_once_one_wins_and_the_other_names_it(tmp_path: Path, local_aws: AwsHarness) -> None:
    clones = Clones(tmp_path, local_aws)
    for kind in ("file", "destroy"):
        ended = clones.pair(kind)
        assert ended.faults == (), ended
