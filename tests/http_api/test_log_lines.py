"""The log of an API process: one line of JSON for each message, also those of the server below the application."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from async_endpoint.http_api.request_context import log_as_json

NAMES = ("async_endpoint", "uvicorn")


@pytest.fixture
def unchanged() -> Iterator[None]:
    """The loggers are as before after the test."""
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger, list(logger.handlers), logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.mark.usefixtures("unchanged")
def test_lines_of_the_server_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    log_as_json()
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("async_endpoint.http_api.requests").info("request")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["Invalid HTTP request received.", "request"]
    assert [line["level"] for line in lines] == ["WARNING", "INFO"]
