"""The network: a stem at stride 4 and three stages at strides 4, 8 and 16, all of plain parts.

Convolution, ReLU and batch normalisation that folds away; borders repeat the edge pixel, as
everywhere in offspec's graphs. The first layer starts from the ``bank`` filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

from offspec.backbones import BLACK, TONE_SCALE

STRIDE = 4
OPPONENT = ((1 / 3, 1 / 3, 1 / 3), (1.0, -1.0, 0.0), (0.5, 0.5, -1.0))


@dataclass(frozen=True, slots=True)
class Size:
    """Widths of one network.

    Attributes:
        name: As in the weights file.
        stem: First filters, stride 2.
        widths: Channels at strides 4, 8 and 16.
        blocks: Residual blocks at strides 4, 8 and 16.
        expand: Inner width of the blocks at stride 16, times the outer.
        outputs: Feature channels taken from strides 4, 8 and 16.
    """

    name: str
    stem: int
    widths: tuple[int, int, int]
    blocks: tuple[int, int, int]
    expand: int
    outputs: tuple[int, int, int]


SIZES = {
    "nano": Size("nano", 24, (32, 80, 160), (1, 2, 2), 1, (16, 20, 12)),
    "small": Size("small", 32, (40, 96, 256), (1, 2, 2), 1, (24, 32, 24)),
}


class ConvNorm(nn.Module):
    """Convolution with repeated border, then batch normalisation, then ReLU if asked."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        relu: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.kernel, self.relu, self.depthwise = stride, kernel, relu, depthwise
        groups = inputs if depthwise else 1
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to [N, O, H / stride, W / stride]."""
        total = max(self.kernel - self.stride, 0)
        if total:
            before, after = total // 2, total - total // 2
            x = F.pad(x, (before, after, before, after), mode="replicate")
        x = self.norm(self.conv(x))
        return F.relu(x) if self.relu else x

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the same map without the normalisation, as at inference."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None and variance is not None  # noqa: PT018, S101 - for the type checker
        gain = self.norm.weight / (variance + self.norm.eps).sqrt()
        bias = self.norm.bias - mean * gain
        return self.conv.weight * gain[:, None, None, None], bias


class Block(nn.Module):
    """Residual: a depthwise 5 x 5, then one or two mixings of the channels."""

    def __init__(self, width: int, inner: int | None) -> None:
        super().__init__()
        self.spread = ConvNorm(width, width, 5, depthwise=True)
        self.mix = ConvNorm(width, inner or width, 1, relu=True)
        self.back = ConvNorm(inner, width, 1) if inner else None

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        y: Tensor = self.mix(self.spread(x))
        if self.back is not None:
            y = self.back(y)
        return x + y


class Network(nn.Module):
    """Crops [N, 3, H, W] in [0, 1] to features [N, C, H / 4, W / 4].

    H and W have to be multiples of 16.
    """

    opponent: Tensor

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        w4, w8, w16 = size.widths
        b4, b8, b16 = size.blocks
        self.register_buffer("opponent", torch.tensor(OPPONENT)[:, :, None, None])
        self.stem = ConvNorm(3, size.stem, 3, stride=2, relu=True)
        self.patch = ConvNorm(size.stem, w4, 2, stride=2, relu=True)
        self.stage4 = nn.Sequential(*(Block(w4, None) for _ in range(b4)))
        self.down8 = nn.Sequential(
            ConvNorm(w4, w4, 3, stride=2, depthwise=True), ConvNorm(w4, w8, 1, relu=True)
        )
        self.stage8 = nn.Sequential(*(Block(w8, None) for _ in range(b8)))
        self.down16 = nn.Sequential(
            ConvNorm(w8, w8, 3, stride=2, depthwise=True), ConvNorm(w8, w16, 1, relu=True)
        )
        self.stage16 = nn.Sequential(*(Block(w16, w16 * size.expand) for _ in range(b16)))
        self.heads = nn.ModuleList(
            nn.Conv2d(w, o, 1, bias=False) for w, o in zip(size.widths, size.outputs, strict=True)
        )
        self._start()

    @property
    def channels(self) -> int:
        """Of the features."""
        return sum(self.size.outputs)

    def stages(self, crop: Tensor) -> list[Tensor]:
        """Activations at strides 4, 8 and 16."""
        tone = torch.log(crop + BLACK) * TONE_SCALE
        x = F.conv2d(tone, self.opponent)
        x = self.stage4(self.patch(self.stem(x)))
        x8 = self.stage8(self.down8(x))
        return [x, x8, self.stage16(self.down16(x8))]

    def joined(self, stages: list[Tensor]) -> Tensor:
        """Features from ``stages``; those of strides 8 and 16 are enlarged to stride 4."""
        found = []
        for i, (x, head) in enumerate(zip(stages, self.heads, strict=True)):
            y = head(x)
            if i:
                y = F.interpolate(y, scale_factor=2**i, mode="bilinear", align_corners=False)
            found.append(y)
        return torch.cat(found, dim=1)

    def forward(self, crop: Tensor) -> Tensor:
        """Features of crops."""
        return self.joined(self.stages(crop))

    def _start(self) -> None:
        """Kaiming everywhere; the stem from the bank's derivatives and colours."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        with torch.no_grad():
            for row, kernel in zip(self.stem.conv.weight, bank_filters(), strict=False):
                row.copy_(kernel * (1.5 / kernel.norm()))


def bank_filters() -> Iterator[Tensor]:
    """(3, 3, 3) filters over tone and two colour differences, as ``bank`` has them."""
    smooth, edge = torch.tensor([1.0, 2, 1]), torch.tensor([-1.0, 0, 1])
    bend = torch.tensor([1.0, -2, 1])
    d = {
        "x": torch.outer(smooth, edge), "y": torch.outer(edge, smooth),
        "xx": torch.outer(smooth, bend), "yy": torch.outer(bend, smooth),
        "xy": torch.outer(edge, edge),
    }  # fmt: skip

    def on(channel: int, kernel: Tensor) -> Tensor:
        weight = torch.zeros(3, 3, 3)
        weight[channel] = kernel
        return weight

    for step in range(8):
        angle = torch.tensor(step * torch.pi / 4)
        yield on(0, torch.cos(angle) * d["x"] + torch.sin(angle) * d["y"])
    for name in ("xx", "yy", "xy"):
        yield on(0, d[name])
        yield on(0, -d[name])
    average = torch.outer(smooth, smooth) / 16
    for channel in range(3):
        yield on(channel, average)
        yield on(channel, -average)


def cost(size: Size, side: int = 256) -> tuple[int, int]:
    """Parameters after folding, and multiply-adds of one square crop."""
    network = Network(size).eval()
    macs = 0

    def count(module: nn.Module, _: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal macs
        weight = module.weight
        assert isinstance(weight, Tensor)  # noqa: S101 - for the type checker
        macs += weight[0].numel() * out[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, side, side))
    folded = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    folded += sum(m.norm.num_features for m in network.modules() if isinstance(m, ConvNorm))
    return folded, macs
