"""Measures of flaws, on drawn bodies whose right value can be counted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.evaluation import flaws
from core.evaluation.evaluate import Sample, judge_flaws
from core.evaluation.flaws import Parts, Shown
from core.types import Alpha, Frame

SIDE = flaws.SIDE
STAGE, SHIRT, SKIN, TROUSERS = (200, 205, 190), (190, 40, 50), (225, 170, 140), (30, 40, 110)
TRUNK, HEAD, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(1, 7)
BODY = {
    TRUNK: (slice(150, 290), slice(210, 300), SHIRT),
    HEAD: (slice(90, 150), slice(230, 280), SKIN),
    LEFT_ARM: (slice(150, 270), slice(300, 330), SKIN),
    RIGHT_ARM: (slice(150, 270), slice(180, 210), SKIN),
    LEFT_LEG: (slice(290, 450), slice(256, 300), TROUSERS),
    RIGHT_LEG: (slice(290, 450), slice(210, 256), TROUSERS),
}
"""Of each part its rows, columns and colour."""


def body(seed: int = 0) -> tuple[Frame, Parts]:
    """A picture of a body of six rectangles, a little grain on all of it, and its part map."""
    image = np.full((SIDE, SIDE, 3), STAGE, np.int16)
    parts = np.zeros((SIDE, SIDE), np.uint8)
    for part, (rows, columns, colour) in BODY.items():
        image[rows, columns], parts[rows, columns] = colour, part
    image += np.random.default_rng(seed).integers(-2, 3, image.shape, np.int16)
    return image.astype(np.uint8), parts


@pytest.fixture
def answer() -> tuple[Frame, Parts]:
    return body()


def drawn(image: Frame, parts: Parts) -> Shown:
    return Shown(image.copy(), parts > 0)


def shifted(shown: Shown, right: int, down: int) -> Shown:
    return Shown(flaws.moved(shown.image, (right, down)), flaws.moved(shown.person, (right, down)))


def measured(output: Shown, answer: tuple[Frame, Parts]) -> flaws.Flaws:
    return flaws.flaws_of(output, *answer)


def test_the_answer_itself_has_no_flaw(answer: tuple[Frame, Parts]) -> None:
    found = measured(drawn(*answer), answer)
    assert (found.misplaced, found.extra, found.missing, found.worst_patch, found.shift) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (-7, 4), (20, -15), (0, 23)])
def test_a_body_that_stands_elsewhere_is_no_flaw_but_its_shift_is_told(
    answer: tuple[Frame, Parts], right: int, down: int
) -> None:
    found = measured(shifted(drawn(*answer), right, down), answer)
    assert found.shift == pytest.approx(math.hypot(right, down))
    assert (found.misplaced, found.extra, found.missing) == (0, 0, 0)
    assert found.worst_patch < 0.01


@pytest.mark.parametrize("part", [LEFT_ARM, RIGHT_ARM])
def test_a_forearm_on_the_trunk_is_misplaced(answer: tuple[Frame, Parts], part: int) -> None:
    image, parts = answer
    output = drawn(image, parts)
    output.image[200:240, 230:270] = image[BODY[part][0], BODY[part][1]][:40, :1]
    found = measured(output, answer)
    assert found.misplaced == pytest.approx(1600 / (parts > 0).sum(), rel=0.01)
    assert found.extra == found.missing == 0, "the outline is right"


def test_trousers_on_an_arm_are_misplaced_and_the_other_leg_is_not(answer: tuple[Frame, Parts]) -> None:
    image, parts = answer
    sleeve, legs = drawn(image, parts), drawn(image, parts)
    sleeve.image[200:260, 300:330] = TROUSERS
    legs.image[300:440, 215:250] = image[300:440, 260:295]
    assert flaws.misplaced(sleeve, image, parts) == pytest.approx(60 * 30 / (parts > 0).sum(), rel=0.01)
    assert flaws.misplaced(legs, image, parts) == 0.0


def test_what_is_misplaced_by_five_pixels_or_darker_or_no_parts_colour_is_not_misplaced(
    answer: tuple[Frame, Parts],
) -> None:
    image, parts = answer
    edge, dark, green = (drawn(image, parts) for _ in range(3))
    edge.image[150:270, 295:300] = SKIN  # the arm reaches five pixels further over the trunk
    dark.image[300:440, 215:295] = (dark.image[300:440, 215:295] * 0.8).astype(np.uint8)
    green.image[200:240, 230:270] = (40, 200, 60)
    for output in (edge, dark, green):
        assert flaws.misplaced(output, image, parts) == 0.0
    edge.image[150:270, 288:300] = SKIN  # and now twelve: seven too many
    assert flaws.misplaced(edge, image, parts) == pytest.approx(7 * 120 / (parts > 0).sum(), rel=0.15)


def test_a_floating_third_foot_is_extra(answer: tuple[Frame, Parts]) -> None:
    image, parts = answer
    output = drawn(image, parts)
    output.image[430:450, 340:380] = SKIN
    output.person[430:450, 340:380] = True
    found = measured(output, answer)
    assert found.extra == pytest.approx(20 * 40 / SIDE**2)
    assert found.missing == found.misplaced == 0


@pytest.mark.parametrize(("grown", "counts"), [(5, False), (12, True)])
def test_a_body_wider_or_thinner_by_more_than_six_pixels_counts(
    answer: tuple[Frame, Parts], grown: int, counts: bool
) -> None:
    _, parts = answer
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown + 1, 2 * grown + 1))
    wide = cv2.dilate((parts > 0).astype(np.uint8), around) > 0
    assert (flaws.extra(wide, parts > 0) > 0) is counts
    thin = cv2.erode((parts > 0).astype(np.uint8), around) > 0
    assert (flaws.missing(thin, parts > 0) > 0) is counts


def test_a_missing_hand_is_missing_but_for_its_edge(answer: tuple[Frame, Parts]) -> None:
    image, parts = answer
    output = drawn(image, parts)
    output.image[240:270, 300:330] = STAGE
    output.person[240:270, 300:330] = False
    found = measured(output, answer)
    # six pixels from the right and the lower outline do not count, and the trunk lies to the left
    assert found.missing == pytest.approx(24 * 24 / SIDE**2, rel=0.01)
    assert found.extra == 0
    assert found.worst_patch > 0.15


def test_nobody_drawn_misses_the_whole_person(answer: tuple[Frame, Parts]) -> None:
    image, parts = answer
    nobody = Shown(np.full_like(image, 200), np.zeros(parts.shape, np.bool_))
    found = measured(nobody, answer)
    assert math.isnan(found.misplaced)
    assert found.missing == flaws.missing(nobody.person, parts > 0) > 0.5 * (parts > 0).mean()
    empty = measured(drawn(image, parts), (np.full_like(image, 200), np.zeros_like(parts)))
    assert empty.extra == pytest.approx((parts > 0).mean())
    assert math.isnan(empty.worst_patch)


def stripes(image: Frame, parts: Parts) -> Frame:
    """The trunk in stripes, ten pixels wide."""
    striped = image.copy()
    striped[(parts == TRUNK) & (np.arange(SIDE)[:, None] // 10 % 2 == 0)] = (240, 235, 230)
    return striped


def test_a_torn_patch_is_the_worst_by_what_it_differs(answer: tuple[Frame, Parts]) -> None:
    image, parts = answer
    output = drawn(image, parts)
    torn = slice(192, 256), slice(224, 288)  # so large that more than one patch in a hundred lies in it
    output.image[torn] = image[torn] + np.uint8(40)
    assert flaws.worst_patch(output.image, image, parts > 0) == pytest.approx(40 * 2 / 255, abs=0.02)


def test_stripes_five_pixels_aside_are_forgiven_and_ten_are_not(answer: tuple[Frame, Parts]) -> None:
    image, parts = answer
    right = stripes(image, parts)
    scores = []
    for down in (5, 10):
        wrong = right.copy()
        rows, columns, _ = BODY[TRUNK]
        wrong[rows.start + down : rows.stop, columns] = right[rows.start : rows.stop - down, columns]
        errors = flaws.patch_errors(wrong, right, parts == TRUNK)
        scores.append(float(np.nanmedian(errors)))
    assert scores[0] < 0.02
    assert scores[1] > 0.2


def walk(count: int) -> tuple[list[Frame], list[Parts]]:
    """A grainy body that walks four pixels to the right from frame to frame."""
    grain = np.random.default_rng(4).normal(0, 25, (SIDE, SIDE, 1))
    image, parts = body()
    textured = np.clip(image + cv2.GaussianBlur(grain, (0, 0), 3)[..., None] * 5 * (parts > 0)[..., None], 0, 255)
    frame = textured.astype(np.uint8)
    shifts = [(4 * i - 10, 0) for i in range(count)]
    noise = [np.random.default_rng(i).integers(0, 4, frame.shape, np.uint8) for i in range(count)]
    moved = [flaws.moved(frame, shift) for shift in shifts]
    return [np.minimum(m, 250) + n for m, n in zip(moved, noise, strict=True)], [flaws.moved(parts, s) for s in shifts]


def samples(outputs: list[Frame], right: list[Frame], parts: list[Parts]) -> list[Sample]:
    alphas: list[Alpha] = [(p > 0).astype(np.uint8) * np.uint8(255) for p in parts]
    return [
        Sample(output, None, drawn=alpha, reference=answer, parts=part)
        for output, alpha, answer, part in zip(outputs, alphas, right, parts, strict=True)
    ]


def test_the_answer_has_pops_of_one_even_where_it_moves(answer: tuple[Frame, Parts]) -> None:
    right, parts = walk(5)
    shown = [Shown(image, part > 0) for image, part in zip(right, parts, strict=True)]
    assert flaws.pops(shown, shown) == 1.0
    means, each = judge_flaws(samples(right, right, parts))
    assert means.pops == 1.0
    assert math.isnan(each[0].pops)
    assert np.nanmean([found.pops for found in each]) == pytest.approx(1.0)


def test_a_print_that_comes_and_goes_pops_in_its_frames() -> None:
    right, parts = walk(6)
    outputs = [image.copy() for image in right]
    outputs[3][170:250, 220:280] = 255 - outputs[3][170:250, 220:280]
    means, each = judge_flaws(samples(outputs, right, parts))
    assert means.pops > 3.0
    assert each[3].pops > 5.0
    assert each[4].pops > 5.0, "it goes"
    assert each[1].pops == pytest.approx(each[5].pops, rel=0.5)
    assert max(each[1].pops, each[2].pops) < 2.0
    assert np.nanmean([found.pops for found in each]) == pytest.approx(means.pops)


def test_a_body_that_stands_elsewhere_all_the_time_does_not_pop() -> None:
    right, parts = walk(4)
    outputs = [flaws.moved(image, (9, 6)) for image in right]
    whole = samples(outputs, right, parts)
    aside = [replace(s, drawn=flaws.moved(s.drawn, (9, 6))) for s in whole if s.drawn is not None]
    assert judge_flaws(aside)[0].pops == pytest.approx(1.0, abs=0.1)


def test_one_of_every_few_frames_is_measured_like_all_of_them() -> None:
    right, parts = walk(7)
    outputs = [image.copy() for image in right]
    outputs[3][170:250, 220:280] = 255 - outputs[3][170:250, 220:280]
    every = judge_flaws(samples(outputs, right, parts))[1]
    means, some = judge_flaws(samples(outputs, right, parts), every=3)
    assert [not math.isnan(found.extra) for found in some] == [True, False, False, True, False, False, True]
    assert some[3].worst_patch == every[3].worst_patch
    assert some[3].pops > 5.0
    assert math.isnan(some[4].pops)
    assert means.worst_patch == pytest.approx(np.mean([every[i].worst_patch for i in (0, 3, 6)]))


@pytest.mark.parametrize("missing", ["drawn", "reference", "parts"])
def test_what_is_not_known_is_not_measured(missing: str) -> None:
    right, parts = walk(3)
    unknown: dict[str, Any] = {missing: None}
    means, each = judge_flaws(replace(sample, **unknown) for sample in samples(right, right, parts))
    assert len(each) == 3
    assert math.isnan(means.extra)
    assert math.isnan(means.pops)


@pytest.mark.parametrize("scale", [0.5, 1.5, 2])
def test_a_picture_of_another_size_scores_alike(answer: tuple[Frame, Parts], scale: float) -> None:
    image, parts = answer
    output = drawn(image, parts)
    output.image[430:450, 340:380] = SKIN
    output.person[430:450, 340:380] = True
    output.image[200:240, 230:270] = SKIN

    def scaled(values: NDArray[np.uint8], method: int = cv2.INTER_NEAREST) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(values, None, fx=scale, fy=scale, interpolation=method), np.uint8)

    alpha = output.person.astype(np.uint8) * np.uint8(255)
    sample = Sample(scaled(output.image), None, drawn=scaled(alpha), reference=scaled(image), parts=scaled(parts))
    found, known = judge_flaws([sample])[0], measured(output, answer)
    assert found.extra == pytest.approx(known.extra, rel=0.15)
    assert found.misplaced == pytest.approx(known.misplaced, rel=0.15)


def test_the_numbers_of_a_part_map_survive_a_grey_level_or_two() -> None:
    numbers = np.arange(8, dtype=np.uint8)
    for off in (-3, 0, 3):
        grey = np.clip(numbers.astype(int) * flaws.PART_STEP + off, 0, 255).astype(np.uint8)
        assert (flaws.part_numbers(cv2.merge([grey[None]] * 3))[0] == numbers).all()
