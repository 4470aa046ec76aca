"""What training minimises on a map and its labels.

Reference:
    Focal: Lin et al. (ICCV 2017). Dice: Milletari et al. (3DV 2016). Residual-norm contrast:
    after ADPretrain (2511.05245). Dense contrast: InfoNCE (van den Oord et al., 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from pretraining.episodes import DEFECT, GOOD
from pretraining.network import STRIDE

DEFECT_CELL = 0.2  # a cell counts as defect from this share of defect pixels on
MARGIN = 1.5  # wanted between a defect and the hardest good cells, in log distance
HARD_SHARE = 0.02  # of the good cells that count as hard
SHARES = (0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)  # of good cells over the threshold
SOFTNESS = 0.4  # of the step at a threshold, in log distance


def cells(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Labels (E, Q, H, W) to defect and counted cells, both (E, Q, h, w) bool.

    Cells that hold a little of a defect, or touch one, count as neither.
    """
    flat = labels.flatten(0, 1)[:, None]
    share = F.avg_pool2d((flat == DEFECT).float(), STRIDE)
    doubt = F.max_pool2d((flat != GOOD).float(), STRIDE)
    near = F.max_pool2d(doubt, 3, 1, 1)
    defect = share >= DEFECT_CELL
    counted = defect | (near == 0)
    shape = (*labels.shape[:2], *defect.shape[-2:])
    return defect.view(shape), counted.view(shape)


class MapLoss(nn.Module):
    """Focal, Dice and margin on the logarithm of a map; scale and offset are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.offset = nn.Parameter(torch.tensor(-3.0))

    def forward(self, distance: Tensor, defect: Tensor, counted: Tensor) -> dict[str, Tensor]:
        """Each part by name; distance is (E, Q, h, w), at least 0."""
        level = torch.log(distance + 0.05)
        logit = self.scale * level + self.offset
        target = defect.float()
        raw = F.binary_cross_entropy_with_logits(logit, target, reduction="none")
        chance = torch.sigmoid(logit)
        miss = torch.where(defect, 1 - chance, chance)
        weight = weights(defect, counted)
        focal = (weight * miss.square() * raw).sum() / weight.sum()
        chance, target = (x * counted for x in (chance, target))
        both = (chance * target).sum((1, 2, 3))
        dice = 1 - (2 * both + 1) / (chance.sum((1, 2, 3)) + target.sum((1, 2, 3)) + 1)
        return {
            "rank": 4 * ranking(level, defect, counted),
            "focal": focal,
            "dice": 0.25 * dice.mean(),
            "margin": 0.1 * margin(level, defect, counted),
        }


def ranking(level: Tensor, defect: Tensor, counted: Tensor) -> Tensor:
    """What AU-PRO lacks, softly: the share of each query's defect that is missed.

    Averaged over thresholds that let SHARES of the episode's good cells through; every query
    with a defect counts once, whatever the defect's size.
    """
    e = len(level)
    good = torch.where(counted & ~defect, level, torch.full_like(level, -1e4)).view(e, -1)
    ranked = good.sort(dim=1, descending=True).values
    known = (counted & ~defect).view(e, -1).sum(1)
    at = (torch.tensor(SHARES, device=level.device)[None] * known[:, None]).long()
    thresholds = ranked.gather(1, at)
    missed = torch.sigmoid((thresholds[:, :, None, None, None] - level[:, None]) / SOFTNESS)
    amount = defect[:, None].float()
    share = (missed * amount).sum((3, 4)) / amount.sum((3, 4)).clamp(min=1)
    has = (amount.sum((3, 4)) > 0).float()
    return (share * has).sum() / (has.sum() * len(SHARES)).clamp(min=1)


def weights(defect: Tensor, counted: Tensor) -> Tensor:
    """(E, Q, h, w): a query's defect weighs by the root of its size, so that small ones count."""
    size = defect.sum((2, 3), keepdim=True).clamp(min=1).float()
    return torch.where(defect, 4.0 * (16 / size).sqrt().clamp(max=4.0), counted.float())


def margin(level: Tensor, defect: Tensor, counted: Tensor) -> Tensor:
    """How far defects stand above the hardest good cells of their episode, if less than MARGIN."""
    e = len(level)
    good = torch.where(counted & ~defect, level, torch.full_like(level, -1e4)).view(e, -1)
    hard = good.topk(max(int(good.shape[1] * HARD_SHARE), 1), dim=1).values.mean(1)
    short = F.relu(MARGIN + hard[:, None, None, None] - level)
    amount = weights(defect, counted) * defect
    return (short * amount).sum() / (amount.sum() + 1)


def dense_contrast(normals: Tensor, source: torch.Generator, count: int = 96) -> Tensor:
    """The same place in two normals is alike, other places are not; (E, K, C, h, w)."""
    e, k = normals.shape[:2]
    flat = F.normalize(normals.flatten(3), dim=2)
    places = torch.randperm(flat.shape[3], generator=source)[:count]
    one, two = flat[:, 0, :, places], flat[:, min(1, k - 1), :, places]
    logits = one.mT @ two / 0.1
    target = torch.arange(len(places)).expand(e, -1)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def norm_contrast(normals: Tensor, queries: Tensor, defect: Tensor, counted: Tensor) -> Tensor:
    """Residuals of good cells are short, those of defects long, in units of the feature spread."""
    mean = normals.mean(1, keepdim=True)
    spread = mean.var((3, 4), keepdim=True).mean(2, keepdim=True).sqrt() + 1e-3
    length = ((queries - mean) / spread).square().mean(2).add(1e-6).sqrt()
    good = (counted & ~defect).float()
    pull = (length.square() * good).sum() / (good.sum() + 1)
    push = (F.relu(1 - length).square() * defect).sum() / (defect.sum() + 1)
    return pull + push
