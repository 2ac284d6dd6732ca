from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.targets.matte import Behind, Moment, body_shape, foreground, refine, steadied
from core.types import Alpha, Frame, Pose

SIZE = (160, 120)


def stage() -> Frame:
    """A wall with a pattern over a floor."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    picture = np.stack([150 + 30 * np.sin(x / 5), 160 + 0 * x, 170 - 20 * np.sin(y / 7)], axis=2)
    picture[90:] = (170, 140, 100)
    return np.asarray(picture, np.uint8)


def scene(left: float, *, shadow: bool = False, shift: int = 0) -> tuple[Frame, Alpha]:
    """A person (a blue ellipse) at ``left``, soft-edged, before the stage; and the exact mask."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.sqrt(((x - left) / 14) ** 2 + ((y - 60) / 40) ** 2)
    alpha = np.clip((1 - radius) * 10 + 0.5, 0, 1)
    back = np.roll(stage(), shift, axis=1).astype(np.float32)
    if shadow:
        back[65:110, int(left) : int(left) + 40] *= 0.6
    mixed = alpha[..., None] * np.array([30, 40, 110], np.float32) + (1 - alpha[..., None]) * back
    noise = np.random.default_rng(int(left)).normal(0, 1.5, mixed.shape)
    return np.clip(mixed + noise, 0, 255).astype(np.uint8), np.asarray(alpha * 255, np.uint8)


def coarse(mask: Alpha, seed: int = 0) -> Alpha:
    """What a segmentation makes of it: soft, and off by a pixel here and there."""
    wrong = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, mask.shape).astype(np.float32), (0, 0), 4)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2)
    rim = soft * (255 - soft) / 255
    return np.asarray(np.clip(soft + 6 * rim * wrong, 0, 255), np.uint8)


def error(found: Alpha, exact: Alpha) -> float:
    return float(np.abs(found.astype(float) - exact).mean())


def standing(left: float) -> Pose:
    landmarks = np.zeros((33, 4), np.float32)
    landmarks[:, :2] = (left, 60)
    landmarks[[11, 12], 1] = 40
    landmarks[[23, 24], 1] = 70
    landmarks[:, 3] = 1
    return Pose(landmarks)


def behind(known: bool = True) -> Behind:
    """The stage, all of it known or nothing of it."""
    return Behind(stage() if known else np.zeros_like(stage()), np.full(SIZE[::-1], known))


@pytest.mark.parametrize("known", [behind(), behind(known=False), None], ids=["plate", "made-up plate", "no plate"])
def test_a_coarse_mask_becomes_a_close_one(known: Behind | None) -> None:
    frame, exact = scene(80)
    rough = coarse(exact)
    found = refine(frame, rough, known, standing(80))
    assert found.shape == exact.shape
    assert error(found, exact) < 0.6 * error(rough, exact)


def test_shadows_stay_out() -> None:
    frame, exact = scene(80, shadow=True)
    found = refine(frame, coarse(exact), behind(), standing(80))
    assert found[100:108, 100:118].max() == 0
    beside = (slice(68, 95), slice(80, 110))
    assert error(found[beside], exact[beside]) < 0.6 * error(coarse(exact)[beside], exact[beside])


def test_what_trembles_is_steadied_and_what_moves_is_not() -> None:
    frame, exact = scene(80)
    rng = np.random.default_rng(1)
    grainy = [np.clip(frame + rng.normal(0, 4, frame.shape), 0, 255).astype(np.uint8) for _ in range(9)]
    moments = [Moment.of(picture, coarse(exact, seed)) for seed, picture in enumerate(grainy)]
    steady = [steadied(moments[i], moments[:i] + moments[i + 1 :]) for i in range(9)]
    rim = (exact > 0) & (exact < 255)
    trembling = np.stack([moment.rough for moment in moments]).std(axis=0)[rim].mean()
    assert np.stack([rough for _, rough in steady]).std(axis=0)[rim].mean() < 0.25 * trembling
    noise = [float((picture.astype(float) - frame)[rim].std()) for picture in (grainy[4], steady[4][0])]
    assert noise[1] < 0.6 * noise[0], "and the picture has less noise"
    elsewhere, other = scene(110)
    image, rough = steadied(moments[0], [Moment.of(elsewhere, coarse(other))])
    assert error(rough, moments[0].rough) < 1
    assert np.abs(image[exact > 0].astype(float) - grainy[0][exact > 0]).mean() < 2, (
        "nothing of where the person was then"
    )


def test_an_edge_that_stands_still_does_not_flicker() -> None:
    frame, exact = scene(80)
    rng = np.random.default_rng(2)
    grainy = [np.clip(frame + rng.normal(0, 4, frame.shape), 0, 255).astype(np.uint8) for _ in range(9)]
    moments = [Moment.of(picture, coarse(exact, seed)) for seed, picture in enumerate(grainy)]
    rim = (exact > 12) & (exact < 243)
    alone = np.stack([refine(moment.image, moment.rough, behind(), standing(80)) for moment in moments])
    together = np.stack(
        [refine(*steadied(moments[i], moments[:i] + moments[i + 1 :]), behind(), standing(80)) for i in range(9)]
    )
    assert together.std(axis=0)[rim].mean() < 0.3 * alone.std(axis=0)[rim].mean()
    assert error(together[4], exact) < error(alone[4], exact)


def test_a_lost_arm_is_found_before_a_known_stage() -> None:
    frame, exact = scene(80)
    frame[50:56, 90:125] = (200, 60, 40)
    pose = standing(80)
    pose.landmarks[13, :2] = (100, 53)
    pose.landmarks[15, :2] = (122, 53)
    found = refine(frame, exact, behind(), pose)
    assert found[51:55, 98:122].min() > 150
    assert refine(frame, exact, None, pose)[51:55, 105:122].max() == 0


def test_nobody_stays_nobody() -> None:
    empty = np.zeros(SIZE[::-1], np.uint8)
    assert refine(stage(), empty, behind(), None).max() == 0


def test_a_body_drawn_from_a_pose_covers_its_trunk() -> None:
    drawn = body_shape(SIZE[::-1], standing(80))
    assert drawn[45:68, 79:81].min() == 255
    assert drawn[:, :40].max() == 0


@pytest.mark.parametrize("known", [behind(), None], ids=["plate", "no plate"])
def test_no_rim_of_the_old_wall_is_left(known: Behind | None) -> None:
    """The person's colours over black: at the edge as dark as inside, where the wall was bright."""
    frame, exact = scene(80)
    person = foreground(frame, exact, known, np.full(exact.shape, 255, np.uint8)).astype(float)
    share = exact[..., None] / 255
    rim = (exact > 60) & (exact < 200)
    colours = (person / np.maximum(share, 0.01))[rim]
    assert np.abs(colours.mean(axis=0) - (30, 40, 110)).max() < 12
    assert not person[exact == 0].any()
