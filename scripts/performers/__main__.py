"""Render performers, dances and answers: `python -m scripts.performers --out DIR [--cache DIR] [--only ID]`.

An answer is what a perfect transfer would give: `--answer mira --dance lina-disco` is Mira in her own room, posed in every
frame exactly as Lina was.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .beat import TUNES, write_beat
from .camera import Camera, closest, dance_camera, portrait_camera
from .character import JOINTS, Character
from .characters import CHARACTERS, CharacterSpec
from .choreography import choreograph, sink_smoothly
from .encode import (
    LosslessWriter,
    encode_dance,
    encode_footage,
    encode_mask,
    encode_parts,
    write_loop,
    write_still,
)
from .keys import Key, key
from .meshes import Floats
from .parts import PART_STEP
from .renderer import Renderer
from .routines import ROUTINES
from .sampler import realise

FPS = 25
MARGIN = 0.02
"""Of the picture, kept free around a dance."""
PORTRAIT_DRAWN, PORTRAIT_SIZE = 1024, 512
PORTRAIT = {
    "mira": key("hip", "down", yaw=0.30, cyaw=0.06, hyaw=-0.30, hroll=0.05, hpitch=0.02, croll=-0.03),
    "theo": key("down", "hip", yaw=-0.28, cyaw=-0.05, hyaw=0.27, hroll=-0.04, hpitch=0.02, croll=0.03),
}
STRAIGHT = key("hip", yaw=0.25, hyaw=-0.25)
DANCES = {spec.dance: spec for spec in CHARACTERS.values() if spec.dance}


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m scripts.performers", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "performer-bodies")
    parser.add_argument("--only", choices=sorted(CHARACTERS), action="append", help="render only this character")
    parser.add_argument("--frames", help="only these frames of the dance, as PNG, to look at")
    parser.add_argument("--portrait", action="store_true", help="only the portraits")
    parser.add_argument("--answer", choices=sorted(n for n, s in CHARACTERS.items() if not s.dance), help="performer")
    parser.add_argument("--dance", choices=sorted(DANCES), help="the dance that --answer is danced to")
    arguments = parser.parse_args()
    if bool(arguments.answer) != bool(arguments.dance):
        parser.error("--answer and --dance go together")
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.answer:
        render_answer(CHARACTERS[arguments.answer], DANCES[arguments.dance], arguments.cache, arguments.out)
        return
    for name in arguments.only or CHARACTERS:
        character = Character(CHARACTERS[name], arguments.cache)
        if arguments.frames:
            render_samples(character, arguments.out, [int(frame) for frame in arguments.frames.split(",")])
        elif arguments.portrait:
            render_portrait(character, arguments.out)
        elif character.spec.dance:
            render_dance(character, arguments.out)
        else:
            render_portrait(character, arguments.out)
            render_performer(character, arguments.out)


def camera_of(character: Character, dance: list[Key]) -> Camera:
    """The camera that films `dance`: performers all alike, dancers as close as their moves allow."""
    camera = dance_camera(character.height, character.spec.size)
    if not character.spec.dance:
        return camera
    poses = [character.rig.pose(channels) for channels in dance]
    return closest(camera, np.vstack([character.extremes(pose) for pose in poses]), MARGIN)


def dance_of(character: Character) -> list[Key]:
    """The channels of every frame of a character's dance."""
    spec = character.spec
    keys = realise(ROUTINES[spec.id](), character, dance_camera(character.height, spec.size), spec.seed)
    dance = choreograph(keys, spec.bpm, FPS, spec.seed)
    return sink_smoothly(dance, character.rig, FPS) if spec.dance else dance


def render_samples(character: Character, out: Path, frames: list[int]) -> None:
    """A few frames as pictures, each with hair at rest."""
    dance = dance_of(character)
    with Renderer(character, camera_of(character, dance)) as renderer:
        for i in frames:
            pose = character.rig.pose(dance[i])
            character.settle(pose, 1 / FPS)
            write_still(renderer.frame(pose)[0], out / f"{character.spec.id}_{i:04d}.png")


def render_portrait(character: Character, out: Path) -> None:
    """Head and chest, smiling at the camera."""
    pose = character.rig.pose({**PORTRAIT.get(character.spec.id, STRAIGHT), "blink": 0.0})
    character.settle(pose, 1 / FPS)
    marks = character.marks
    between_eyes = character.attached(pose, "head", (marks.eye_left + marks.eye_right) / 2)
    with Renderer(character, portrait_camera(between_eyes, PORTRAIT_DRAWN)) as renderer:
        write_still(renderer.frame(pose)[0], out / f"{character.spec.id}_portrait.png", PORTRAIT_SIZE)


def render_performer(character: Character, out: Path) -> None:
    """Footage, plate, mask, parts and joints of one performer."""
    spec = character.spec
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        film = film_of(character, dance_of(character), Path(scratch))
        encode_footage(film.lossless, out / f"{spec.id}.mp4")
        encode_mask(film.mask, out / f"{spec.id}_mask.mp4")
        encode_parts(film.parts, out / f"{spec.id}_parts.mkv")
        write_still(film.plate, out / f"{spec.id}_plate.png")
        _write_joints(out / f"{spec.id}_joints.json", film.joints, character, spec.bpm)


def render_dance(character: Character, out: Path) -> None:
    """A dance to choose as source: video with its beat, moving thumbnail and joints."""
    spec = character.spec
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        film = film_of(character, dance_of(character), Path(scratch))
        sound = Path(scratch) / "beat.wav"
        write_beat(sound, TUNES[spec.id], spec.bpm, len(film.joints) / FPS)
        encode_dance(film.lossless, sound, out / f"{spec.dance}.mp4")
        write_loop(film.lossless, film.joints, spec.size, FPS, out / f"{spec.dance}.webp")
        _write_joints(out / f"{spec.dance}_joints.json", film.joints, character, spec.bpm)


def render_answer(performer: CharacterSpec, dancer: CharacterSpec, cache: Path, out: Path) -> None:
    """The performer doing the dancer's dance: footage, mask, parts and joints.

    Channels are in limb lengths and scale by themselves.
    """
    character, original = Character(performer, cache), Character(dancer, cache)
    dance = centred(sink_smoothly(dance_of(original), character.rig, FPS), character)
    name = f"{performer.id}_{dancer.dance}"
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        film = film_of(character, dance, Path(scratch))
        encode_footage(film.lossless, out / f"{name}.mp4")
        encode_mask(film.mask, out / f"{name}_mask.mp4")
        encode_parts(film.parts, out / f"{name}_parts.mkv")
        _write_joints(out / f"{name}_joints.json", film.joints, character, dancer.bpm)


def centred(dance: list[Key], character: Character) -> list[Key]:
    """The same dance moved sideways into the middle of the performer's picture, whose camera stands still."""
    camera = camera_of(character, dance)
    reach = np.vstack([character.extremes(character.rig.pose(channels)) for channels in dance])
    aside = closest(camera, reach, MARGIN).eye[0] / character.rig.leg_length
    return [{**channels, **{name: channels[name] - aside for name in ("px", "fLx", "fRx")}} for channels in dance]


def _write_joints(path: Path, joints: Floats, character: Character, bpm: float) -> None:
    size = character.spec.size
    known = {"joints": JOINTS, "fps": FPS, "size": size, "bpm": bpm, "xy": np.round(joints, 2).tolist()}
    path.write_text(json.dumps(known))


@dataclass(frozen=True)
class Film:
    """Lossless footage, mask and parts, the empty stage, and the joints in pixels, (frames, 13, 2)."""

    lossless: Path
    mask: Path
    parts: Path
    plate: np.ndarray
    joints: Floats


def film_of(character: Character, dance: list[Key], scratch: Path, every: int = 1) -> Film:
    """Draw a dance, of `every` frames one; hair swings through all of them."""
    joints, started, cpu = [], time.monotonic(), time.process_time()
    lossless, mask, parts = (scratch / f"{name}.mkv" for name in ("dance", "mask", "parts"))
    camera = camera_of(character, dance)
    character.settle(character.rig.pose(dance[0]), 1 / FPS)
    with (
        Renderer(character, camera) as renderer,
        LosslessWriter(lossless, camera.size, FPS // every) as footage,
        LosslessWriter(mask, camera.size, FPS // every, grey=True) as masks,
        LosslessWriter(parts, camera.size, FPS // every, grey=True) as part_maps,
    ):
        plate = renderer.plate()
        for number, channels in enumerate(dance):
            pose = character.rig.pose(channels)
            character.step(pose, 1 / FPS)
            if number % every:
                continue
            picture, coverage = renderer.frame(pose)
            footage.write(picture)
            masks.write(coverage)
            part_maps.write(renderer.parts() * PART_STEP)
            joints.append(camera.project(character.joints(pose)))
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    print(f"{character.spec.id}: {len(joints)} frames in {wall:.0f} s, {cpu / len(joints):.3f} CPU s each", flush=True)
    return Film(lossless, mask, parts, plate, np.array(joints))


if __name__ == "__main__":
    main()
