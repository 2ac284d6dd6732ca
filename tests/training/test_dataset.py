from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import paths
from core.conditioning import pose_encoding
from core.errors import NobodyFound, OutputFailed
from core.rendering.canvas import compose
from core.targets.extent import fit_canvas
from core.targets.split import Split, Subset, split_of
from core.targets.store import Target, load_target
from core.training.dataset import prepare
from core.types import Pose
from tests.puppets import TORSO, puppet, wall


@pytest.fixture
def target(puppets: Path) -> Iterator[Target]:
    with load_target("puppet", puppets) as opened:
        yield opened


def test_a_canvas_holds_the_person_in_every_known_frame(target: Target) -> None:
    canvas = fit_canvas(target, 96, TORSO)
    assert max(canvas.width, canvas.height) == 96
    assert canvas.width % 8 == canvas.height % 8 == 0
    for i in np.flatnonzero(target.found)[::9]:
        pose = Pose(np.array(target.poses[i]))
        _, mask = puppet(pose)
        cut = canvas.cut(mask, pose)
        assert cut.sum() * canvas.scale**2 == pytest.approx(mask.sum(), rel=0.02)
        assert max(int(edge.max()) for edge in (cut[0], cut[-1], cut[:, 0], cut[:, -1])) < 64, "with room around"


def test_a_canvas_holds_what_a_body_can_reach_in_the_frame(target: Target) -> None:
    """Whoever was seen in one pose alone may be asked to raise their arms."""
    one = np.zeros(60, np.bool_)
    one[[0]] = True
    canvas = fit_canvas(Subset(target, one), 96, TORSO)
    x, y = target.poses[0][[23, 24], :2].mean(0)
    assert canvas.left <= max(-1.75 * TORSO, -x)
    assert canvas.top <= max(-2.3 * TORSO, -y)
    assert canvas.left + canvas.width * canvas.scale >= min(1.75 * TORSO, target.width - x)
    assert canvas.top + canvas.height * canvas.scale >= min(1.9 * TORSO, target.height - y)


def test_examples_are_the_frames(target: Target) -> None:
    split = split_of(target, "blocks")
    examples = prepare(target, split, 96, TORSO)
    assert examples.layers.shape == (59, 5, examples.canvas.height, examples.canvas.width)
    assert examples.inputs().shape == (59, 26)
    shown = np.flatnonzero(target.found)
    assert shown[examples.train].tolist() == np.flatnonzero(split.train & target.found).tolist()
    assert shown[examples.held_out].tolist() == np.flatnonzero(split.held_out & target.found).tolist()
    assert not set(examples.train) & set(examples.held_out)
    for place in (0, 30, 58):
        pose = Pose(examples.landmarks[place])
        np.testing.assert_array_equal(pose.landmarks, target.poses[shown[place]])
        made = compose(np.array(examples.layers[place]), examples.canvas, pose, wall()).image
        frame = target.frames[int(shown[place])]
        assert np.abs(made.astype(int) - frame).mean() < 4
        assert np.abs(made.astype(int) - frame).mean() < 0.6 * np.abs(wall().astype(int) - frame).mean()


def test_they_are_prepared_once(target: Target) -> None:
    shares: list[float] = []
    first = prepare(target, split_of(target, "blocks"), 64, TORSO, shares.append)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    again: list[float] = []
    second = prepare(target, split_of(target, "blocks"), 64, TORSO, again.append)
    assert again == []
    np.testing.assert_array_equal(first.layers, second.layers)
    prepare(target, split_of(target, "blocks"), 96, TORSO, again.append)
    assert again, "another size is another set"
    kept = list((paths.cache_root() / "training" / "puppet").iterdir())
    assert len(kept) == 1, "and takes the place of the first"


def test_a_break_half_way_leaves_nothing_that_is_taken_for_whole(target: Target) -> None:
    class Broken(Exception):
        pass

    def broken(share: float) -> None:
        if share > 0.5:
            raise Broken

    with pytest.raises(Broken):
        prepare(target, split_of(target, "blocks"), 64, TORSO, broken)
    assert (prepare(target, split_of(target, "blocks"), 64, TORSO).layers[-1] != 0).any()


@pytest.mark.parametrize("keep", [0, 10, 50_000])
def test_a_damaged_cache_is_one_sentence_or_made_again(target: Target, keep: int) -> None:
    whole = np.array(prepare(target, split_of(target, "blocks"), 64, TORSO).layers)
    path = next((paths.cache_root() / "training" / "puppet").glob("*.npy"))
    path.write_bytes(path.read_bytes()[:keep])
    # made again, or a sentence that says what to delete
    with contextlib.suppress(OutputFailed):
        np.testing.assert_array_equal(prepare(target, split_of(target, "blocks"), 64, TORSO).layers, whole)


def test_a_cache_that_cannot_be_written(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputFailed, match=r"\.$"):
        prepare(target, split_of(target, "blocks"), 64, TORSO)


def test_nobody_is_left_to_learn_from(target: Target) -> None:
    nobody = np.zeros(60, np.bool_)
    nobody[3] = True
    with pytest.raises(NobodyFound, match="longer footage"):
        prepare(target, Split(nobody, ~nobody), 64, TORSO)


def test_what_is_told_is_what_is_served(target: Target) -> None:
    examples = prepare(target, split_of(target, "blocks"), 64, TORSO)
    alone = pose_encoding.encode(np.array(target.poses[20]), TORSO)
    place = np.flatnonzero(np.flatnonzero(target.found) == 20)[0]
    np.testing.assert_allclose(examples.inputs()[place], alone, rtol=1e-6)
