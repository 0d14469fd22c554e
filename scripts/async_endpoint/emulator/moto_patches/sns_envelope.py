"""One key and certificate for all SNS messages of the process, and signatures that cover the subject.

moto makes a certificate for each delivery and a key for each subscription, keeps them all, and signs without the subject.
Source: SNS developer guide, "Verifying the signatures of Amazon SNS messages", signature version 2.
"""

from __future__ import annotations

import base64
import threading
import uuid
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from moto.core.utils import iso_8601_datetime_with_milliseconds, utcnow
from moto.sns.models import Subscription

VALID_DAYS = 365
_once = threading.Lock()


class Signer(NamedTuple):
    """A private key, and its certificate in PEM under the name in messages."""

    key: rsa.RSAPrivateKey
    name: str
    certificate: bytes


def signer() -> Signer:
    """The signer of this process, created with the first message."""
    with _once:
        return _signer()


@cache
def _signer() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = utcnow()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .sign(key, hashes.SHA256())
    )
    name = f"SimpleNotificationService-{uuid.uuid4().hex}.pem"
    return Signer(key, name, certificate.public_bytes(serialization.Encoding.PEM))


def _post_data(
    self: Subscription,
    message: str,
    message_id: str,
    subject: str | None = None,
    message_attributes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    signed = {
        "Message": message,
        "MessageId": message_id,
        **({"Subject": subject} if subject else {}),
        "Timestamp": iso_8601_datetime_with_milliseconds(),
        "TopicArn": self.topic.arn,
        "Type": "Notification",
    }
    message_signer = signer()
    text = "".join(f"{name}\n{value}\n" for name, value in signed.items())
    signature = message_signer.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    self.topic.sns_backend._message_public_keys[message_signer.name] = message_signer.certificate
    endpoint = f"https://sns.{self.topic.sns_backend.region_name}.amazonaws.com"
    return {
        **signed,
        "SignatureVersion": "2",
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": f"{endpoint}/{message_signer.name}",
        "UnsubscribeURL": f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={self.arn}",
        **({"MessageAttributes": message_attributes} if message_attributes else {}),
    }


def apply() -> None:
    Subscription.get_post_data = _post_data
