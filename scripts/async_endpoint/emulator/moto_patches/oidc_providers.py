"""CreateOpenIDConnectProvider: the URL begins with https:// and has neither port nor query; moto takes any with a scheme.

API reference, CreateOpenIDConnectProvider. The text is the one that moto has for a URL without a scheme, not verified.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from moto.iam.exceptions import ValidationError
from moto.iam.models import IAMBackend, OpenIDConnectProvider

_create = IAMBackend.create_open_id_connect_provider


def _created(self: IAMBackend, url: str, *arguments: Any, **options: Any) -> OpenIDConnectProvider:
    parts = urlsplit(url)
    if parts.scheme.lower() != "https" or ":" in parts.netloc or parts.query:
        raise ValidationError("Invalid Open ID Connect Provider URL")
    return _create(self, url, *arguments, **options)


def apply() -> None:
    IAMBackend.create_open_id_connect_provider = _created
