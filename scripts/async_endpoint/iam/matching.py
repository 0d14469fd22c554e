"""Patterns of IAM policies: wildcards, ARNs matched part by part, and policy variables.

Source: IAM user guide, "Resource", "Action" and "Variables and tags". The value of a variable is literal: a * in it is not a
wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_VARIABLE = re.compile(r"\$\{(?P<name>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")
# Placeholders in Unicode's private use area, so that a literal * ? or : survives splitting and translation.
_LITERAL = {"*": "\ue000", "?": "\ue001", ":": "\ue002"}
_ESCAPE = str.maketrans(_LITERAL)
_UNESCAPE = str.maketrans({placeholder: character for character, placeholder in _LITERAL.items()})


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


def variables_in(pattern: str) -> list[str]:
    """The names of the variables of a pattern."""
    names = [match["name"].strip() for match in _VARIABLE.finditer(pattern)]
    return [name for name in names if name not in ("*", "?", "$")]


def literal(pattern: str) -> str:
    """The plain text of a substituted pattern."""
    return pattern.translate(_UNESCAPE)


def like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether `value` matches `pattern`, where * is any run of characters and ? any one."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


def arn_like(pattern: str, value: str) -> bool:
    """Whether an ARN matches. Each of the six parts is matched separately: only in the last does a wildcard match colons.

    The pattern "*" matches anything. A pattern with fewer parts is completed with wildcards, as IAM does.
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
