"""The text of the pages: business letters with a table of goods, composed of fixed phrases; the same for the same number.

Numbers have cells of their own: on a short line the model often drops the space between a number and a word.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

GOODS = ("towels", "pipes", "jackets", "chairs", "filters", "lamps", "sheets", "boards")
CITIES = ("Hamburg", "Rotterdam", "Antwerp", "Marseille", "Gdansk", "Bergen", "Valencia", "Trieste")
MONTHS = ("January", "March", "April", "June", "August", "October")
NAMES = ("Martha Becker", "Jonas Wagner", "Sofia Romano", "Peter Hansen", "Clara Dubois", "Thomas Berg")
OPENINGS = (
    "thank you for the order that reached our office in {city} last week.",
    "we confirm the order that you placed with our agent in {city}.",
    "please find below the goods that we prepared for you in {city}.",
    "as agreed on the phone, we send you the following goods from {city}.",
)
REMARKS = (
    "The pallets are packed in dry boxes and marked with a green label.",
    "Our driver needs a forklift and a free gate when the truck arrives.",
    "Please check every box for damage before you sign the papers.",
    "The warehouse in {city} is open from seven in the morning.",
    "A second shipment follows as soon as the harbour works again.",
    "Keep this page with the papers that travel with the goods.",
    "Should anything be missing, please write to us within ten days.",
    "The price of the transport is part of the amount shown above.",
)


@dataclass(frozen=True)
class Letter:
    """A page: its heading, paragraphs of whole lines, and a table of three columns between the first and the second."""

    heading: str
    paragraphs: tuple[tuple[str, ...], ...]
    table: tuple[tuple[str, str, str], ...]

    @property
    def words(self) -> list[str]:
        """Every word in reading order, as a person separates them by white space."""
        first, *rest = self.paragraphs
        lines = [self.heading, *first, *(" ".join(row) for row in self.table), *(line for lines in rest for line in lines)]
        return " ".join(lines).split()


def letter(number: int) -> Letter:
    """Page `number`: another choice of phrases, goods and amounts for each."""
    dice = random.Random(f"letter {number}")
    city, month, sender, receiver = dice.choice(CITIES), dice.choice(MONTHS), *dice.sample(NAMES, 2)
    goods = dice.sample(GOODS, 4)
    boxes = [dice.randrange(12, 100) for _ in goods]
    cents = [dice.randrange(20_000, 99_000) for _ in goods]
    rows = [(good, str(count), f"{price / 100:.2f}") for good, count, price in zip(goods, boxes, cents, strict=True)]
    remarks = [remark.format(city=city) for remark in dice.sample(REMARKS, 5)]
    return Letter(
        f"Delivery note for the goods that we sent in {month}",
        (
            (
                f"This letter is for {receiver}, who works at the harbour of {city}.",
                dice.choice(OPENINGS).format(city=city),
            ),
            tuple(remarks),
            (f"With kind regards from {sender} and all people of the office.",),
        ),
        (("Goods", "Boxes", "Euros"), *rows, ("Together", str(sum(boxes)), f"{sum(cents) / 100:.2f}")),
    )
