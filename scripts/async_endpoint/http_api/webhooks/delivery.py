"""One delivery attempt: a POST to a checked address, with limits on its duration and on what is read of the response.

Any response of status 2xx is a success. Redirects are not followed, proxies of the environment are not used, and the body of a
response is not read.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import Any, Final

from async_endpoint.http_api.webhooks.addresses import Address, AddressPolicy, Receiver, ReceiverRefused

CONNECT_SECONDS: Final = 5.0  # for each of up to MAX_ADDRESSES
TOTAL_SECONDS: Final = 15.0  # from the look-up to the response's headers
MAX_ADDRESSES: Final = 3
MAX_RESPONSE_BYTES: Final = 65_536  # of the status line and headers
USER_AGENT: Final = "async-endpoint-webhooks"
GONE: Final = 410


@dataclass(frozen=True)
class Attempt:
    """How an attempt ended: the response's `status`, None without a response, and why it failed, empty for a success.

    `retry_after` is the response's Retry-After in seconds, where it has one.
    """

    status: int | None
    error: str = ""
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        return not self.error

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no further deliveries (Standard Webhooks, 410 Gone)."""
        return self.status == GONE


@cache
def default_tls() -> ssl.SSLContext:
    """Verifies certificates and names with the certificate authorities of this machine, TLS 1.2 and later."""
    return ssl.create_default_context()


class Poster:
    """Makes delivery attempts. Thread-safe. `elapsed` is a monotonic clock in seconds."""

    def __init__(
        self,
        policy: AddressPolicy,
        elapsed: Callable[[], float],
        *,
        total: float = TOTAL_SECONDS,
        tls: Callable[[], ssl.SSLContext] = default_tls,
    ) -> None:
        self._policy, self._elapsed, self._total, self._tls = policy, elapsed, total, tls

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """POST a JSON body; never raises for what a URL, a network or a receiver does."""
        deadline = self._elapsed() + self._total
        try:
            receiver = self._policy.receiver(url)
            addresses = self._policy.addresses(receiver)
            with self._connected(receiver, addresses, deadline) as connection:
                connection.settimeout(max(deadline - self._elapsed(), 0.001))
                connection.sendall(_request(receiver, body, headers))
                return _outcome(self._response(connection, deadline))
        except ReceiverRefused as error:
            return Attempt(None, str(error))
        except ssl.SSLCertVerificationError as error:
            return Attempt(None, f"The certificate is not accepted ({error.verify_message}).")
        except TimeoutError:
            return Attempt(None, f"There was no response within {self._total:g} s.")
        except (OSError, HTTPException, ValueError) as error:  # ValueError: an IDNA name, or a malformed response
            return Attempt(None, f"The receiver cannot be reached ({type(error).__name__}).")

    def _connected(self, receiver: Receiver, addresses: list[Address], deadline: float) -> socket.socket:
        """A connection to the first of the checked addresses that accepts one."""
        failure: OSError = OSError("no address")
        for address in addresses[:MAX_ADDRESSES]:
            remaining = deadline - self._elapsed()
            if remaining <= 0:
                raise TimeoutError
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(min(CONNECT_SECONDS, remaining))
                connection.connect((str(address), receiver.port))
                if receiver.scheme == "http":
                    return connection
                connection.settimeout(max(min(CONNECT_SECONDS, deadline - self._elapsed()), 0.001))
                return self._tls().wrap_socket(connection, server_hostname=receiver.host)
            except ssl.SSLError:
                connection.close()
                raise  # another address of the same name does not make a certificate valid
            except OSError as error:
                connection.close()
                failure = error
        raise failure

    def _response(self, connection: socket.socket, deadline: float) -> HTTPResponse:
        reader: Any = _LimitedReader(connection, deadline, self._elapsed)
        response = HTTPResponse(reader, method="POST")
        response.begin()
        return response


class _LimitedReader(io.RawIOBase):
    """Reads a response until a deadline for all of it, which the time-out of a socket is not, and up to a size."""

    def __init__(self, connection: socket.socket, deadline: float, elapsed: Callable[[], float]) -> None:
        self._connection, self._deadline, self._elapsed = connection, deadline, elapsed
        self._left = MAX_RESPONSE_BYTES

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self, 4_096)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        remaining = self._deadline - self._elapsed()
        if remaining <= 0:
            raise TimeoutError
        if self._left <= 0:
            raise HTTPException("the response's headers are too long")
        self._connection.settimeout(remaining)
        size = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= size
        return size


def _request(receiver: Receiver, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = {
        "Host": receiver.host_header,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {receiver.target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _outcome(response: HTTPResponse) -> Attempt:
    status = response.status
    if 200 <= status < 300:
        return Attempt(status)
    why = "a redirect, which is not followed" if 300 <= status < 400 else "an error"
    return Attempt(status, f"The receiver answered {status}, {why}.", _seconds(response.getheader("Retry-After") or ""))


def _seconds(text: str) -> float | None:
    """A Retry-After in seconds; None for a date, which would need the receiver's clock."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
