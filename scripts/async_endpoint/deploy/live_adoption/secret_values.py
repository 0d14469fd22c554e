"""Environment variables of containers whose values are kept out of files, each as a sensitive variable of the root.

Names are judged by their words (DB_PASS, wandbApiKey), values by shapes that are secret under every name. What is taken for a
secret by mistake has to be supplied to Terraform, and works; a secret that is missed is in a repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from async_endpoint.deploy.live_adoption.hcl import Expression

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS: Final = frozenset(
    {
        "apikey", "auth", "bearer", "credential", "credentials", "dsn", "jwt", "pass", "passphrase", "passwd", "password",
        "passwords", "pat", "pwd", "secret", "secrets", "token",
    }
)  # fmt: skip
_SECRET_ENDS: Final = ("accesskey", "apikey", "passwd", "password", "privatekey", "secret", "secretkey", "token")
_KEYS: Final = frozenset({"key", "keys"})
_KINDS_OF_KEY: Final = frozenset({"access", "account", "api", "encryption", "license", "private", "secret", "signing"})
_SWITCH: Final = re.compile(r"true|false|yes|no|on|off|none|[01]?", re.IGNORECASE)  # never a secret, such as USE_AUTH=true

# Userinfo of URLs, credentials in parameters and connection strings, and documented prefixes of keys: Hugging Face, OpenAI and
# Stripe, AWS, GitHub, GitLab, Slack, Google, NVIDIA, Groq, Replicate, npm, PyPI, Databricks; JSON Web Tokens and PEM.
_SECRET_VALUE: Final = re.compile(
    r"""
      [a-z][a-z0-9+.-]*://[^\s/?\#@]+@ | [a-z][a-z0-9+.-]*://[^\s@/]*:[^\s@]+@
    | [?&;]\s*(?:access_?token|api_?key|key|sig|signature|token|x-amz-signature)=[^\s&;]
    | (?:^|[\s;,&?])(?:accountkey|password|passwd|pwd|secret|sharedaccesskey)\s*=\s*[^\s;]
    | \b(?:basic|bearer)\s+[\w+/=.~-]{8}
    | hooks\.slack\.com/services/
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY
    | (?<![a-z0-9])(?:
          hf_ | sk- | [rs]k_(?:live|test)_ | whsec_ | github_pat_ | gh[opsur]_ | glpat- | xox[abeprs]- | ya29\. | aiza
        | nvapi- | gsk_ | r8_ | npm_ | pypi- | dapi[0-9a-f]{8} | (?:akia|asia)[a-z0-9]{4} | eyj[a-z0-9_-]+\.eyj
      )[a-z0-9_-]{8}
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_secret(name: str, value: str) -> bool:
    """Whether `value` of environment variable `name` is kept out of files."""
    return bool(_SECRET_VALUE.search(value)) or (not _SWITCH.fullmatch(value) and _is_secret_name(name))


def _is_secret_name(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words):
        return True
    if {"connection", "string"} <= set(words):
        return True
    named = [word for word in words if not word.isdigit()]
    return named[-1:] in (["key"], ["keys"]) or any(kind in _KINDS_OF_KEY and word in _KEYS for kind, word in pairwise(named))


@dataclass(frozen=True)
class Secret:
    """A value, and the environment variables that have it, such as `HF_TOKEN of model shop`."""

    value: str
    holders: list[str] = field(default_factory=list)


@dataclass
class Secrets:
    """The secrets of one endpoint, by the name of the variable of the root that each becomes."""

    prefix: str
    found: dict[str, Secret] = field(default_factory=dict)

    def written(self, name: str, value: str, holder: str) -> str:
        """What is written for a value: itself, or a reference to `PREFIX_name`, numbered where that name has another value.

        Environment variables differ by case and between containers, and names of the root's variables are lowercase.
        """
        if not is_secret(name, value):
            return value
        variable, number = f"{self.prefix}_{name.lower()}", 1
        while self.found.setdefault(variable, Secret(value)).value != value:
            number += 1
            variable = f"{self.prefix}_{name.lower()}_{number}"
        self.found[variable].holders.append(f"{name} of {holder}")
        return Expression(f"var.{variable}")
