"""Patterns of IAM policies: wildcards, ARNs part by part, and policy variables.

Source: IAM user guide, "Resource", "Action" and "Variables and tags". A variable's value is taken literally: a * in it is no
wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_VARIABLE = re.compile(r"\$\{(?P<name>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")
# Stand-ins in Unicode's private use area, so that a literal * ? or : survives splitting and translation.
_LITERAL = {"*": "\ue000", "?": "\ue001", ":": "\ue002"}
_ESCAPE = str.maketrans(_LITERAL)
_UNESCAPE = str.maketrans({stand_in: character for character, stand_in in _LITERAL.items()})


def substitute(pattern: str, keys: Mapping[str, list[str]]) -> str | None:
    """`pattern` with its variables filled in from the request; None when one has no single value and no default."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name = match["name"].strip()
        if name in ("*", "?", "$"):
            return name.translate(_ESCAPE)
        values = keys.get(name.lower(), [])
        if len(values) != 1 and match["default"] is None:
            missing = True
            return ""
        return (values[0] if len(values) == 1 else match["default"]).translate(_ESCAPE)

    filled = _VARIABLE.sub(value, pattern)
    return None if missing else filled


def literal(pattern: str) -> str:
    """A substituted pattern as the plain text it stands for."""
    return pattern.translate(_UNESCAPE)


def like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether `value` matches `pattern`, where * is any run of characters and ? any one."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


def arn_like(pattern: str, value: str) -> bool:
    """Whether an ARN matches: each of its six parts by itself, so that no wildcard reaches across a colon but in the last.

    The pattern "*" matches anything. A pattern of fewer parts ends in wildcards, as IAM completes it.
    """
    if pattern == "*":
        return True
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    wanted += ["*"] * (6 - len(wanted))
    return len(found) == 6 and all(like(part, actual) for part, actual in zip(wanted, found, strict=True))


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    translated = "".join(
        ".*" if character == "*" else "." if character == "?" else re.escape(literal(character)) for character in pattern
    )
    return re.compile(translated, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
