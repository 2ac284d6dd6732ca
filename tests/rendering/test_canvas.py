from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from core.pose import skeleton
from core.rendering.canvas import LAYERS, Behind, Canvas, compose, layers_of
from core.types import Frame, Pose
from tests.bodies import moved
from tests.puppets import SIZE, dance, puppet, puppet_light, wall


def canvas_of(**changes: Any) -> Canvas:
    """128 performer pixels from 64 to the left of and above the hips, pixel for pixel."""
    whole = {"width": 128, "height": 128, "scale": 1.0, "left": -64.0, "top": -64.0}
    return Canvas.model_validate(whole | changes)


def hips(pose: Pose) -> NDArray[np.float32]:
    return np.asarray(pose.xy[list(skeleton.HIPS)].mean(0))


def apart(one: Frame, other: Frame) -> NDArray[np.float64]:
    """(height, width) mean difference of the channels in grey levels."""
    return np.asarray(np.abs(one.astype(int) - other).mean(axis=2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 60}, {"height": 4}, {"width": 1032}, {"scale": 0.0}, {"scale": -1.0}, {"scale": float("nan")},
        {"left": float("inf")}, {"top": 1e9}, {"follows": "nose"}, {"follows": "frame"}, {"depth": 3},
    ],
)  # fmt: skip
def test_a_canvas_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        canvas_of(**wrong)


@pytest.mark.parametrize("scale", [0.5, 1.01, 2.77])
def test_a_disc_lands_where_the_convention_says(scale: float) -> None:
    """Landmarks count from the picture's corner, matrices from the middle of its first pixel."""
    pose = dance(1)[0]
    origin = hips(pose)
    corner = np.array([-50.0, -45.0])
    canvas = canvas_of(scale=scale, left=corner[0], top=corner[1])
    at = np.rint(origin + corner + np.array([27.0, 31.0]))
    picture = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    radius = 8
    cv2.circle(picture, at.astype(int).tolist(), radius, 255, -1)
    cut = canvas.cut(picture, pose)
    assert cut.shape == (canvas.height, canvas.width)
    moments = cv2.moments(cut)
    found = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    # the middle of the pixel, in the picture's own coordinates, is half a pixel from its number
    wanted = (at + 0.5 - origin - corner) / scale - 0.5
    np.testing.assert_allclose(found, wanted, atol=0.06)
    area = float((cut > 127).sum()) * scale**2
    assert area == pytest.approx(np.pi * (radius + 0.5) ** 2, rel=0.15)


@pytest.mark.parametrize("aside", [0.0, 0.3, 0.7])
def test_pixels_as_large_as_the_performers_are_the_performers(aside: float) -> None:
    pose = moved(on_whole_pixels(dance(1)[0]), aside, -aside)
    x, y = (round(float(v)) for v in hips(pose))
    frame, _ = puppet(pose)
    cut = canvas_of(width=32, height=48, left=-10.0, top=-20.0).cut(frame, pose)
    np.testing.assert_array_equal(cut, frame[y - 20 : y + 28, x - 10 : x + 22])


def test_what_lies_beyond_the_picture_is_as_asked() -> None:
    pose, picture = dance(1)[0], np.full((SIZE[1], SIZE[0]), 100, np.uint8)
    aside = canvas_of(left=SIZE[0] - float(hips(pose)[0]) - 32)
    cut = aside.cut(picture, pose, 255)
    assert (cut[40:60, :31] == 100).all()
    assert (cut[:, 33:] == 255).all()
    assert (canvas_of(left=5000.0).cut(picture, pose, 7) == 7).all()


def on_whole_pixels(pose: Pose) -> Pose:
    """The pose with its hips on the corner of a pixel: a canvas of scale 1 then needs no resampling."""
    return moved(pose, *(np.rint(hips(pose)) - hips(pose)))


@pytest.mark.parametrize(("scale", "far"), [(1.0, 1.0), (0.75, 2.0), (1.5, 6.0)])
def test_a_person_who_is_cut_out_and_laid_back_is_the_frame(scale: float, far: float) -> None:
    side = int(np.ceil(128 / scale / 8)) * 8
    canvas = canvas_of(width=side, height=side, scale=scale)
    for pose in map(on_whole_pixels, dance(40)[::13]):
        frame, mask = puppet(pose)
        layers = layers_of(frame, canvas, pose, Behind(mask, puppet_light(pose), wall()))
        assert layers.shape == (LAYERS, side, side)
        picture = compose(layers, canvas, pose, wall())
        difference = apart(picture.image, frame)
        inside, outside = (cv2.erode(m, np.ones((5, 5), np.uint8)) == 255 for m in (mask, 255 - mask))
        assert inside.sum() > 150
        colour_seam = np.abs(np.arange(SIZE[1]) - float(pose.xy[23, 1])) < 4
        assert difference[inside & ~colour_seam[:, None]].max() <= far
        assert np.percentile(difference[outside], 99) <= far
        assert difference.mean() < 1.5, "the soft rim alone is off by more"
        assert np.abs(picture.alpha.astype(int) - mask).mean() < (0.01 if scale == 1 else 2.5)


def test_the_shadow_is_laid_on_the_stage() -> None:
    pose = dance(20)[12]
    frame, mask = puppet(pose)
    canvas = canvas_of()
    layers = layers_of(frame, canvas, pose, Behind(mask, puppet_light(pose), wall()))
    shaded = compose(layers, canvas, pose, wall()).image
    spot = (apart(frame, wall()) > 20) & (mask == 0)
    assert spot.sum() > 50
    assert apart(shaded, frame)[spot].mean() < 8
    layers[4] = 255
    assert apart(compose(layers, canvas, pose, wall()).image, frame)[spot].mean() > 20, "without it the wall is lit"


def test_beside_the_person_the_stage_is_untouched() -> None:
    pose = dance(1)[0]
    canvas = canvas_of(width=64, height=64, left=-32.0, top=-32.0)
    nothing = np.zeros((LAYERS, 64, 64), np.uint8)
    nothing[4] = 255
    picture = compose(nothing, canvas, pose, wall())
    np.testing.assert_array_equal(picture.image, wall())
    assert not picture.alpha.any()


def test_the_stage_is_not_written_into() -> None:
    stage = wall()
    stage.flags.writeable = False
    full = np.full((LAYERS, 128, 128), 255, np.uint8)
    assert (compose(full, canvas_of(), dance(1)[0], stage).image == 255).any()
    np.testing.assert_array_equal(stage, wall())


@pytest.mark.parametrize(("dx", "dy"), [(63.0, 0.0), (-63.0, 0.0), (0.0, 90.0), (-60.0, -50.0)])
def test_a_canvas_that_hangs_over_the_edge_shows_the_part_that_is_inside(dx: float, dy: float) -> None:
    pose = on_whole_pixels(dance(1)[0])
    frame, mask = puppet(pose)
    layers = layers_of(frame, canvas_of(), pose, Behind(mask, np.full_like(mask, 255), wall()))
    there = moved(pose, dx, dy)
    picture = compose(layers, canvas_of(), there, wall())
    whole, size = np.array([[1, 0, dx], [0, 1, dy]]), SIZE
    expected = cv2.warpAffine(mask, whole, size, flags=cv2.INTER_LINEAR)
    assert 0 < (expected > 128).sum() < (mask > 128).sum(), "the case is one of an edge"
    # the canvas ends 64 pixels from the hips, the puppet does not reach beyond it
    assert np.abs(picture.alpha.astype(int) - expected).max() <= 2
    stage = (expected == 0) & (picture.alpha == 0)
    np.testing.assert_array_equal(picture.image[stage], wall()[stage])


@pytest.mark.parametrize(("dx", "dy"), [(500.0, 0.0), (-500.0, 0.0), (0.0, 500.0), (0.0, -4e4)])
def test_a_canvas_beside_the_frame_leaves_the_stage_empty(dx: float, dy: float) -> None:
    full = np.full((LAYERS, 128, 128), 255, np.uint8)
    picture = compose(full, canvas_of(), moved(dance(1)[0], dx, dy), wall())
    np.testing.assert_array_equal(picture.image, wall())
    assert not picture.alpha.any()


def test_a_hip_canvas_goes_along() -> None:
    pose = dance(1)[0]
    np.testing.assert_allclose(
        canvas_of(scale=2.77).matrix(moved(pose, 30, -7)) - canvas_of(scale=2.77).matrix(pose),
        [[0, 0, 30], [0, 0, -7]],
        atol=1e-4,
    )
