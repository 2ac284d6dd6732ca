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
