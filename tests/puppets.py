"""Performers whose every pixel is known: a flat puppet with a soft edge and a shadow, in front of a painted wall."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.generators.base import Shares
from core.networks.config import MlpConfig, NetworkConfig, RealtimeConfig, UNetConfig
from core.targets.frame_store import FootageWriter
from core.targets.manifest import MANIFEST, Manifest, file_entry
from core.targets.pose_file import save_poses
from core.training.recipes import Recipe
from core.types import Alpha, Frame, Pose
from tests.bodies import moved, standing

SIZE = (128, 128)
RATE = Fraction(5)
TORSO = 26.0

SMALL = Recipe(
    MlpConfig(trunk=32, trunk_blocks=1, width=24, depth=2), size=64, rate=1e-2, frames=4, points=256, minutes=0.02
)
"""A network that is trained in a moment."""

SMALL_UNET = Recipe(UNetConfig(widths=(8, 12, 16)), size=64, rate=1e-2, frames=4, minutes=0.02)
"""The same of stick images."""

SMALL_REALTIME = Recipe(RealtimeConfig(widths=(8, 12, 16), head=(8, 8)), size=64, rate=1e-2, frames=4, minutes=0.02)
"""The same that copies and repairs."""

_BONES = ((11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26), (26, 28))


def dance(count: int, size: tuple[int, int] = SIZE) -> list[Pose]:
    """Somebody who sways from side to side and lifts the arms in turn."""
    poses = []
    for i in range(count):
        sway = 0.12 * size[0] * np.sin(i / 5)
        pose = standing(x=size[0] / 2 + sway, floor=0.93 * size[1], torso=TORSO * size[1] / SIZE[1])
        pose = moved(pose, dy=-20.0 * (1 + np.sin(i / 3)), joints=(15, 17, 19, 21))
        poses.append(moved(pose, dy=-20.0 * (1 - np.sin(i / 3)), joints=(16, 18, 20, 22)))
    return poses


def wall(size: tuple[int, int] = SIZE) -> Frame:
    """The empty stage: a slope of colours."""
    across, down = np.meshgrid(np.linspace(90, 200, size[0]), np.linspace(200, 120, size[1]))
    return np.ascontiguousarray(np.dstack([across, down, 0.5 * (across + down)]).astype(np.uint8))


def puppet_mask(pose: Pose, size: tuple[int, int] = SIZE) -> Alpha:
    """255 where the puppet is, with a soft edge."""
    drawn = np.zeros((size[1], size[0]), np.uint8)
    thick = max(round(0.24 * TORSO * size[1] / SIZE[1]), 1)
    cv2.fillConvexPoly(drawn, np.rint(pose.xy[[11, 12, 24, 23]]).astype(np.int32), 255)
    for a, b in _BONES:
        ends = np.rint(pose.xy[[a, b]]).astype(int).tolist()
        cv2.line(drawn, ends[0], ends[1], 255, thick)
    cv2.circle(drawn, np.rint(pose.xy[0]).astype(int).tolist(), round(1.2 * thick), 255, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.8), np.uint8)


def puppet_light(pose: Pose, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """How much light the puppet's shadow leaves, 255 being all."""
    light = np.full((size[1], size[0]), 255, np.uint8)
    foot = np.rint(pose.xy[28] + (0.9 * TORSO, -0.2 * TORSO)).astype(int).tolist()
    cv2.ellipse(light, foot, (round(0.7 * TORSO), round(0.25 * TORSO)), 0, 0, 360, 150, -1)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 2.0), np.uint8)


def puppet(pose: Pose, size: tuple[int, int] = SIZE) -> tuple[Frame, Alpha]:
    """A frame of the puppet, red above the hips and blue below, and its mask; its shadow falls to its right."""
    mask = puppet_mask(pose, size)
    person = np.full((*mask.shape, 3), (200, 40, 30), np.uint8)
    person[round(float(pose.xy[23, 1])) :] = (30, 40, 190)
    weight = mask[..., None] / 255
    shaded = wall(size) * (puppet_light(pose, size)[..., None] / 255)
    return (person * weight + shaded * (1 - weight) + 0.5).astype(np.uint8), mask


def make_puppet(root: Path, target_id: str = "puppet", *, frames: int = 60) -> Path:
    """A performer of the puppet in ``root/target_id``; nobody in frame 3."""
    folder = root / target_id
    folder.mkdir(parents=True)
    poses = [pose.landmarks for pose in dance(frames)]
    with (
        FootageWriter(folder / "frames.mp4", SIZE, RATE, crf=8) as footage,
        FootageWriter(folder / "masks.mp4", SIZE, RATE, masks=True, crf=8) as masks,
    ):
        for pose in poses:
            frame, mask = puppet(Pose(pose))
            footage.write(frame)
            masks.write(mask)
    landmarks: NDArray[np.float32] = np.stack(poses)
    landmarks[3] = np.nan
    save_poses(folder / "poses.npz", landmarks, np.zeros(frames, np.int32))
    cv2.imwrite(str(folder / "plate.png"), wall()[..., ::-1])
    roles = {"poses": "poses.npz", "frames": "frames.mp4", "masks": "masks.mp4", "plate": "plate.png"}
    manifest = Manifest.model_validate(
        {
            "id": target_id, "name": "Puppet", "width": SIZE[0], "height": SIZE[1], "rate": RATE, "frames": frames,
            "licence": "CC0", "files": {role: file_entry(folder / name, name) for role, name in roles.items()},
        }
    )  # fmt: skip
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return folder


def small_config(*, generator: str = "mlp-se", excitation: bool = True) -> NetworkConfig:
    """The config of a small network of the puppet."""
    canvas = {"width": 64, "height": 64, "scale": 2.0, "left": -64.0, "top": -64.0}
    network = SMALL.network.model_copy(update={"excitation": excitation})
    return NetworkConfig.model_validate(
        {"generator": generator, "network": network.model_dump(), "canvas": canvas, "unit": TORSO}
    )


def small_unet_config(*, generator: str = "unet-attn", **network: Any) -> NetworkConfig:
    """The same of a network of stick images."""
    unet = SMALL_UNET.network.model_copy(update=network)
    return small_config(generator=generator).model_copy(update={"network": unet})


def small_realtime_config() -> NetworkConfig:
    """The same of one that copies and repairs; nobody is in frame 3."""
    config = small_config(generator="realtime").model_copy(update={"memory": (0, 2, 5, 8, 11)})
    return config.model_copy(update={"network": SMALL_REALTIME.network})


def taken(*frames: int) -> tuple[Shares, ...]:
    """A choice that takes each part from one frame alone; a single one is for all six."""
    return tuple(((frame, 1.0),) for frame in (frames * 6 if len(frames) == 1 else frames))


def small_state(config: NetworkConfig, seed: int = 0) -> dict[str, Any]:
    """Weights of an untrained network of ``config`` that is not grey all over and leaves out none of its parts."""
    import torch

    from core.networks.build import build

    torch.manual_seed(seed)
    network = build(config)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
        for name, statistic in network.named_buffers():
            if name.endswith("running_mean"):
                statistic.normal_(0, 0.1)
            elif name.endswith("running_var"):
                statistic.uniform_(0.5, 2)
        for name, weight in network.named_parameters():
            if name.endswith("gamma"):
                weight.fill_(0.5)
        network.get_submodule("draw").weight.mul_(3)
        network.get_submodule("draw").bias.fill_(0.5)
    return dict(network.state_dict())
