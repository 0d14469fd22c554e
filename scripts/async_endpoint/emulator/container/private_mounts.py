"""Mounts the folder of a container at /opt/ml, and others at /dev/shm and /tmp, in a mount namespace of the calling process.

Instances on AWS share neither files nor memory: this process and its descendants alone see these mounts, and the shared
memory and semaphores that they make.

Runs inside the model's process, so it imports nothing of this package. As root a mount namespace suffices; other users get one
in a user namespace that keeps their user and group id (user_namespaces(7), mount_namespaces(7)). The mounts end with the last
process of the namespace, however it ends. As a script with these arguments, it exits with 0 if the mounts are possible here.
"""

from __future__ import annotations

import ctypes
import os
import sys

OPT = "/opt"
OPT_ML = "/opt/ml"
TMP = "/tmp"
SHARED_MEMORY = "/dev/shm"
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18


def mount_private_folders(folder: str, tmp: str = "") -> None:
    """Show `folder` at /opt/ml, with its `model` read-only, and its folder `tmp`, unless empty, at /tmp.

    Raises OSError where the kernel does not allow it.

    Call it before the process starts a thread: a process with several threads cannot enter a user namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _check(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | (CLONE_NEWUSER if user else 0)), "unshare")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - one import less in the model's process
                file.write(text)
    _mount(libc, "none", "/", None, MS_REC | MS_PRIVATE)  # nothing propagates to the machine
    source = os.open(folder, os.O_PATH)
    if not os.path.isdir(OPT_ML):  # noqa: PTH112 - as above
        _make_opt_ml(libc)
    _mount(libc, f"/proc/self/fd/{source}", OPT_ML, None, MS_BIND | MS_REC)
    os.close(source)
    model = f"{OPT_ML}/model"
    _mount(libc, model, model, None, MS_BIND | MS_REC)
    # The kernel refuses to clear the flags that the file system was mounted with in a user namespace.
    kept = os.statvfs(model).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_RELATIME)
    _mount(libc, None, model, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)
    if os.path.isdir(SHARED_MEMORY):  # noqa: PTH112 - as above
        _mount(libc, "tmpfs", SHARED_MEMORY, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    if tmp:
        _mount(libc, f"{OPT_ML}/{tmp}", TMP, None, MS_BIND)


def _make_opt_ml(libc: ctypes.CDLL) -> None:
    """Replace /opt by a folder in memory with the same entries and `ml`."""
    old = os.open(OPT, os.O_PATH)
    names = os.listdir(OPT)  # noqa: PTH208 - as above
    _mount(libc, "tmpfs", OPT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m")
    for name in names:
        source, target = f"/proc/self/fd/{old}/{name}", f"{OPT}/{name}"
        if os.path.islink(source):  # noqa: PTH114 - as above
            os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211 - as above
            continue
        if os.path.isdir(source):  # noqa: PTH112 - as above
            os.mkdir(target)  # noqa: PTH102 - as above
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        _mount(libc, source, target, None, MS_BIND | MS_REC)
    os.close(old)
    os.mkdir(OPT_ML)  # noqa: PTH102 - as above


def _mount(libc: ctypes.CDLL, source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind, data)]
    _check(libc.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3]), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    try:
        mount_private_folders(*sys.argv[1:])
    except (OSError, AttributeError) as error:  # AttributeError: a libc without these calls
        sys.exit(str(error))
