"""The credentials that the emulator generates at its start, and the files that hold them."""

from __future__ import annotations

import json
import os
import re
import secrets
import string
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

from async_endpoint.core.errors import InvalidInput
from async_endpoint.local_aws import AccessKey, LocalCredentials, credentials_path, read_credentials
from async_endpoint.workspace import Workspace

STATE_FILE: Final = "credentials.json"  # in a state directory
_ALPHABET: Final = string.ascii_uppercase + "234567"  # of AWS's access key ids, which are base32
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits + "/+"
_KEY_ID: Final = re.compile(r"\w{16,128}", re.ASCII)  # IAM API reference, AccessKey: AccessKeyId
_SECRET: Final = re.compile(r"[\x21-\x7e]{8,128}")


def new_access_key(prefix: str = "AKIA") -> AccessKey:
    """Random credentials in AWS's format: an id of 20 characters, a secret of 40."""
    identifier = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(20 - len(prefix)))
    return AccessKey(identifier, "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40)))


def new_admin_token() -> str:
    return secrets.token_urlsafe(32)


def parse_access_key(access_key_id: str | None, secret_access_key: str | None) -> AccessKey | None:
    """The credentials given by the user, or None; raises InvalidInput for invalid ones."""
    if not access_key_id and not secret_access_key:
        return None
    if not access_key_id or not secret_access_key:
        raise InvalidInput("Only one of --access-key and --secret-key is given; give both, or neither to have them generated.")
    if not _KEY_ID.fullmatch(access_key_id):
        raise InvalidInput(f"--access-key {access_key_id!r} is no access key id; use 16 to 128 letters, digits or underscores.")
    if not _SECRET.fullmatch(secret_access_key):
        raise InvalidInput("--secret-key is not 8 to 128 printable ASCII characters without spaces; choose another.")
    return AccessKey(access_key_id, secret_access_key)


class Secrets(NamedTuple):
    """The secrets that authenticate callers: access key and admin token."""

    access_key: AccessKey
    admin_token: str


def load_secrets(state_dir: Path | None, given: AccessKey | None) -> Secrets:
    """The secrets of a state directory, or new ones without one; a `given` access key replaces theirs.

    Raises InvalidInput if the file in the state directory cannot be read or written.
    """
    if state_dir is None:
        return Secrets(given or new_access_key(), new_admin_token())
    path = state_dir / STATE_FILE
    try:
        stored = _read_secrets(path) if path.exists() else Secrets(new_access_key(), new_admin_token())
        stored = Secrets(given or stored.access_key, stored.admin_token)
        key = stored.access_key
        document = {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}
        write_private(path, document | {"admin_token": stored.admin_token})
    except OSError as error:
        raise InvalidInput(f"The credentials in {path} cannot be used ({error.strerror}); correct its permissions.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} holds no credentials of a local AWS; delete it to have new ones generated.") from error
    return stored


def _read_secrets(path: Path) -> Secrets:
    document = json.loads(path.read_text())
    names = ("access_key_id", "secret_access_key", "admin_token")
    key_id, secret, token = (document[name] for name in names)
    if not (_KEY_ID.fullmatch(key_id) and _SECRET.fullmatch(secret) and token):
        raise ValueError(path)
    return Secrets(AccessKey(key_id, secret), str(token))


def write_credentials(workspace: Workspace, credentials: LocalCredentials) -> None:
    """Write the credentials file of the checkout, readable by its owner only."""
    workspace.make_local("aws")
    write_private(credentials_path(workspace), asdict(credentials))


def remove_credentials(workspace: Workspace, credentials: LocalCredentials) -> None:
    """Remove the credentials file of the checkout if it still holds `credentials`."""
    if read_credentials(workspace) == credentials:
        credentials_path(workspace).unlink(missing_ok=True)


def write_private(path: Path, document: dict[str, Any]) -> None:
    """Write a file of mode 0600 atomically; no other user can read it at any time."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(document, indent=2) + "\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
