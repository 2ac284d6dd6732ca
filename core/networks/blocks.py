"""Parts that several networks are made of."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Excitation(nn.Module):
    """Squeeze-and-excitation (Hu et al., CVPR 2018, eq. 2 to 4) on vectors (B, N): every unit is weighted by all of them."""

    def __init__(self, width: int, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, max(width // reduction, 4))
        self.excite = nn.Linear(max(width // reduction, 4), width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N) to (B, N)."""
        # twice the sigmoid, so that an untrained block lets through what it gets
        return x * (2 * self.excite(self.squeeze(x).relu()).sigmoid())


class ResidualBlock(nn.Module):
    """Two fully connected layers around a skip, (B, N) to (B, N), with dropout and, where asked for, excitation."""

    def __init__(self, width: int, dropout: float, *, excitation: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.weigh = Excitation(width) if excitation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, N) to (B, N)."""
        inner = self.dropout(functional.gelu(self.first(self.norm(x))))
        return x + self.weigh(self.second(inner))


class Step(nn.Module):
    """Convolution 3×3, batch norm, ReLU."""

    def __init__(self, narrow: int, wide: int, stride: int = 1) -> None:
        super().__init__()
        self.convolve = nn.Conv2d(narrow, wide, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(wide)

    def forward(self, x: Tensor) -> Tensor:
        """(B, narrow, h, w) to (B, wide, h / stride, w / stride)."""
        return functional.relu(self.norm(self.convolve(x)))


class Residual(nn.Module):
    """Two steps around a skip (He et al., CVPR 2016), (B, C, h, w) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Step(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return functional.relu(x + self.second(self.first(x)))
