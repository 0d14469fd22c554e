"""The folders this project reads and writes: those of a checkout, or outside of one the user's state folder.

In a checkout everything written goes below `.local/` (state of the local AWS, working copies of roots) and `build/` (archives).
Outside, where only a local AWS can run, that `.local/` is in XDG_STATE_HOME/async-endpoint (~/.local/state/async-endpoint).
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from async_endpoint.core.errors import InvalidInput, UnknownEnvironment, UsageError

HOME_VARIABLE = "ASYNC_ENDPOINT_HOME"
_PRIVATE = 0o700


@dataclass(frozen=True)
class Workspace:
    """A checkout of this repository by its top folder, or a folder that has the files of a local AWS only."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The checkout around `start` (the current folder), the one ASYNC_ENDPOINT_HOME names, or the one this code lies in.

        One around `start` is found only if this user, root, or the owner of `start` made it: above a folder in /tmp, say,
        anyone can lay out a checkout, whose Terraform would be run. Raises UsageError when there is none.
        """
        named = os.environ.get(HOME_VARIABLE)
        origin = (start or Path.cwd()).resolve()
        own = Path(__file__).resolve().parents  # its code runs already
        trusted = {0, os.geteuid(), origin.stat().st_uid}
        around = [folder for folder in (origin, *origin.parents) if _is_checkout(folder) and _owners(folder) <= trusted]
        for folder in [Path(named).resolve()] if named else [*around, *own]:
            if _is_checkout(folder):
                return cls(folder)
        raise UsageError(
            f"{named or origin} is not inside a checkout with modules/async-inference and envs/; "
            f"change into one, or set {HOME_VARIABLE} to it."
        )

    @classmethod
    def for_local_aws(cls) -> Workspace:
        """The workspace of local AWS commands: the checkout that `find` finds, else the user's state folder.

        ASYNC_ENDPOINT_HOME may name any existing folder here; raises UsageError when it names none.
        """
        if (named := os.environ.get(HOME_VARIABLE)) and Path(named).is_dir() and not _is_checkout(Path(named).resolve()):
            return cls(Path(named).resolve())
        try:
            return cls.find()
        except UsageError:
            if named:
                raise
        state = os.environ.get("XDG_STATE_HOME", "")
        parent = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
        return cls(parent / "async-endpoint")

    @property
    def is_checkout(self) -> bool:
        return _is_checkout(self.root)

    @property
    def environments(self) -> list[str]:
        return sorted(folder.parent.name for folder in (self.root / "envs").glob("*/main.tf"))

    def environment(self, name: str) -> Path:
        """The folder of root `name`; raises UnknownEnvironment naming those there are."""
        if name not in self.environments:
            raise UnknownEnvironment(
                f"There is no environment {name!r} under envs/; choose one of {', '.join(self.environments)}."
            )
        return self.root / "envs" / name

    @property
    def modules(self) -> Path:
        return self.root / "modules"

    @property
    def build(self) -> Path:
        return self.root / "build"

    @property
    def local(self) -> Path:
        """The folder for what this machine makes; ignored by git."""
        return self.root / ".local"

    def make_local(self, name: str) -> Path:
        """Make folder `name` of `.local`, which only its owner can enter: it has credentials, and programs that are run.

        Raises InvalidInput when `.local` is another user's.
        """
        make_private(self.local)
        folder = self.local / name
        make_private(folder)
        return folder


def _is_checkout(folder: Path) -> bool:
    return (folder / "modules" / "async-inference").is_dir() and (folder / "envs").is_dir()


def _owners(checkout: Path) -> set[int]:
    """The users who made what a checkout is known by and what is read in it; of links, who made the link."""
    parts = ("modules", "modules/async-inference", "envs", ".local")
    return {(checkout / part).lstat().st_uid for part in parts if os.path.lexists(checkout / part)}


def make_folders(folder: Path) -> None:
    """Make a folder and those it lies in with mode 0700, whatever the umask; what is there stays as it is.

    Raises OSError, NotADirectoryError for a file that is in the way.
    """
    for missing in (*reversed(folder.parents), folder):
        try:
            missing.mkdir(mode=_PRIVATE, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(missing)) from None


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter, also of one that is there; raises InvalidInput when it is another user's."""
    make_folders(folder)
    if stat.S_IMODE(folder.stat().st_mode) == _PRIVATE:
        return
    try:
        folder.chmod(_PRIVATE)
    except PermissionError as error:
        raise InvalidInput(
            f"{folder} belongs to another user; work in a checkout of your own, or remove that folder."
        ) from error
