"""The loss that compares what a network sees; what it sees with does not matter here."""

from __future__ import annotations

import logging
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from core.training import image_task
from core.training.image_task import PictureTask
from core.training.perceptual import WEIGHT, Perceptual, load_perceptual
from tests.training.test_image_task import SQUARE, Oracle, config_of, draws
from tests.training.views import coded_examples


@pytest.fixture
def loss() -> Perceptual:
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
    return Perceptual(features, (1, 3))


def test_equal_pictures_are_seen_alike_and_blurred_ones_are_not(loss: Perceptual) -> None:
    wanted = torch.rand(2, 3, 32, 32)
    assert float(loss(wanted, wanted)) == 0
    blurred = nn.functional.avg_pool2d(wanted, 3, 1, 1)
    assert float(loss(blurred, wanted)) > 0.05


def test_it_teaches_the_picture_and_not_itself(loss: Perceptual) -> None:
    made = torch.rand(1, 3, 16, 16, requires_grad=True)
    loss(made, torch.rand(1, 3, 16, 16)).backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in loss.parameters())


def test_a_task_adds_it_to_the_error(loss: Perceptual, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_task, "_VARIED", 0.0)
    examples, frames = coded_examples(**SQUARE), torch.tensor([2, 5])
    network = Oracle(examples, [2, 5], shift=3)
    plain = PictureTask(examples, config_of(examples), torch.device("cpu")).loss(network, frames, draws())
    seeing = PictureTask(examples, config_of(examples), torch.device("cpu"), loss).loss(network, frames, draws())
    wanted = torch.from_numpy(examples.layers[[2, 5], :3]).float() / 255
    expected = plain + WEIGHT * loss(network.drawn[:, :3], wanted)
    torch.testing.assert_close(seeing, expected)
    assert float(seeing) > float(plain)


def without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)


def test_without_torchvision_it_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    without_torchvision(monkeypatch)
    with caplog.at_level(logging.WARNING):
        assert load_perceptual() is None
    assert "torchvision" in caplog.text


def test_without_its_weights_it_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def unreachable(*, weights: object) -> nn.Module:
        raise OSError("no route to host")

    models = ModuleType("torchvision.models")
    vars(models).update(vgg16=unreachable, VGG16_Weights=type("VGG16_Weights", (), {"IMAGENET1K_V1": None}))
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    with caplog.at_level(logging.WARNING):
        assert load_perceptual() is None
    assert "no route to host" in caplog.text
