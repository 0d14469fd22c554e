"""The container engine under test, and archives for its probe image."""

from __future__ import annotations

import io
import platform
import subprocess
import tarfile
from dataclasses import dataclass, field

from async_endpoint.emulator.container.engine import LABEL
from support.engine_images import Images

# The images are for the processors of this machine, and an endpoint takes only images for those of its instances.
INSTANCE_TYPE = "ml.m7g.large" if platform.machine() in ("aarch64", "arm64") else "ml.m5.large"


@dataclass(frozen=True)
class RealEngine:
    """The engine under test, and its images."""

    program: str
    images: Images = field(default_factory=Images)

    def run(self, *arguments: str) -> str:
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, check=True).stdout

    def leftovers(self, label: str) -> list[str]:
        """Containers and networks of the local AWS whose label has this value."""
        wanted = ["--filter", f"label={LABEL}={label}"]
        found = (self.run("ps", "--all", "--quiet", *wanted), self.run("network", "ls", "--quiet", *wanted))
        return " ".join(found).split()


def packed(**files: str) -> bytes:
    """A model archive with these files below weights/, readable by all."""
    return _archive({f"weights/{name}": text for name, text in files.items()})


def one_model(text: str) -> bytes:
    """The archive of one of many models: what the probe image answers for it."""
    return _archive({"weights.txt": text})


def _archive(files: dict[str, str]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return written.getvalue()
