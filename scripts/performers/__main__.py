"""Render the performers: `python -m scripts.performers --out DIR [--cache DIR] [--only ID] [--frames N,N,...]`."""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from .beat import TUNES, write_beat
from .camera import dance_camera, portrait_camera
from .character import JOINTS, Character
from .characters import CHARACTERS, CharacterSpec
from .choreography import ROUTINES, Key, choreograph, key
from .encode import LosslessWriter, encode_dance, encode_footage, encode_mask, write_loop, write_still
from .meshes import Floats
from .renderer import Renderer

SIZE, FPS = 512, 25
PORTRAIT_DRAWN, PORTRAIT_SIZE = 1024, 512
PORTRAIT = {
    "mira": key("hip", "down", yaw=0.30, cyaw=0.06, hyaw=-0.30, hroll=0.05, hpitch=0.02, croll=-0.03),
    "theo": key("down", "hip", yaw=-0.28, cyaw=-0.05, hyaw=0.27, hroll=-0.04, hpitch=0.02, croll=0.03),
}


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m scripts.performers", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "performer-bodies")
    parser.add_argument("--only", choices=sorted(CHARACTERS), action="append", help="render only this performer")
    parser.add_argument("--frames", help="only these frames of the dance, as PNG, to look at")
    parser.add_argument("--portrait", action="store_true", help="only the portraits")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or CHARACTERS:
        spec = CHARACTERS[name]
        character = Character(spec, arguments.cache)
        if arguments.frames:
            render_samples(character, arguments.out, [int(frame) for frame in arguments.frames.split(",")])
            continue
        render_portrait(character, arguments.out)
        if not arguments.portrait:
            render_performer(character, arguments.out)


def dance_of(spec: CharacterSpec) -> list[Key]:
    """The channels of every frame of a performer's dance."""
    return choreograph(ROUTINES[spec.routine], spec.bpm, FPS)


def render_samples(character: Character, out: Path, frames: list[int]) -> None:
    """A few frames as pictures, each with hair at rest."""
    dance = dance_of(character.spec)
    with Renderer(character, dance_camera(character.height), SIZE) as renderer:
        for i in frames:
            pose = character.rig.pose(dance[i])
            if character.ponytail:
                character.ponytail.settle(pose, 1 / FPS)
            write_still(renderer.frame(pose)[0], out / f"{character.spec.id}_{i:04d}.png")


def render_portrait(character: Character, out: Path) -> None:
    """Head and chest, smiling at the camera."""
    pose = character.rig.pose(PORTRAIT[character.spec.id])
    if character.ponytail:
        character.ponytail.settle(pose, 1 / FPS)
    marks = character.marks
    between_eyes = character.attached(pose, "head", (marks.eye_left + marks.eye_right) / 2)
    with Renderer(character, portrait_camera(between_eyes), PORTRAIT_DRAWN) as renderer:
        write_still(renderer.frame(pose)[0], out / f"{character.spec.id}_portrait.png", PORTRAIT_SIZE)


def render_performer(character: Character, out: Path) -> None:
    """Footage, plate, mask, joints, dance and thumbnail of one performer."""
    spec, started, started_cpu = character.spec, time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        lossless, mask, sound = (Path(scratch) / name for name in ("dance.mkv", "mask.mkv", "beat.wav"))
        joints = _film(character, lossless, mask, out / f"{spec.id}_plate.png")
        filmed, filmed_cpu = time.monotonic(), time.process_time()
        encode_footage(lossless, out / f"{spec.id}.mp4")
        encode_mask(mask, out / f"{spec.id}_mask.mp4")
        write_beat(sound, TUNES[spec.id], spec.bpm, len(joints) / FPS)
        encode_dance(lossless, sound, out / f"{spec.id}-dance.mp4")
        write_loop(lossless, joints, FPS, out / f"{spec.id}-dance.webp")
    known = {"joints": JOINTS, "fps": FPS, "size": SIZE, "bpm": spec.bpm, "xy": np.round(joints, 2).tolist()}
    (out / f"{spec.id}_joints.json").write_text(json.dumps(known))
    whole, cpu = time.monotonic() - started, (filmed_cpu - started_cpu) / len(joints)
    print(
        f"{spec.id}: {len(joints)} frames, {(filmed - started) / len(joints):.3f} s ({cpu:.3f} CPU) each; {whole:.0f} s"
    )


def _film(character: Character, lossless: Path, mask: Path, plate: Path) -> Floats:
    """Render the dance; returns the joints in pixels, (frames, 13, 2)."""
    dance, joints = dance_of(character.spec), []
    if character.ponytail:
        character.ponytail.settle(character.rig.pose(dance[0]), 1 / FPS)
    with (
        Renderer(character, dance_camera(character.height), SIZE) as renderer,
        LosslessWriter(lossless, SIZE, FPS) as footage,
        LosslessWriter(mask, SIZE, FPS, grey=True) as masks,
    ):
        write_still(renderer.plate(), plate)
        for channels in dance:
            pose = character.rig.pose(channels)
            if character.ponytail:
                character.ponytail.step(pose, 1 / FPS)
            picture, coverage = renderer.frame(pose)
            footage.write(picture)
            masks.write(coverage)
            joints.append(renderer.camera.project(character.joints(pose), SIZE))
    return np.array(joints)


if __name__ == "__main__":
    main()
