"""Episodes: good images of one made product, and query images with made defects.

    python -m pretraining.episodes POOL OUT --count 4000 --seed 0 [--held-out-makers]

One episode is NORMALS good images and QUERIES query images of a scene. Three kinds:

* ``fixed``: a canvas, seen again under nuisance;
* ``mixed``: a canvas on whose surface, or in a part of which, a material differs in each image;
* ``texture``: a material only; every image shows another place of it.

Episodes are rendered once and stored as 8 bit, so that training reads them from a memory map.
Every chunk of CHUNK episodes has its own seed: how many workers render never changes a result.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pretraining.defects import HELD_OUT_MAKERS, MAKERS, Maker
from pretraining.fields import Source, blob_mask, blur, each, noise_mask, sample
from pretraining.nuisance import camera, later, positions, surface
from pretraining.pool import Pool, load_pool

SIDE = 128
NORMALS, QUERIES = 16, 2
IMAGES = NORMALS + QUERIES
CHUNK = 8
KINDS = ("fixed", "mixed", "texture")
KIND_SHARES = (0.35, 0.35, 0.3)
DEFECT_SHARE = 0.85  # of query images
VISIBLE = 0.01  # mean change of grey value from which a made defect counts as seen
NEAREST, FARTHEST = 0.35, 1.25  # scene pixels an image pixel: native crops are drawn larger
SOFT = 0.6  # lens blur in image pixels, for each scene pixel that is shared by further pixels
GOOD, DEFECT, IGNORE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Episodes:
    """A chunk.

    Attributes:
        images: (E, IMAGES, 3, SIDE, SIDE) uint8, the NORMALS first.
        labels: (E, QUERIES, SIDE, SIDE) uint8: GOOD, DEFECT or IGNORE (there, but hardly seen).
        kinds: (E,) index into KINDS.
        programs: (E,) index into the pool's programs of what covers the scene, -1 where mixed.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    kinds: NDArray[np.int64]
    programs: NDArray[np.int64]


def render(pool: Pool, makers: dict[str, Maker], seed: int, device: torch.device) -> Episodes:
    """CHUNK episodes from one seed."""
    source = Source(seed, device)
    rng = np.random.default_rng(seed)
    kinds = rng.choice(len(KINDS), CHUNK, p=KIND_SHARES)
    texture = kinds == KINDS.index("texture")
    base = [pool.draw(rng, texture=bool(t) and rng.random() < 0.85) for t in texture]
    other = [pool.draw(rng, texture=rng.random() < 0.7) for _ in range(CHUNK)]
    foreign = [pool.draw(rng, texture=False) for _ in range(CHUNK)]
    stray = later(CHUNK, IMAGES, QUERIES, device)
    zoom = source.log_uniform(CHUNK, low=NEAREST, high=FARTHEST)
    clean = _clean(source, pool, kinds, base, other, zoom)
    clean = surface(source, clean, CHUNK, stray)
    queries = clean.view(CHUNK, IMAGES, 3, SIDE, SIDE)[:, NORMALS:]
    queries = queries.reshape(CHUNK * QUERIES, 3, SIDE, SIDE)
    fill = _windows(source, pool, foreign, QUERIES, move=True)
    changed, mask = spoil(source, makers, queries, _cut(fill))
    scene = clean.view(CHUNK, IMAGES, 3, SIDE, SIDE).clone()
    scene[:, NORMALS:] = changed.view(CHUNK, QUERIES, 3, SIDE, SIDE)
    lens = SOFT * (1 / zoom - 1).clamp(min=0) * source.uniform(CHUNK)
    finished = camera(source, scene.view(-1, 3, SIDE, SIDE), CHUNK, stray, lens)
    labels = label(queries, changed, mask)
    programs = pool.of[base]
    return Episodes(
        (finished * 255).round().byte().view(CHUNK, IMAGES, 3, SIDE, SIDE).cpu().numpy(),
        labels.byte().view(CHUNK, QUERIES, SIDE, SIDE).cpu().numpy(),
        kinds.astype(np.int64),
        np.where(kinds == KINDS.index("mixed"), -1, programs),
    )


def label(clean: Tensor, changed: Tensor, mask: Tensor) -> Tensor:
    """(N, 1, H, W) labels: a defect where one was made and is seen, doubtful where one of both.

    Args:
        clean: (N, 3, H, W) before the defect.
        changed: After.
        mask: (N, 1, H, W) in [0, 1], what the maker says.
    """
    sigma = torch.full((len(clean),), 0.8).to(clean)
    seen = blur((changed - clean).abs().mean(1, keepdim=True), sigma) > VISIBLE
    labels = torch.where(mask > 0.5, torch.where(seen, DEFECT, IGNORE), GOOD)
    return torch.where((labels == GOOD) & seen, IGNORE, labels)


def _clean(
    source: Source, pool: Pool, kinds: NDArray[np.int64], base: list[int], other: list[int],
    zoom: Tensor,
) -> Tensor:  # fmt: skip
    """(CHUNK * IMAGES, 3, SIDE, SIDE): every image of every episode before light and camera."""
    y, x = positions(source, CHUNK, IMAGES, SIDE)
    level = torch.from_numpy(kinds == KINDS.index("texture")).to(source.device)
    zoom = zoom.repeat_interleave(IMAGES)[:, None, None]
    fixed = sample(_windows(source, pool, base, IMAGES, move=False), y * zoom, x * zoom)
    moving = sample(_windows(source, pool, base, IMAGES, move=True), y * zoom, x * zoom)
    loose = _cut(_windows(source, pool, other, IMAGES, move=True))
    where = noise_mask(source, CHUNK, SIDE, source.uniform(CHUNK, low=0.1, high=0.7))
    shaped = blob_mask(source, CHUNK, SIDE, source.uniform(CHUNK, low=0.1, high=0.6))
    everywhere = torch.ones_like(shaped)
    choice = each(source.below(3, CHUNK))
    where = torch.where(choice == 0, where, torch.where(choice == 1, shaped, everywhere))
    where = where.repeat_interleave(IMAGES, 0)
    relief = torch.exp((loose - loose.mean((2, 3), keepdim=True)) * 1.5)
    rough = fixed * (1 + (relief - 1) * each(source.log_uniform(CHUNK, low=0.05, high=0.8))
                     .repeat_interleave(IMAGES, 0))  # fmt: skip
    surface = each(source.coin(CHUNK, p=0.6) | (choice[:, 0, 0, 0] == 2))
    filled = torch.where(surface.repeat_interleave(IMAGES, 0), rough, loose)
    mixed = fixed + where * (filled - fixed)
    which = torch.from_numpy(kinds).to(source.device).repeat_interleave(IMAGES)
    found = torch.where(each(which == KINDS.index("mixed")), mixed, fixed)
    found = torch.where(each(level.repeat_interleave(IMAGES)), moving, found)
    return found.clamp(0, 1)


def _windows(source: Source, pool: Pool, items: list[int], images: int, *, move: bool) -> Tensor:
    """(len(items) * images, 3, 192, 192) cuts of canvases, whole ones at half resolution in half.

    Args:
        source: Random numbers.
        pool: Canvases.
        items: Canvas per episode.
        images: An episode.
        move: Each image gets its own place, rather than all the same.
    """
    half = pool.side // 2
    coarse = source.coin(len(items), p=0.4).tolist()
    turns = source.below(4, len(items)).tolist()
    found = []
    for item, small, turn in zip(items, coarse, turns, strict=True):
        canvas = torch.from_numpy(np.array(pool.canvases[item])).to(source.device)
        canvas = canvas.permute(2, 0, 1).float().rot90(int(turn), (1, 2)) / 255
        if small:
            canvas = F.avg_pool2d(canvas, 2)
            canvas = torch.cat([canvas, canvas.flip(2)], 2)
            canvas = torch.cat([canvas, canvas.flip(1)], 1)  # mirrored: a place for every shift
        starts = source.below(half + 1, images if move else 1, 2)
        if small and not move:
            starts = torch.zeros_like(starts)
        for top, left in starts.expand(images, 2).tolist():
            found.append(canvas[:, top : top + half, left : left + half])
    return torch.stack(found)


def _cut(windows: Tensor) -> Tensor:
    start = (windows.shape[-1] - SIDE) // 2
    return windows[..., start : start + SIDE, start : start + SIDE]


def spoil(
    source: Source, makers: dict[str, Maker], queries: Tensor, foreign: Tensor
) -> tuple[Tensor, Tensor]:
    """Up to three defects on most queries; each by a maker of its own."""
    names = sorted(makers)
    found = queries.clone()
    mask = torch.zeros_like(queries[:, :1])
    chosen = source.coin(len(queries), p=DEFECT_SHARE)
    for round_ in range(3):
        take = chosen if round_ == 0 else chosen & source.coin(len(queries), p=0.3)
        which = source.below(len(names), len(queries))
        for i, name in enumerate(names):
            index = torch.nonzero(take & (which == i))[:, 0]
            if len(index) == 0:
                continue
            changed, where = makers[name](source, found[index], foreign[index])
            found[index] = changed.clamp(0, 1)
            mask[index] = torch.maximum(mask[index], where)
    return found, mask


# -- storing ------------------------------------------------------------------


def _work(job: tuple[str, str, int, int, bool]) -> tuple[int, list[int], list[int]]:
    pool_path, out, chunk, seed, held_out = job
    torch.set_num_threads(1)
    pool = load_pool(Path(pool_path))
    makers = HELD_OUT_MAKERS if held_out else MAKERS
    state = int(np.random.SeedSequence([seed, chunk]).generate_state(1)[0])
    found = render(pool, makers, state, torch.device("cpu"))
    span = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
    np.load(Path(out) / "images.npy", mmap_mode="r+")[span] = found.images
    np.load(Path(out) / "labels.npy", mmap_mode="r+")[span] = found.labels
    return chunk, found.kinds.tolist(), found.programs.tolist()


def store(
    pool: Path, out: Path, count: int, seed: int, *, held_out: bool = False, workers: int = 2
) -> None:
    """Render ``count`` episodes (rounded up to whole chunks) into a folder."""
    chunks = -(-count // CHUNK)
    out.mkdir(parents=True, exist_ok=True)
    shape = (chunks * CHUNK, IMAGES, 3, SIDE, SIDE)
    np.lib.format.open_memmap(out / "images.npy", "w+", np.uint8, shape).flush()
    labels = (chunks * CHUNK, QUERIES, SIDE, SIDE)
    np.lib.format.open_memmap(out / "labels.npy", "w+", np.uint8, labels).flush()
    start = time.perf_counter()
    rows: dict[int, tuple[list[int], list[int]]] = {}
    jobs = [(str(pool), str(out), chunk, seed, held_out) for chunk in range(chunks)]
    with ProcessPoolExecutor(workers) as executor:
        for chunk, kinds, programs in executor.map(_work, jobs):
            rows[chunk] = (kinds, programs)
            if chunk % 20 == 19:
                print(f"{(chunk + 1) * CHUNK} episodes, {time.perf_counter() - start:.0f} s")
    index = {
        "seed": seed,
        "held_out_makers": held_out,
        "seconds": round(time.perf_counter() - start, 1),
        "kinds": [k for chunk in range(chunks) for k in rows[chunk][0]],
        "programs": [p for chunk in range(chunks) for p in rows[chunk][1]],
        "program_names": load_pool(pool).programs,
    }
    (out / "index.json").write_text(json.dumps(index))


def main() -> None:
    """Parse and render."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--held-out-makers", action="store_true")
    args = parser.parse_args()
    store(
        args.pool, args.out, args.count, args.seed,
        held_out=args.held_out_makers, workers=args.workers,
    )  # fmt: skip


if __name__ == "__main__":
    main()
