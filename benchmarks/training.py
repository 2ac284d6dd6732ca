"""Seconds an epoch takes, beside a loop as the course project had it, on networks of the course project's own widths.

    python -m benchmarks.training FOLDER [--epochs 3] [--rounds 2] [--label TEXT]

``FOLDER`` holds ``frames/NNNN.webp`` and ``landmarks.npz``: 64×64 pixels, batches of 16, the networks 26 → 256 → 512 → 1024 →
3·64·64 and a U-Net of 64, 128, 256 and 512 channels with 4×4 strided convolutions, attention and two residual blocks at the
bottom. ``plain`` reads, cuts and draws every frame when it is its turn and computes in single precision; ``ours`` is
``core.training``: examples kept ready, half precision where the processor has it, pixels' channels side by side, one fused
optimizer step, a running mean of the weights, sheets of pictures and a checkpoint after every epoch. Both train the same
network, alternately and in processes of their own. Appends to ``results/training.csv``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.machine import append
from core.conditioning.pose_encoding import STICKS, encode, stick_image
from core.evaluation import metrics
from core.networks.config import MlpConfig, NetworkConfig, UNetConfig
from core.networks.unet import SelfAttention
from core.paths import PROJECT
from core.rendering.canvas import Canvas
from core.rendering.image_files import read_picture
from core.training.dataset import Examples
from core.training.image_task import PictureTask
from core.training.recipes import Recipe
from core.training.train import learning_device
from core.training.trainer import Trainer, TrainingBudget
from core.types import LANDMARKS, Pose

SIDE = metrics.SEED
BATCH = 16
UNIT = SIDE / 4
STICK_CANVAS = Canvas(width=2 * SIDE, height=2 * SIDE, scale=0.5, left=-SIDE / 2, top=-SIDE / 2)
"""Stick images are half a canvas wide."""


class OriginalMlp(nn.Module):
    """Coordinates (B, 26) to pictures (B, 3, 64, 64)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (26, 256, 512, 1024)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            layers += [nn.Linear(narrow, wide), nn.ReLU(), nn.Dropout(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 3 * SIDE * SIDE))

    def forward(self, coordinates: Tensor) -> Tensor:
        """See the class."""
        return self.layers(coordinates).reshape(-1, 3, SIDE, SIDE)


class OriginalUNet(nn.Module):
    """Stick images (B, STICKS, 64, 64) to pictures (B, 3, 64, 64)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (STICKS, 64, 128, 256, 512)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(narrow, wide, 4, 2, 1), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2))
            for narrow, wide in pairwise(widths)
        )
        self.bottom = nn.Sequential(SelfAttention(512), _Residual(512), _Residual(512))
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(wide, narrow, 4, 2, 1), nn.BatchNorm2d(narrow), nn.ReLU())
            for wide, narrow in ((512, 256), (512, 128), (256, 64))
        )
        self.draw = nn.ConvTranspose2d(128, 3, 4, 2, 1)

    def forward(self, sticks: Tensor) -> Tensor:
        """See the class."""
        passed = []
        x = sticks
        for down in self.down:
            x = down(x)
            passed.append(x)
        x = self.bottom(x)
        for up, skipped in zip(self.up, reversed(passed[:-1]), strict=True):
            x = torch.cat([up(x), skipped], 1)
        return self.draw(x)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.work = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.work(x))


class Frames(Dataset[tuple[Tensor, Tensor]]):
    """What the network is told and the picture, both made when they are asked for."""

    def __init__(self, folder: Path, told: Callable[[NDArray[np.float32]], NDArray[Any]]) -> None:
        with np.load(folder / "landmarks.npz") as archive:
            self.numbers, self.landmarks = archive["index"], archive["landmarks"]
        self.folder, self.told = folder, told

    def __len__(self) -> int:
        return len(self.numbers)

    def picture(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(64, 64, 3) and (33, 4) in its pixels."""
        frame = read_picture(self.folder / "frames" / f"{self.numbers[i]:04d}.webp")
        size = frame.shape[1], frame.shape[0]
        landmarks = np.ones((LANDMARKS, 4), np.float32)
        landmarks[:, :2] = metrics.seed_points(self.landmarks[i, :, :2] * np.array(size, np.float32), size)
        landmarks[:, 2] = self.landmarks[i, :, 2] * SIDE
        return metrics.seed_scale(frame), landmarks

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        picture, landmarks = self.picture(i)
        told = torch.from_numpy(np.asarray(self.told(landmarks), np.float32))
        return told, torch.from_numpy(picture).permute(2, 0, 1).float() / 255


def sticks(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(STICKS, 64, 64)."""
    return stick_image(STICK_CANVAS, Pose(landmarks), UNIT).astype(np.float32) / np.float32(255)


def coordinates(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(26,)."""
    return encode(landmarks, UNIT)


def plain(frames: Frames, network: nn.Module, epochs: int) -> float:
    """A loop as one writes it first; when its first epoch began."""
    began = perf_counter()
    loader = DataLoader(frames, BATCH, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4)
    network.train()
    for _ in range(epochs):
        for told, wanted in loader:
            loss = functional.l1_loss(network(told), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return began


class Whole:
    """A task of pictures whose poses are told as coordinates."""

    def __init__(self, examples: Examples) -> None:
        self._told = torch.from_numpy(encode(examples.landmarks, UNIT))
        self._layers = torch.from_numpy(np.array(examples.layers))

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Mean absolute error of the frames."""
        return (network(self._told[frames]).float() - self._layers[frames].float() / 255).abs().mean()

    def draw(self, network: nn.Module, i: int) -> Tensor:
        """A picture as it will be served."""
        return network(self._told[[i]])[0].float().clamp(0, 1)

    def wanted(self, i: int) -> Tensor:
        """As it should be."""
        return self._layers[i].float() / 255


class FromHalf(nn.Module):
    """A network of stick images as large as its pictures, told ones of half the size, as ours are."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, told: Tensor) -> Tensor:
        """(B, STICKS, 32, 32) to (B, 3, 64, 64)."""
        return self.network(functional.interpolate(told, scale_factor=2.0, mode="nearest"))


def ours(frames: Frames, network: nn.Module, epochs: int, *, of_sticks: bool) -> float:
    """``core.training``; when its first epoch began."""
    pictures, landmarks = zip(*(frames.picture(i) for i in range(len(frames))), strict=True)
    layers = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
    canvas = Canvas(width=SIDE, height=SIDE, scale=1.0, left=-SIDE / 2, top=-SIDE / 2)
    everything = np.arange(len(frames))
    examples = Examples(canvas, UNIT, everything, np.stack(landmarks), layers, everything, everything[:0])
    shape: UNetConfig | MlpConfig = UNetConfig() if of_sticks else MlpConfig()
    config = NetworkConfig(generator="original", network=shape, canvas=canvas, unit=UNIT)
    fabric = learning_device("auto")
    taught = (FromHalf(network) if of_sticks else network).to(memory_format=torch.channels_last)
    task: Any = PictureTask(examples, config, fabric.device) if of_sticks else Whole(examples)
    began = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            fabric=fabric, network=taught, task=task, recipe=Recipe(shape, frames=BATCH, rate=2e-4), folder=Path(folder),
            seed=0, train=torch.arange(len(frames)), held_out=torch.arange(0), length=TrainingBudget(epochs=epochs),
        ).run()  # fmt: skip
    return began


KINDS: dict[str, tuple[Callable[[], nn.Module], Callable[[NDArray[np.float32]], NDArray[Any]]]] = {
    "mlp": (OriginalMlp, coordinates),
    "unet": (OriginalUNet, sticks),
}
LOOPS = ("plain", "ours")


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds that preparing took, once, and each epoch after it."""

    prepare: float
    epoch: float


def seconds_of(folder: Path, name: str, loop: str, epochs: int) -> Taken:
    """One loop, in this process."""
    kind, told = KINDS[name]
    started = perf_counter()
    frames, network = Frames(folder, told), kind()
    began = (
        plain(frames, network, epochs) if loop == "plain" else ours(frames, network, epochs, of_sticks=name == "unet")
    )
    return Taken(began - started, (perf_counter() - began) / epochs)


def apart(folder: Path, name: str, loop: str, epochs: int) -> Taken:
    """The same in a process of its own: what one loop asks of the process must not help the other."""
    what = [sys.executable, "-m", "benchmarks.training", str(folder), "--epochs", str(epochs), "--only", name, loop]
    done = subprocess.run(what, check=True, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    return Taken(*map(float, done.stdout.split()[-2:]))


def main() -> None:
    """Train alternately, time, append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs=2, metavar=("NETWORK", "LOOP"), help="print what one takes, append nothing")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    if given.only:
        print(*astuple(seconds_of(given.folder, given.only[0], given.only[1], given.epochs)))
        return
    for name, (kind, told) in KINDS.items():
        taken: dict[str, list[Taken]] = {loop: [] for loop in LOOPS}
        for _ in range(given.rounds):
            for loop in LOOPS:
                taken[loop].append(apart(given.folder, name, loop, given.epochs))
        for loop, each in taken.items():
            row = {"label": given.label, "network": name, "loop": loop, "frames": len(Frames(given.folder, told)),
                   "parameters": sum(p.numel() for p in kind().parameters()),
                   "prepare_seconds": round(median(one.prepare for one in each), 2),
                   "seconds_per_epoch": round(median(one.epoch for one in each), 2)}  # fmt: skip
            append("training", row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
