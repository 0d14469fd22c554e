"""The credentials that a local AWS generates when it starts, and the files that hold them."""

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
    """Random credentials of AWS's form: 20 characters, and 40."""
    identifier = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(20 - len(prefix)))
    return AccessKey(identifier, "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40)))


def new_admin_token() -> str:
    return secrets.token_urlsafe(32)


def given_access_key(access_key_id: str | None, secret_access_key: str | None) -> AccessKey | None:
    """Credentials that a person chose, None when they chose none; raises InvalidInput when they cannot be used."""
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
    """What a local AWS checks its callers against."""

    access_key: AccessKey
    admin_token: str


def secrets_of(state_dir: Path | None, given: AccessKey | None) -> Secrets:
    """The secrets kept in a state directory, or new ones where there is none; a `given` access key takes the place of theirs.

    Raises InvalidInput when the file in the state directory cannot be read or written.
    """
    if state_dir is None:
        return Secrets(given or new_access_key(), new_admin_token())
    path = state_dir / STATE_FILE
    try:
        kept = _read_secrets(path) if path.exists() else Secrets(new_access_key(), new_admin_token())
        kept = Secrets(given or kept.access_key, kept.admin_token)
        key = kept.access_key
        document = {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}
        write_private(path, document | {"admin_token": kept.admin_token})
    except OSError as error:
        raise InvalidInput(f"The credentials in {path} cannot be used ({error.strerror}); correct its permissions.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} holds no credentials of a local AWS; delete it to have new ones generated.") from error
    return kept


def _read_secrets(path: Path) -> Secrets:
    document = json.loads(path.read_text())
    names = ("access_key_id", "secret_access_key", "admin_token")
    key_id, secret, token = (document[name] for name in names)
    if not (_KEY_ID.fullmatch(key_id) and _SECRET.fullmatch(secret) and token):
        raise ValueError(path)
    return Secrets(AccessKey(key_id, secret), str(token))


def write_credentials(workspace: Workspace, credentials: LocalCredentials) -> None:
    """Write the checkout's credentials file, readable by its owner alone."""
    workspace.make_local("aws")
    write_private(credentials_path(workspace), asdict(credentials))


def remove_credentials(workspace: Workspace, credentials: LocalCredentials) -> None:
    """Remove the checkout's credentials file if it still holds these."""
    if read_credentials(workspace) == credentials:
        credentials_path(workspace).unlink(missing_ok=True)


def write_private(path: Path, document: dict[str, Any]) -> None:
    """Write atomically a file of mode 0600; at no time can another user read it."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(document, indent=2) + "\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
