"""Pages in Chromium, with what goes wrong in them: errors of the script, refusals of the policy, requests to elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build/console"
DESKTOP, PHONE = (1_000, 900), (360, 740)
STATUS_OF_A_RESPONSE = "Failed to load resource"  # Chromium logs each 4xx as an error


class Browser:
    """One visitor a page. `wrong` collects what no test expects."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium
        self._contexts: list[Any] = []
        self.wrong: list[str] = []

    def open(
        self, url: str, size: tuple[int, int] = DESKTOP, *, scheme: str = "light", script: str = "", path: str = "/"
    ) -> Any:
        """A page of the console of the API at `url`; `script` runs in it first."""
        context = self._chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB", accept_downloads=True
        )
        self._contexts.append(context)
        context.set_default_timeout(30_000)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", self._note)
        page.on("request", lambda request: self._requested(request.url, url))
        page.goto(url + path)
        return page

    def _note(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(STATUS_OF_A_RESPONSE):
            self.wrong.append(f"console: {message.text}")

    def _requested(self, requested: str, url: str) -> None:
        if not requested.startswith((f"{url}/", "blob:", "data:")):
            self.wrong.append(f"request: {requested}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def browser_of(chromium: Any) -> Iterator[Browser]:
    """A Browser; asserts at the end that nothing unexpected happened."""
    opened = Browser(chromium)
    try:
        yield opened
        assert opened.wrong == []
    finally:
        opened.close()


def card(page: Any, name: str) -> Any:
    """The endpoint of that name on the page."""
    return page.locator("#cards > li").filter(has=page.get_by_role("heading", name=name, exact=True))


def state(page: Any, name: str) -> Any:
    """The word for what an endpoint does, as `asleep`."""
    return card(page, name).locator(".badge")


def choose(page: Any, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).check()


def submit_text(page: Any, text: str, content_type: str = "application/json", prediction_id: str = "") -> None:
    """Submit a text for the chosen endpoint."""
    page.get_by_label("JSON or text").check()
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_label("Content type").fill(content_type)
    page.get_by_label(re.compile("^Id")).fill(prediction_id)
    page.get_by_role("button", name="Submit").click()


def screenshot(page: Any, name: str, **options: Any) -> None:
    """Write a picture of the page, in 128 colours, into build/console.

    `make console-test SCREENSHOTS=1` copies those of the documentation.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, animations="disabled", **options)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)
