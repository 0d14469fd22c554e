"""How each garment is drawn: one function a category, three cuts each, in the 100 × 100 square of `canvas`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from canvas import CREAM, Canvas, Colour, Point, mirrored, shade

METAL: Colour = (206, 206, 212)
GOLD: Colour = (206, 170, 92)
SOLE: Colour = (236, 234, 228)


@dataclass(frozen=True)
class Cut:
    """One way a category is cut: its name in file names, who it is sold to, and how it is drawn."""

    name: str
    gender: str
    draw: Callable[[Canvas], None]


def _tee(canvas: Canvas, *, striped: bool = False, waist: float = 70, neck: float = 19) -> None:
    half: list[Point] = [(50, neck), (57, 13), (67, 16), (92, 34), (82, 48), (71, 39), (waist, 62), (72, 89), (50, 89)]
    canvas.cloth(mirrored(half), pattern="striped" if striped else "plain")
    for x in (71, 29):
        canvas.line([(x, 39), (x, 27)])
    canvas.line([(30, 86), (70, 86)], 0.6)


def _crew_tee(canvas: Canvas) -> None:
    _tee(canvas, striped=True)
    canvas.line([(42, 14), (45, 19), (50, 21), (55, 19), (58, 14)], 2.2)


def _polo(canvas: Canvas) -> None:
    _tee(canvas)
    canvas.cloth([(50, 22), (43, 12), (38, 17), (45, 27)], 0.85, 1)
    canvas.cloth([(50, 22), (57, 12), (62, 17), (55, 27)], 0.85, 1)
    canvas.line([(50, 22), (50, 42)], 1.0)
    for y in (28, 33, 38):
        canvas.dot((50, y), 1.1, CREAM)


def _v_neck(canvas: Canvas) -> None:
    _tee(canvas, waist=66, neck=30)
    canvas.line([(43, 13), (50, 30), (57, 13)], 2.0)


def _legs(canvas: Canvas, outer: float, inner: float, knee: float) -> None:
    canvas.cloth(mirrored([(50, 8), (65, 8), (67, 22), (knee, 55), (outer, 95), (inner, 95), (51.5, 38), (50, 36)]), radius=1.5)
    canvas.cloth([(35, 8), (65, 8), (65.6, 13), (34.4, 13)], 0.88, 0.5)
    canvas.line([(50, 13), (50, 36)])
    canvas.dot((50, 10.6), 1.1, METAL)


def _straight(canvas: Canvas) -> None:
    _legs(canvas, 68, 55, 67.5)
    for x in (1, -1):
        canvas.line([(50 + 9 * x, 13), (50 + 15.8 * x, 21)])


def _flared(canvas: Canvas) -> None:
    _legs(canvas, 76, 54, 66)
    for x in (1, -1):
        canvas.line([(50 + 9 * x, 40), (50 + 14 * x, 93)], 0.5)


def _cargo(canvas: Canvas) -> None:
    _legs(canvas, 67, 55, 69)
    for x in (38, 62):
        canvas.cloth([(x - 5, 48), (x + 5, 48), (x + 5, 61), (x - 5, 61)], 0.9, 1)
        canvas.line([(x - 5, 52), (x + 5, 52)])


def _gown(canvas: Canvas, half: list[Point], *, dotted: bool = False) -> None:
    canvas.cloth(mirrored(half), pattern="dotted" if dotted else "plain")
    canvas.line([(39, 42), (50, 43.5), (61, 42)], 1.6)
    for x in (1, -1):
        canvas.line([(50 + 5 * x, 50), (50 + 13 * x, 92)], 0.6)


def _sleeveless_dress(canvas: Canvas) -> None:
    _gown(canvas, [(50, 20), (55, 7), (61, 7), (64, 26), (61, 42), (80, 93), (50, 96)])


def _cap_sleeve_dress(canvas: Canvas) -> None:
    _gown(canvas, [(50, 15), (56, 8), (63, 9), (73, 22), (66, 27), (61, 42), (79, 93), (50, 96)], dotted=True)


def _wrap_dress(canvas: Canvas) -> None:
    _gown(canvas, [(50, 24), (57, 7), (64, 8), (69, 25), (64, 28), (60, 42), (82, 92), (50, 96)])
    canvas.line([(57, 8), (42, 42), (60, 94)], 1.0)


def _waistband(canvas: Canvas) -> None:
    canvas.cloth([(34, 22), (66, 22), (67.4, 29), (32.6, 29)], 0.85, 0.8)


def _pleated_skirt(canvas: Canvas) -> None:
    canvas.cloth(mirrored([(50, 22), (66, 24), (94, 74), (50, 79)]), radius=1.5)
    for bottom, top in ((-33, -13), (-22, -9), (-11, -4), (0, 0), (11, 4), (22, 9), (33, 13)):
        canvas.line([(50 + top, 29), (50 + bottom, 77)], 0.9)
    _waistband(canvas)


def _a_line_skirt(canvas: Canvas) -> None:
    canvas.cloth(mirrored([(50, 22), (66, 24), (91, 76), (50, 81)]), pattern="dotted")
    _waistband(canvas)


def _button_skirt(canvas: Canvas) -> None:
    canvas.cloth(mirrored([(50, 22), (66, 24), (89, 78), (50, 81)]))
    canvas.line([(50, 27), (50, 81)], 0.9)
    for y in range(33, 78, 9):
        canvas.dot((53, y), 1.5, GOLD)
    _waistband(canvas)


def _coat(canvas: Canvas, hem: float) -> None:
    for side in (1, -1):
        arm = [(66, 15), (74, 18), (91, 55), (97, 80), (87, 84), (79, 60), (69, 38)]
        canvas.cloth([(50 + side * (x - 50), y) for x, y in arm], 0.92)
    canvas.cloth(mirrored([(50, 14), (58, 12), (69, 17), (70, 40), (hem, 90), (50, 90)]))
    for side in (1, -1):
        canvas.line([(50 + side * 36, 79), (50 + side * 46, 75)], 1.0)


def _bomber(canvas: Canvas) -> None:
    _coat(canvas, 70)
    canvas.cloth([(30, 84), (70, 84), (70, 90), (30, 90)], 0.78, 1)
    canvas.cloth([(41, 11), (59, 11), (57, 18), (43, 18)], 0.78, 1.5)
    canvas.line([(50, 17), (50, 90)], 1.6, METAL)
    for side in (1, -1):
        canvas.line([(50 + side * 8, 64), (50 + side * 15, 74)], 1.2)


def _blazer(canvas: Canvas) -> None:
    _coat(canvas, 71)
    canvas.fill([(42, 12), (58, 12), (50, 46)], CREAM, 0.5)
    for side in (1, -1):
        canvas.cloth([(50 + side * x, y) for x, y in ((7, 11), (13, 19), (11, 28), (0, 50), (3, 32))], 0.84, 0.8)
    canvas.line([(50, 50), (50, 90)], 1.0)
    for y in (56, 66):
        canvas.dot((47, y), 1.5, GOLD)


def _parka(canvas: Canvas) -> None:
    canvas.cloth(mirrored([(50, 3), (58, 5), (63, 14), (58, 22), (50, 24)]), 0.8, 5)
    _coat(canvas, 71)
    canvas.cloth([(42, 12), (58, 12), (60, 18), (50, 23), (40, 18)], 0.7, 2)
    canvas.line([(50, 23), (50, 90)], 1.6, METAL)
    for x in (38, 62):
        canvas.cloth([(x - 6, 64), (x + 6, 64), (x + 6, 77), (x - 6, 77)], 0.9, 1)


def _sneaker(canvas: Canvas) -> None:
    canvas.cloth([(9, 44), (14, 40), (27, 46), (38, 40), (56, 56), (84, 62), (93, 72), (8, 72)], radius=5)
    canvas.fill([(7, 70), (94, 70), (95, 79), (8, 79)], SOLE, 3)
    for x, y in ((40, 46), (46, 51), (52, 56)):
        canvas.line([(x, y), (x - 5, y + 5)], 1.8, CREAM)
    canvas.line([(16, 66), (34, 52)], 2.0, CREAM)


def _ballerina(canvas: Canvas) -> None:
    canvas.cloth([(8, 50), (14, 47), (26, 60), (54, 64), (62, 58), (86, 64), (94, 74), (8, 74)], radius=5)
    canvas.fill([(8, 73), (94, 73), (94, 77), (8, 77)], shade(canvas.colour, 0.5), 1.5)
    canvas.dot((63, 61), 3.0, GOLD)


def _loafer(canvas: Canvas) -> None:
    canvas.cloth([(9, 45), (16, 42), (28, 50), (46, 50), (62, 55), (86, 62), (94, 73), (8, 73)], radius=5)
    canvas.fill([(7, 72), (94, 72), (94, 77), (27, 77), (27, 81), (7, 81)], shade(canvas.colour, 0.4), 1.2)
    canvas.line([(46, 51), (54, 62), (66, 57)], 1.8)
    canvas.dot((57, 58), 2.2, METAL)


def _hat(canvas: Canvas, brim: float, crown: list[Point], drop: float) -> None:
    canvas.cloth(mirrored([(50, 62), (50 + brim, 62 + drop), (50 + brim - 3, 71 + drop), (50, 74)]), 0.9, 6)
    canvas.cloth(mirrored([*crown, (50, 68)]), radius=5)


def _fedora(canvas: Canvas) -> None:
    _hat(canvas, 41, [(50, 34), (60, 30), (69, 38), (71, 66)], 0)
    canvas.fill([(29.5, 57), (70.5, 57), (71, 65), (29, 65)], shade(canvas.colour, 0.4), 0.5)
    canvas.line([(50, 35), (50, 46)], 1.4)


def _sun_hat(canvas: Canvas) -> None:
    _hat(canvas, 46, [(50, 34), (62, 35), (70, 46), (71, 66)], 2)
    canvas.fill([(29.5, 58), (70.5, 58), (71, 65), (29, 65)], CREAM, 0.5)
    canvas.line([(8, 68), (30, 71), (50, 71.5), (70, 71), (92, 68)], 0.6)


def _bucket_hat(canvas: Canvas) -> None:
    _hat(canvas, 40, [(50, 32), (64, 33), (68, 38), (72, 66)], 3)
    for y in (67.5, 70):
        canvas.line([(18, y + 2), (34, y), (66, y), (82, y + 2)], 0.5)
    canvas.dot((42, 45), 1.2, METAL)
    canvas.dot((58, 45), 1.2, METAL)


def _handle(canvas: Canvas, width: float, top: float, base: float, thickness: float = 4) -> None:
    left, right = 50 - width, 50 + width
    canvas.cloth([(left, base), (left + 3, top), (right - 3, top), (right, base)], 0.8, 9)
    inner = top + thickness
    canvas.hole(
        [(left + thickness, base), (left + thickness + 2, inner), (right - thickness - 2, inner), (right - thickness, base)], 7
    )


def _tote(canvas: Canvas) -> None:
    _handle(canvas, 17, 8, 45)
    canvas.cloth([(19, 40), (81, 40), (78, 92), (22, 92)])
    canvas.line([(19.5, 46), (80.5, 46)], 0.8)


def _handbag(canvas: Canvas) -> None:
    _handle(canvas, 19, 12, 48)
    canvas.cloth([(18, 42), (82, 42), (86, 90), (14, 90)], radius=6)
    canvas.cloth([(18, 42), (82, 42), (77, 62), (50, 68), (23, 62)], 0.86, 4)
    canvas.dot((50, 65), 2.8, GOLD)


def _satchel(canvas: Canvas) -> None:
    _handle(canvas, 15, 14, 46)
    canvas.cloth([(18, 40), (82, 40), (82, 90), (18, 90)], radius=4)
    canvas.cloth([(17, 39), (83, 39), (81, 66), (19, 66)], 0.9, 4)
    for x in (34, 66):
        canvas.cloth([(x - 3, 44), (x + 3, 44), (x + 3, 76), (x - 3, 76)], 0.7, 1)
        canvas.dot((x, 72), 1.8, METAL)


GARMENTS: Mapping[str, tuple[Cut, Cut, Cut]] = {
    "bag": (Cut("handbag", "Women", _handbag), Cut("satchel", "Men", _satchel), Cut("tote", "Unisex", _tote)),
    "dress": (
        Cut("cap-sleeve", "Women", _cap_sleeve_dress),
        Cut("sleeveless", "Women", _sleeveless_dress),
        Cut("wrap", "Women", _wrap_dress),
    ),
    "hat": (Cut("bucket", "Unisex", _bucket_hat), Cut("fedora", "Men", _fedora), Cut("sun", "Women", _sun_hat)),
    "jacket": (Cut("blazer", "Women", _blazer), Cut("bomber", "Men", _bomber), Cut("parka", "Unisex", _parka)),
    "shirt": (Cut("crew", "Unisex", _crew_tee), Cut("polo", "Men", _polo), Cut("v-neck", "Women", _v_neck)),
    "shoes": (Cut("ballerina", "Women", _ballerina), Cut("loafer", "Men", _loafer), Cut("sneaker", "Unisex", _sneaker)),
    "skirt": (
        Cut("a-line", "Women", _a_line_skirt),
        Cut("button", "Women", _button_skirt),
        Cut("pleated", "Women", _pleated_skirt),
    ),
    "trousers": (Cut("cargo", "Unisex", _cargo), Cut("flared", "Women", _flared), Cut("straight", "Men", _straight)),
}
