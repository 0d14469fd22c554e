"""SVG images as tests look at them."""

from __future__ import annotations

from xml.etree import ElementTree

NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(image: str) -> list[str]:
    """What is written in an image, without its title and description."""
    return ["".join(one.itertext()) for one in ElementTree.fromstring(image).iter(f"{NAMESPACE}text")]


def described(image: str) -> tuple[str, str]:
    """The title and the description of an image, as a reader of the screen finds them."""
    root = ElementTree.fromstring(image)
    named = {one.get("id"): one for one in root}
    title, description = (named[identity] for identity in root.attrib["aria-labelledby"].split())
    assert root.get("role") == "img"
    assert [title.tag, description.tag] == [f"{NAMESPACE}title", f"{NAMESPACE}desc"]
    return title.text or "", description.text or ""
