"""A simple beat, synthesised: kick, clap, hats, bass and a few chords at a given tempo."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import butter, sosfilt

from .meshes import Floats

RATE = 48000
PLUCKED = ((0.0, 0.75), (0.5,), (0.25, 0.75), (0.5,))
"""Where in each beat of a bar the chords are struck."""
PEAK = 0.6
"""Of full scale; about -13 LUFS with this much limiting."""


@dataclass(frozen=True)
class Tune:
    """Chords (MIDI notes, one chord per bar of four beats), their bass notes and a seed for the noise."""

    chords: tuple[tuple[int, ...], ...]
    bass: tuple[int, ...]
    seed: int


TUNES = {
    "lina": Tune(((69, 72, 76), (65, 69, 72), (67, 72, 76), (67, 71, 74)), (45, 41, 48, 43), seed=1),
    "omar": Tune(((62, 65, 69, 72), (67, 71, 74, 77), (60, 64, 67, 71), (64, 67, 72)), (38, 43, 36, 45), seed=2),
    "june": Tune(((64, 67, 71), (60, 64, 67, 71), (57, 60, 64, 67), (59, 62, 66, 69)), (40, 36, 45, 47), seed=3),
}


def write_beat(path: Path, tune: Tune, bpm: float, seconds: float) -> None:
    """A stereo 48 kHz wave file of exactly `seconds`, with a beat at time 0 and every 60 / `bpm` s after it."""
    samples = np.clip(np.round(synthesise(tune, bpm, seconds) * 32767), -32768, 32767)
    wavfile.write(path, RATE, samples.astype(np.int16))


def synthesise(tune: Tune, bpm: float, seconds: float) -> Floats:
    """(samples, 2) within -PEAK..PEAK."""
    track = _Track(round(seconds * RATE), RATE * 60 / bpm)
    rng = np.random.default_rng(tune.seed)
    clap, closed, opened = _clap(rng), _hat(rng, 0.035), _hat(rng, 0.12)
    for beat in range(int(track.beats) + 1):
        bar, intro = (beat // 4) % len(tune.chords), beat < 4
        track.add(_kick(), beat, 0.95)
        if beat % 4 in (1, 3):
            track.add(clap, beat, 0.42)
        track.add(closed, beat, 0.10, pan=0.2)
        track.add(opened, beat + 0.5, 0.20, pan=0.2)
        if beat % 4 == 0:
            track.add(_pad(tune.chords[bar], track.beat * 4 / RATE), beat, 0.16)
        if intro:
            continue
        for offset, rise in ((0.5, 0), (0.75, 12 if beat % 4 == 3 else 0)):
            track.add(_bass(tune.bass[bar] + rise, track.beat / RATE * 0.42), beat + offset, 0.26)
        for offset in PLUCKED[beat % 4]:
            for k, note in enumerate(tune.chords[bar]):
                track.add(_pluck(note), beat + offset, 0.115, pan=(k - 1) * 0.35)
    return track.mixed()


class _Track:
    """Sounds placed on beats in stereo."""

    def __init__(self, length: int, beat: float) -> None:
        self.samples, self.beat = np.zeros((length, 2)), beat
        self.beats = length / beat

    def add(self, sound: Floats, at: float, gain: float, pan: float = 0.0) -> None:
        """`at` in beats; `pan` from -1 (left) to 1 (right)."""
        start = round(at * self.beat)
        part = sound[: max(len(self.samples) - start, 0)]
        sides = np.array([np.sqrt((1 - pan) / 2), np.sqrt((1 + pan) / 2)]) * np.sqrt(2)
        self.samples[start : start + len(part)] += gain * part[:, None] * sides

    def mixed(self) -> Floats:
        """Softly limited, faded at both ends."""
        mixed = np.tanh(self.samples * 1.1)
        mixed *= PEAK / np.abs(mixed).max()
        fade_in, fade_out = RATE // 200, RATE // 2
        mixed[:fade_in] *= np.linspace(0, 1, fade_in)[:, None]
        mixed[-fade_out:] *= np.linspace(1, 0, fade_out)[:, None] ** 2
        return mixed


def _time(seconds: float) -> Floats:
    return np.arange(int(seconds * RATE)) / RATE


def _pitch(note: int) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


def _kick() -> Floats:
    t = _time(0.32)
    sweep = 48 * t + 110 / 26 * (1 - np.exp(-26 * t))
    return np.sin(2 * np.pi * sweep) * np.exp(-t * 9) * np.minimum(t / 0.002, 1)


def _filtered_noise(rng: np.random.Generator, seconds: float, band: tuple[float, float]) -> Floats:
    sections = butter(2, band, btype="bandpass", fs=RATE, output="sos")
    return sosfilt(sections, rng.standard_normal(int(seconds * RATE)))


def _clap(rng: np.random.Generator) -> Floats:
    t = _time(0.22)
    bursts = sum(np.exp(-np.maximum(t - d, 0) * 150) * (t >= d) for d in (0.0, 0.011, 0.022))
    tail = np.exp(-np.maximum(t - 0.03, 0) * 22) * (t >= 0.03)
    return _filtered_noise(rng, 0.22, (900, 4200)) * (0.8 * bursts + 0.7 * tail)


def _hat(rng: np.random.Generator, decay: float) -> Floats:
    t = _time(0.25)
    return _filtered_noise(rng, 0.25, (6500, 15000)) * np.exp(-t / decay) * np.minimum(t / 0.001, 1)


def _bass(note: int, seconds: float) -> Floats:
    t = _time(seconds)
    phase = 2 * np.pi * _pitch(note) * t
    envelope = np.minimum(t / 0.006, 1) * np.minimum((seconds - t) / 0.03, 1) * np.exp(-t * 3)
    return (np.sin(phase) + 0.45 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase)) * envelope


def _pad(notes: tuple[int, ...], seconds: float) -> Floats:
    t = _time(seconds)
    envelope = np.minimum(t / 0.12, 1) * np.minimum((seconds - t) / 0.25, 1)
    voices = [np.sin(2 * np.pi * _pitch(note) * detune * t) for note in notes for detune in (0.997, 1.003)]
    return sum(voices) / len(voices) * envelope * 1.6


def _pluck(note: int) -> Floats:
    """An electric piano: frequency modulation with a fading index (Chowning 1973)."""
    t = _time(0.7)
    phase = 2 * np.pi * _pitch(note) * t
    bell = np.sin(phase + 1.6 * np.exp(-t * 9) * np.sin(2 * phase))
    return bell * np.exp(-t * 5.5) * np.minimum(t / 0.004, 1)
