from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import paths
from core.conditioning import pose_encoding
from core.errors import UnusableInput
from core.evaluation import evaluate, metrics
from core.evaluation.evaluate import Sample, against_recut, judge, performer_of, reenact
from core.generators.registry import create_generator
from core.inference.runner import NetworkFiles
from core.networks.config import Training
from core.pose import skeleton
from core.pose.retarget import measure_body
from core.rendering.image_files import read_picture
from core.targets.build import build_target
from core.targets.split import Split, SplitName, numbered_blocks, random_split
from core.targets.store import Target, load_target
from core.targets.weights import add_generator
from core.types import LANDMARKS, Pose
from tests.puppets import make_puppet, small_config
from tests.test_cli import one_sentence, run


@pytest.fixture(scope="module")
def theo() -> Iterator[Target]:
    with load_target("theo") as target:
        yield target


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, theo: Target) -> Path:
    """Thirty frames of Theo, a second apart, as a folder of numbered pictures with landmarks."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "frames").mkdir()
    shown = np.flatnonzero(theo.found)[5::19][:30]
    for number, i in enumerate(shown):
        small = cv2.resize(theo.frames[int(i)], (160, 160), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / "frames" / f"{number:04d}.webp"), small[..., ::-1])
    landmarks = theo.poses[shown, :, :3] / np.array([*theo.size, theo.width], np.float32)
    np.savez(folder / "landmarks.npz", index=np.arange(len(shown)), landmarks=landmarks)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "cache"))


def holding_out(target: Target, *frames: int) -> Split:
    held = np.zeros(target.manifest.frames, np.bool_)
    held[list(frames)] = True
    return Split(~held, held)


def itself(target: Target, frames: list[int]) -> list[Sample]:
    """The footage as if it had been generated."""
    masks = target.masks
    return [Sample(target.frames[i], target.pose(i), 0, masks[i], target.frames[i], masks[i]) for i in frames]


def test_the_footage_itself_is_faultless(theo: Target) -> None:
    result = judge(itself(theo, [100, 101, 102, 103, 104]), torso=100.0)
    for scores in (result.full_frame, result.person_box):
        assert (scores.l1_seed, scores.psnr) == (0.0, evaluate.BEST_PSNR)
        assert scores.sharpness == pytest.approx(1.0)
        assert scores.ssim == pytest.approx(1.0)
        assert scores.akd < 3.0, "the pose is found again where it was found when the performer was built"
        assert scores.mkr == 0.0
    assert result.frames == 5
    assert result.psnr_person == evaluate.BEST_PSNR
    assert result.ssim_person == pytest.approx(1.0)
    assert result.pck > 0.95
    assert result.tof == 0.0
    assert 0 <= result.flicker < 3.0
    assert result.jitter > 0.0
    assert math.isnan(result.akd_known)


def test_an_empty_stage_misses_every_joint(theo: Target) -> None:
    samples = [Sample(theo.plate, theo.pose(100), reference=theo.frames[100])]
    result = judge(samples, torso=100.0)
    assert result.full_frame.mkr == 1.0
    assert result.as_json()["person_box"]["akd"] is None
    assert result.person_box.l1_seed > 1.3 * result.full_frame.l1_seed > 0.0, "most of the error is in the person's box"
    json.dumps(result.as_json(), allow_nan=False)


def test_the_box_sees_the_person_alone(theo: Target) -> None:
    spoilt = theo.frames[100].copy()
    spoilt[:40, :40] = 255  # a corner far from the person
    result = judge([Sample(spoilt, theo.pose(100), reference=theo.frames[100])], torso=100.0)
    assert result.full_frame.l1_seed > 0.005
    assert result.person_box.l1_seed == 0.0
    assert result.person_box.ssim == pytest.approx(1.0)


def test_time_is_not_measured_across_stretches(theo: Target) -> None:
    one, other = theo.plate, np.full_like(theo.plate, 255)
    apart = judge([Sample(one, None, 0), Sample(other, None, 1)], torso=100.0)
    assert math.isnan(apart.flicker)
    together = judge([Sample(one, None, 0), Sample(other, None, 0)], torso=100.0)
    assert together.flicker > 20


@pytest.mark.parametrize("name", ["nearest", "nearest-frame"])
def test_what_is_held_out_is_never_shown(theo: Target, name: str) -> None:
    held = range(940, 970)
    samples = list(reenact(theo, name, holding_out(theo, *held)))
    assert len(samples) == 30
    for sample, i in zip(samples, held, strict=True):
        assert sample.reference is not None
        assert (sample.reference == theo.frames[i]).all()
        assert sample.person is not None
        inside = sample.person == 255
        # the frame itself, pasted back, would be less than 3 grey levels off
        assert np.abs(sample.output.astype(int) - sample.reference)[inside].mean() > 5


def test_a_generator_that_peeks_is_caught(theo: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "create_generator", lambda name, _: create_generator(name, theo))
    with pytest.raises(ValueError, match="held out"):
        list(reenact(theo, "nearest-frame", holding_out(theo, 300)))


def test_nothing_left_to_learn_from(theo: Target) -> None:
    with pytest.raises(UnusableInput, match="Nobody"):
        list(reenact(theo, "nearest", holding_out(theo, *range(theo.manifest.frames))))


def test_a_performer_is_built_of_pictures_once(pictures: Path, theo: Target) -> None:
    first = performer_of(None, pictures)
    assert (first.manifest.frames, first.rate) == (30, first.rate)
    before = first.manifest.created
    first.close()
    again = performer_of("theo", pictures)
    assert again.id == first.id, "theo was not built from these pictures"
    assert again.manifest.created == before
    again.close()


def test_a_performer_built_of_the_pictures_is_taken_as_it_is(pictures: Path) -> None:
    build_target(pictures, id="mine", name="Mine").close()
    with performer_of("mine", pictures) as target:
        assert target.id == "mine"


def test_the_command_prints_both_regions(pictures: Path, tmp_path: Path) -> None:
    done = run("evaluate", "--frames", pictures, "--generator", "nearest-frame", "--json")
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert set(numbers) == {"full_frame", "person_box"}
    for scores in numbers.values():
        assert set(scores) == {"l1_seed", "psnr", "ssim", "sharpness", "akd", "mkr"}
        assert 0 < scores["l1_seed"] < 1
        assert 5 < scores["psnr"] < 40
        assert 0 < scores["ssim"] < 1
        assert 0 <= scores["mkr"] <= 1
    assert numbers["person_box"]["l1_seed"] > numbers["full_frame"]["l1_seed"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "--target"),
        (["--target", "nobody"], "theo"),
        (["--target", "theo", "--generator", "dream"], "nearest"),
        (["--target", "theo", "--split", "plaid"], "blocks"),
        (["--frames", "no-such-folder"], "no-such-folder"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(words: list[str], expected: str) -> None:
    done = run("evaluate", *words)
    assert done.returncode == 2, done.stderr
    assert one_sentence(done.stderr), done.stderr
    assert expected in done.stderr


def taught(split: SplitName, files: NetworkFiles, folder: Path) -> Target:
    """The puppet with a network that says that it learnt from ``split``."""
    training = Training(split=split, seed=0, epochs=1, minutes=1, validation_l1=None)
    config = folder / "mlp-se.json"
    config.write_text(small_config().model_copy(update={"training": training}).to_json())
    make_puppet(paths.user_performers(), frames=30)
    roles = {"config": config, "weights": files.weights, "graph": files.graph}
    add_generator("puppet", "mlp-se", roles, licence="CC0", recipe="")
    return load_target("puppet")


@pytest.mark.parametrize(
    ("learnt", "judged"),
    [("all", "blocks"), ("all", "random"), ("random", "blocks"), ("blocks", "random")],
)
def test_who_has_seen_what_is_held_out_is_not_judged(
    learnt: SplitName, judged: SplitName, exported: NetworkFiles, tmp_path: Path
) -> None:
    with taught(learnt, exported, tmp_path) as target, pytest.raises(UnusableInput, match=f"'{learnt}'.*{judged}"):
        evaluate.evaluate(target, "mlp-se", judged)


@pytest.mark.parametrize(("learnt", "judged"), [("random", "random"), ("blocks", "all"), ("all", "all")])
def test_who_has_not_or_says_so_is(
    learnt: SplitName, judged: SplitName, exported: NetworkFiles, tmp_path: Path
) -> None:
    with taught(learnt, exported, tmp_path) as target:
        assert evaluate.evaluate(target, "mlp-se", judged).frames == (6 if judged == "random" else 29)
        assert evaluate.evaluate(target, "nearest-frame", "random").frames == 6, "who learnt nothing always is"


def test_the_command_refuses_as_well(exported: NetworkFiles, tmp_path: Path) -> None:
    taught("all", exported, tmp_path).close()
    done = run("evaluate", "--target", "puppet", "--generator", "mlp-se")
    assert done.returncode == 2, done.stderr
    assert one_sentence(done.stderr), done.stderr


@pytest.mark.long
def test_the_baselines_of_the_tai_chi_frames(shared_data: Path) -> None:
    """The table of METRICS.md: mean and median picture, and the nearest neighbour by 26 coordinates, L1 at seed scale."""
    folder = shared_data / "taichi1"
    with np.load(folder / "landmarks.npz") as archive:
        numbers, landmarks = archive["index"], archive["landmarks"]
    frames = [read_picture(folder / "frames" / f"{number:04d}.webp") for number in numbers]
    seeds = np.stack([metrics.seed_scale(frame) for frame in frames])
    poses = np.ones((len(numbers), LANDMARKS, 4), np.float32)
    poses[..., :2] = landmarks[..., :2] * (frames[0].shape[1], frames[0].shape[0])
    centred = pose_encoding.encode(poses, measure_body([Pose(p) for p in poses]).near[1])
    as_is = landmarks[:, list(skeleton.JOINTS), :2].reshape(len(numbers), -1)

    def nearest(codes: np.ndarray, split: Split) -> float:
        train, held = np.flatnonzero(split.train), np.flatnonzero(split.held_out)
        chosen = [train[((codes[train] - codes[i]) ** 2).sum(axis=1).argmin()] for i in held]
        return float(np.mean([metrics.l1(seeds[c], seeds[i]) for c, i in zip(chosen, held, strict=True)]))

    def constant(picture: np.ndarray, split: Split) -> float:
        return float(np.abs(seeds[split.held_out] - picture).mean()) * 2 / 255

    expected = {"random": (0.110, 0.102, 0.053, 0.055), "blocks": (0.108, 0.100, 0.100, 0.099)}
    for name, split in (("random", random_split(len(numbers))), ("blocks", numbered_blocks(numbers))):
        learnt = seeds[split.train]
        found = (
            constant(learnt.mean(axis=0), split),
            constant(np.median(learnt, axis=0), split),
            nearest(centred, split),
            nearest(as_is, split),
        )
        assert found == pytest.approx(expected[name], abs=0.002)


def test_a_trained_generator_is_held_against_recut_footage(theo: Target) -> None:
    found = against_recut(theo, "realtime", "blocks", most=10)
    assert found is not None
    assert 0 < found.akd < 12
    assert 0 < found.l1 < 0.2
    assert 0 < found.recut_akd < 12
    assert not found.worse, "whoever ships is better than what needs no training"
