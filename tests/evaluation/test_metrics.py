from __future__ import annotations

import math

import numpy as np
import pytest

from core.evaluation import metrics
from core.pose import skeleton
from core.types import Frame, Pose
from tests.bodies import moved, standing


def plain(grey: int, size: tuple[int, int] = (64, 48)) -> Frame:
    return np.full((size[1], size[0], 3), grey, np.uint8)


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)


def hidden(pose: Pose, *joints: int, visibility: float = 0.49) -> Pose:
    landmarks = pose.landmarks.copy()
    landmarks[list(joints), 3] = visibility
    return Pose(landmarks)


def test_l1_is_two_between_black_and_white() -> None:
    assert metrics.l1(plain(0), plain(255)) == pytest.approx(2.0)
    assert metrics.l1(plain(100), plain(151)) == pytest.approx(0.4)
    assert metrics.l1(plain(7), plain(7)) == 0


def test_psnr_of_one_tenth_is_twenty_decibels() -> None:
    # an error of 25.5 in 255 is 0.1, its square 0.01: half the pixels 51 off and half 0 off is twice that, 0.02
    half = plain(100)
    half[:, 32:] = 151
    assert metrics.psnr(half, plain(100)) == pytest.approx(-10 * math.log10(0.02))
    assert metrics.psnr(plain(0), plain(255)) == pytest.approx(0.0)
    assert metrics.psnr(plain(9), plain(9)) == math.inf


def test_psnr_inside_a_mask_does_not_see_the_wall() -> None:
    output, inside = plain(100), np.zeros((48, 64), np.bool_)
    output[10:20, 10:20] = 151
    inside[10:20, 10:20] = True
    assert metrics.psnr(output, plain(100), inside) == pytest.approx(-10 * math.log10(0.04))
    assert metrics.psnr(output, plain(100), ~inside) == math.inf
    assert math.isnan(metrics.psnr(output, plain(100), np.zeros_like(inside)))


def test_ssim_of_two_greys_is_the_luminance_term() -> None:
    # no variance: ssim = (2ab + c1) / (a² + b² + c1) with a = 0.2, b = 0.4
    assert metrics.ssim(plain(51), plain(102)) == pytest.approx((0.16 + 1e-4) / (0.2 + 1e-4))
    assert metrics.ssim(noise(1), noise(1)) == pytest.approx(1.0)


def test_ssim_is_that_of_scikit_image() -> None:
    """What scikit-image 0.26 gives for the same pictures (gaussian_weights, no sample covariance, data range 1)."""
    one = noise(1)
    assert metrics.ssim(one, noise(2)) == pytest.approx(0.0288322078, abs=1e-6)
    assert metrics.ssim(one, np.roll(one, 1, axis=1) // 2 + 40) == pytest.approx(-0.0218097902, abs=1e-6)


def test_ssim_needs_one_whole_window() -> None:
    assert metrics.ssim(noise(1, (11, 11)), noise(1, (11, 11))) == pytest.approx(1.0)
    assert math.isnan(metrics.ssim(noise(1, (10, 40)), noise(1, (10, 40))))


def test_ssim_inside_a_mask_is_the_mean_of_its_windows() -> None:
    output = plain(51)
    output[:, 32:] = 102
    inside = np.zeros((48, 64), np.bool_)
    inside[:, 40:] = True  # farther from the seam than a window reaches
    assert metrics.ssim(output, plain(51), inside) == pytest.approx((0.16 + 1e-4) / (0.2 + 1e-4))
    inside = ~inside
    inside[:, 24:] = False
    assert metrics.ssim(output, plain(51), inside) == pytest.approx(1.0)


def test_sharpness_of_half_the_contrast_is_a_half() -> None:
    edge, soft = plain(50), plain(50)
    edge[:, 32:], soft[:, 32:] = 150, 100
    assert metrics.sharpness_ratio(soft, edge) == pytest.approx(0.5)
    assert metrics.sharpness_ratio(edge, edge) == pytest.approx(1.0)
    away = (slice(0, 48), slice(0, 20))
    assert math.isnan(metrics.sharpness_ratio(soft, edge, away)), "no edge in the region: nothing to compare with"


def test_pictures_of_two_sizes_are_not_compared() -> None:
    for metric in (metrics.l1, metrics.psnr, metrics.ssim, metrics.sharpness_ratio):
        with pytest.raises(ValueError, match="one size"):
            metric(plain(1), plain(1, (32, 48)))


def test_seed_scale_is_the_middle_of_64_rows() -> None:
    picture = plain(0, (256, 128))
    picture[:, 64:192] = 200
    small = metrics.seed_scale(picture)
    assert small.shape == (64, 64, 3)
    # 256 × 128 becomes 128 × 64 and loses 32 columns on either side: what was painted fills what stays, but for the seams
    assert (small[:, 1:-1] == 200).all()
    assert metrics.seed_scale(plain(3, (90, 160))).shape == (64, 36, 3)


def test_seed_scale_is_antialiased() -> None:
    stripes = plain(0, (256, 256))
    stripes[:, ::2] = 200
    assert np.abs(metrics.seed_scale(stripes)[:, 2:-2].astype(int) - 100).max() <= 1


def test_points_and_boxes_move_along_with_seed_scale() -> None:
    points = np.array([[64, 0], [128, 64], [192, 128]], np.float32)
    np.testing.assert_allclose(metrics.seed_points(points, (256, 128)), [[0, 0], [32, 32], [64, 64]])
    assert metrics.seed_box(metrics.Box(64, 0, 192, 128), (256, 128)) == metrics.Box(0, 0, 64, 64)


def test_the_person_box_is_grown_by_a_tenth_of_each_side() -> None:
    landmarks = np.zeros((33, 4), np.float32)
    landmarks[0] = (100, 50, 0, 1)
    landmarks[1] = (200, 250, 0, 0.5)
    landmarks[2] = (900, 900, 0, 0.49)
    box = metrics.person_box(Pose(landmarks))
    assert box == metrics.Box(90, 30, 210, 270)
    assert box.region((256, 256, 3)) == (slice(30, 256), slice(90, 210))
    assert metrics.person_box(Pose(np.zeros((33, 4), np.float32))) is None
    assert metrics.Box(-9, -9, -3, -3).region((64, 64)) == (slice(0, 0), slice(0, 0))


def test_akd_is_in_pixels_at_256() -> None:
    asked = standing()
    found = moved(asked, dx=3, dy=4)
    assert metrics.pose_error([asked], [found], (512, 512)).akd == pytest.approx(2.5, abs=1e-4)
    assert metrics.pose_error([asked], [found], (256, 208)).akd == pytest.approx(5.0, abs=1e-4)


def test_a_joint_nobody_asked_for_counts_for_nothing() -> None:
    asked = hidden(standing(), *(j for j in skeleton.JOINTS if j not in (15, 16, 27, 28)))
    found = hidden(moved(asked, dx=10, joints=(15,)), 16)
    found.landmarks[[0, 11], :2] += 1000
    error = metrics.pose_error([asked], [found], (256, 256))
    assert error.akd == pytest.approx(10 / 3)
    assert error.mkr == pytest.approx(1 / 4)


def test_a_frame_without_a_detection_misses_every_joint() -> None:
    asked = standing()
    error = metrics.pose_error([asked, asked, None], [None, asked, asked], (256, 256))
    assert error == metrics.PoseError(akd=0.0, mkr=0.5, pck=0.5)
    assert math.isnan(metrics.pose_error([None], [asked], (256, 256)).mkr)
    lost = metrics.pose_error([asked], [None], (256, 256))
    assert math.isnan(lost.akd)
    assert (lost.mkr, lost.pck) == (1.0, 0.0)


def test_pck_counts_what_lies_within_a_twentieth_of_the_boxs_diagonal() -> None:
    asked = standing()
    box = metrics.person_box(asked)
    assert box is not None
    near = moved(asked, dx=0.049 * box.diagonal)
    far = moved(near, dx=0.002 * box.diagonal, joints=(0, 11))
    assert metrics.pose_error([asked], [near], (512, 512)).pck == 1.0
    assert metrics.pose_error([asked], [far], (512, 512)).pck == pytest.approx(11 / 13)


def test_flicker_is_the_change_of_the_wall_alone() -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[20:28, 20:28] = 255
    still, lit = plain(100), plain(103)
    assert metrics.static_flicker([still, lit], [mask] * 2) == pytest.approx(3.0)
    assert metrics.static_flicker([still, still, lit], [mask] * 3) == pytest.approx(1.5)
    assert metrics.static_flicker([still, still], [mask] * 2) == 0.0
    assert math.isnan(metrics.static_flicker([still], [mask]))


def test_flicker_begins_eight_pixels_from_the_person() -> None:
    here, there = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint8)
    here[20:28, 10:18], there[20:28, 40:48] = 255, 255
    still = plain(100)
    for column in (17 + 8, 40 - 8):
        near = plain(100)
        near[24, column] = 200
        assert metrics.static_flicker([still, near], [here, there]) == 0.0, "in the reach of either mask"
    off = plain(100)
    off[24, 17 + 9] = 200
    assert metrics.static_flicker([still, off], [here, here]) > 0.0


def test_tof_of_a_still_output_is_the_references_speed() -> None:
    textured = np.kron(noise(3, (24, 24)), np.ones((8, 8, 1), np.uint8))
    slid = np.roll(textured, 2, axis=1)
    assert metrics.tof([textured, slid], [textured, slid]) == 0.0
    assert metrics.tof([textured, textured], [textured, slid]) == pytest.approx(2.0, rel=0.1)


def test_jitter_is_the_third_difference() -> None:
    def at(x: float) -> Pose:
        return moved(standing(), dx=x)

    # x = t³ has the third difference 6 everywhere; x = t² has none
    assert metrics.jitter([at(float(t**3)) for t in range(6)], torso=100) == pytest.approx(0.06, rel=1e-3)
    assert metrics.jitter([at(float(t**2)) for t in range(6)], torso=100) == pytest.approx(0.0, abs=1e-5)


def test_jitter_is_not_taken_across_a_gap() -> None:
    still, far = standing(), moved(standing(), dx=500)
    assert metrics.jitter([still] * 4 + [None] + [far] * 4, torso=100) == 0.0
    assert math.isnan(metrics.jitter([still] * 3, torso=100))
    assert math.isnan(metrics.jitter([], torso=100))


def test_the_mean_of_what_is_known() -> None:
    assert metrics.mean_known([1.0, math.nan, 3.0]) == 2.0
    assert math.isnan(metrics.mean_known([math.nan]))
