from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.conditioning.pose_encoding import STICKS
from core.networks.build import build
from core.networks.config import UNetConfig
from core.networks.unet import SelfAttention, UNet
from core.rendering.canvas import LAYERS
from tests.puppets import small_state, small_unet_config

WIDTHS = (8, 12, 16)


def seeded(**network: Any) -> UNet:
    """A small network in which attention has its say."""
    torch.manual_seed(0)
    made = UNet(UNetConfig.model_validate({"widths": WIDTHS} | network))
    made.eval()
    for name, weight in made.named_parameters():
        if name.endswith("gamma"):
            nn.init.constant_(weight, 0.5)
    return made


def sticks(batch: int = 1, height: int = 16, width: int = 16) -> Tensor:
    return torch.rand((batch, STICKS, height, width), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("widths", [(8, 12), (4, 8, 12, 16)])
def test_shapes_and_gradients(widths: tuple[int, ...], attention: bool, residual: bool) -> None:
    network = seeded(widths=widths, residual=residual, attention=attention).train()
    drawn = network(sticks(3, 16, 24))
    assert drawn.shape == (3, 5, 32, 48)
    assert torch.isfinite(drawn).all()
    drawn.square().sum().backward()
    silent = [
        name
        for name, weight in network.named_parameters()
        # a softmax does not care what is added to all that it weighs
        if (weight.grad is None or not weight.grad.any()) and name != "attend.ask.bias"
    ]
    assert silent == [], "every weight is learnt"


def test_it_is_built_for_its_canvas() -> None:
    config = small_unet_config()
    network = build(config)
    assert isinstance(network, UNet)
    side = config.canvas.width
    assert network(sticks(2, side // 2, side // 2)).shape == (2, LAYERS, side, side)


@pytest.mark.parametrize("place", [0, 1])
def test_every_skip_is_used(place: int) -> None:
    network, told = seeded(), sticks()
    before = network(told)

    def cut(_: nn.Module, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return inputs[0], torch.zeros_like(inputs[1])

    network.up[place].register_forward_pre_hook(cut)
    assert (network(told) - before).abs().max() > 1e-2


def test_with_its_depths_cut_off_the_skips_still_carry_the_picture() -> None:
    network = seeded()
    network.attend.register_forward_hook(lambda _module, _inputs, made: torch.zeros_like(made))
    told = sticks()
    moved = told.roll(1, dims=3)
    assert (network(told) - network(moved)).abs().max() > 1e-2


def test_pixels_lie_where_the_sticks_are() -> None:
    """What changes at one place of the stick image changes the picture around that place, and no farther than is seen."""
    network = seeded(widths=(4, 4), attention=False, residual=False)
    told = sticks(1, 64, 64)
    other = told.clone()
    other[..., 10, 40] += 1
    change = (network(told) - network(other)).abs().amax(dim=(0, 1))
    rows, columns = change.amax(1).nonzero().flatten(), change.amax(0).nonzero().flatten()
    assert rows.min() <= 20 <= rows.max() < 48
    assert 48 < columns.min() <= 80 <= columns.max() < 112


def test_each_picture_is_drawn_alone() -> None:
    network, told = seeded(), sticks(3)
    together = network(told)
    for i in range(3):
        torch.testing.assert_close(network(told[i : i + 1]), together[i : i + 1], atol=1e-5, rtol=1e-4)


def sizes(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_plain_residual_and_attention_are_three_networks() -> None:
    plain = seeded(residual=False, attention=False)
    residual = seeded(attention=False)
    attention = seeded(residual=False)
    assert sizes(plain) < sizes(attention) < sizes(residual) < sizes(seeded())
    assert not [name for name in plain.state_dict() if "attend" in name or "second" in name]
    assert [name for name in residual.state_dict() if "second" in name]
    assert "attend.gamma" in attention.state_dict()
    told = sticks()
    pictures = [network(told) for network in (plain, residual, attention)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (pictures[one] - pictures[other]).abs().max() > 1e-2


def test_attention_is_nothing_at_first_and_can_become_something() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(16), torch.randn(2, 16, 5, 4)
    made = attention(x)
    assert torch.equal(made, x)
    (made * torch.randn_like(made)).sum().backward()
    assert attention.gamma.grad is not None
    assert attention.gamma.grad.abs() > 1e-4
    assert not [n for n, w in attention.named_parameters() if n != "gamma" and w.grad is not None and w.grad.any()]


def test_attention_is_what_the_paper_says() -> None:
    """Place by place: what each offers, weighed by how well it answers."""
    torch.manual_seed(0)
    attention, x = SelfAttention(16), torch.randn(1, 16, 3, 4)
    nn.init.constant_(attention.gamma, 0.7)
    made = attention(x)
    asked, offered, value = (part(x)[0].flatten(1) for part in (attention.ask, attention.offer, attention.value))
    taken = torch.zeros_like(value)
    for here in range(12):
        answers = torch.stack([asked[:, here] @ offered[:, there] for there in range(12)])
        share = answers.exp() / answers.exp().sum()
        taken[:, here] = sum(share[there] * value[:, there] for there in range(12))
        torch.testing.assert_close(attention.weights(x)[0, here], share)
    torch.testing.assert_close(made, x + 0.7 * attention.back(taken.reshape(1, 8, 3, 4)), atol=1e-5, rtol=1e-4)


def test_far_places_see_each_other_by_attention_alone() -> None:
    told = sticks(1, 64, 64)
    other = told.clone()
    other[..., :4, :4] += 2
    for attention in (False, True):
        network = seeded(widths=(4, 4), residual=False, attention=attention)
        change = (network(told) - network(other)).abs()[..., -16:, -16:].max()
        assert bool(change > 1e-8) is attention


def test_untrained_weights_are_no_plain_grey() -> None:
    """The state that other tests draw with shows something."""
    config = small_unet_config()
    network = build(config)
    network.load_state_dict(small_state(config))
    assert network.eval()(sticks(1, 32, 32)).std() > 0.1
