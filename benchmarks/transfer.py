"""The whole chain, file to file, as the command line runs it: frames a second, core-milliseconds a frame, memory.

    python -m benchmarks.transfer CLIP [--target theo] [--generator nearest] [--runs 3] [--longer 5] [--label TEXT]

``--longer N`` also runs the clip N times over, to see that memory does not grow with length. Appends to
``results/transfer.csv``. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import psutil

from benchmarks.machine import append

PROJECT = Path(__file__).resolve().parent.parent


def run(clip: Path, target: str, generator: str, folder: Path) -> dict[str, object]:
    """One transfer in a process of its own."""
    report = folder / "report.json"
    words = ["transfer", clip, "--target", target, "--generator", generator, "--output", folder / "out.mp4"]
    start = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "core", *map(str, words), "--report", str(report)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
    )
    # wait4 gives the CPU time of exactly this child
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"the transfer of {clip} failed")
    done = json.loads(report.read_text())
    stages = {f"{name} {p}": done["stages"].get(name, {}).get(p, "") for name in _STAGES for p in ("p50", "p95")}
    return {
        "clip": clip.name,
        "frames": done["frames_out"],
        "target": target,
        "generator": generator,
        "fps": done["fps"],
        "fps_steady": done["fps_steady"],
        "seconds": done["seconds"],
        "seconds_with_start": round(time.perf_counter() - start, 2),
        "core_ms_per_frame": round((usage.ru_utime + usage.ru_stime) * 1000 / done["frames_out"], 2),
        "peak_rss_mb": done["peak_rss_mb"],
        **stages,
    }


_STAGES = ("decode", "pose", "smooth, retarget, choose", "generate", "composite", "encode")


def longer(clip: Path, times: int, folder: Path) -> Path:
    """The clip ``times`` over, without encoding it again."""
    result = folder / f"{clip.stem}-x{times}{clip.suffix}"
    with av.open(result, "w") as copy, av.open(clip) as first:
        streams: dict[int, Any] = {s.index: copy.add_stream_from_template(s) for s in first.streams}
        # sound begins a little before its pictures: without room in between the next turn's would overlap
        seconds = Fraction(first.duration or 0, av.time_base) + Fraction(1, 10)
        for turn in range(times):
            with av.open(clip) as source:
                for packet in source.demux():
                    stream = packet.stream
                    if packet.dts is None or packet.pts is None or stream.time_base is None:
                        continue
                    later = round(turn * seconds / stream.time_base)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = streams[stream.index]
                    copy.mux(packet)
    return result


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--target", default="theo")
    parser.add_argument("--generator", default="nearest")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--longer", type=int, default=0)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [given.clip] * given.runs
        if given.longer:
            clips.append(longer(given.clip, given.longer, folder))
        for clip in clips:
            row = {"label": given.label, **run(clip, given.target, given.generator, folder)}
            append("transfer", row)
            print({k: row[k] for k in ("clip", "fps", "fps_steady", "core_ms_per_frame", "peak_rss_mb")}, flush=True)


if __name__ == "__main__":
    main()
