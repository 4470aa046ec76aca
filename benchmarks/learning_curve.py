"""How a detector gets better with the number of normals: 1, 5, 25, 100.

    OFFSPEC_DATA=... python -m benchmarks.learning_curve [--detector reference] [--counts 1 5]
        [--resolution fast] [--no-practice] [--json FILE] [--svg FILE]

On bsdata (25 normals a position at most) and on the practice product (100). The reference stays
the same; the other normals are drawn at random with the seed. No threshold is involved: maps are
compared with masks at original resolution. Beside it stands what so many normals can promise when
each is held out once: at most this share of good images is stopped, with 95 % confidence.
Practice figures are drawn pictures, no claim.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import data_root, environment, print_table, write_result
from benchmarks.real_data import BSDATA
from offspec.bundle import Bundle
from offspec.calibration import MIN_NORMALS, guarantee_upper
from offspec.chart_frame import Tone
from offspec.charts import Series, line_chart, standalone
from offspec.crossfit import Learner
from offspec.datasets import read_dataset
from offspec.fit_plan import FitConfig, plan
from offspec.fitting import draft_bundle
from offspec.images import read_image
from offspec.metrics import PixelRanking
from offspec.practice import make_practice
from offspec.runtime import Inspector

COUNTS = (1, 5, 25, 100)
PRACTICE_IMAGES = 230  # 1 + about 114 normals


def bundle_of(
    root: Path, template: Path | None, count: int, seed: int, config: FitConfig
) -> Bundle | None:
    """A model of ``count`` normals, uncalibrated; None when there are not so many."""
    job = plan(root, template, config, lambda *_: None)
    if len(job.records) + 1 < count:
        return None
    order = np.random.default_rng((seed, count)).permutation(len(job.records))[: count - 1]
    job.records = tuple(job.records[i] for i in sorted(order.tolist()))
    learner = Learner(job)
    usable = learner.embed_all(lambda *_: None)
    learner.fit_all(usable)
    return draft_bundle(job, learner, usable)


def figures(bundle: Bundle, root: Path) -> tuple[float, float]:
    """AU-PRO(0.30) and pixel AUROC on the test images."""
    inspector = Inspector(bundle)
    maps, truths = [], []
    for record in read_dataset(root, need_normals=False).test:
        image = read_image(record.path)
        truth = record.gt_mask((image.shape[0], image.shape[1]))
        found = inspector.inspect(image).anomaly_map
        if truth is not None and found is not None:
            maps.append(found)
            truths.append(truth)
    ranking = PixelRanking.from_maps(maps, truths)
    return ranking.aupro(0.3), ranking.auroc()


def run(
    name: str,
    roots: Sequence[Path],
    template: str | None,
    args: argparse.Namespace,
) -> list[dict[str, object]]:
    """One row per number of normals: means over roots and seeds, lowest and highest."""
    rows: list[dict[str, object]] = []
    config = FitConfig(
        detector=args.detector,
        mode="pixel",
        resolution=args.resolution,
        align="similarity",
        kind="object",
        threads=args.threads,
    )
    for count in args.counts:
        pairs = []
        for root in roots:
            for seed in range(1 if count == 1 else args.seeds):
                drawn = None if template is None else root / template
                bundle = bundle_of(root, drawn, count, seed, config)
                if bundle is not None:
                    pairs.append(figures(bundle, root))
        if pairs:
            aupro, auroc = np.array(pairs).T
            rows.append(
                {
                    "set": name,
                    "normals": count,
                    "runs": len(pairs),
                    "aupro_30": float(aupro.mean()),
                    "aupro_low": float(aupro.min()),
                    "aupro_high": float(aupro.max()),
                    "pixel_auroc": float(auroc.mean()),
                    "guarantee": guarantee_upper(count - 1, 1) if count > MIN_NORMALS else None,
                }
            )
            print(rows[-1], flush=True)
    return rows


def chart(rows: Sequence[dict[str, object]]) -> str:
    """The table as a picture."""
    series = []
    styles: tuple[tuple[Tone, str], ...] = (("ok", "bsdata"), ("warn", "practice"))
    for tone, name in styles:
        own = [row for row in rows if row["set"] == name]
        series.append(
            Series(
                name,
                [float(str(row["aupro_30"])) for row in own],
                tone,
                x=[float(str(row["normals"])) for row in own],
            )
        )
    return standalone(
        line_chart(
            series,
            title="More normals, better maps",
            x_label="normal images",
            y_label="AU-PRO (0.30), mean",
            log_x=True,
        )
    )


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="random draws of the normals")
    parser.add_argument("--detector", default="reference")
    parser.add_argument("--counts", nargs="+", type=int, default=list(COUNTS))
    parser.add_argument("--resolution", default="fast")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--no-practice", action="store_true", help="photographs only")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    args = parser.parse_args()
    rows = run("bsdata", [data_root() / name for name in BSDATA], None, args)
    if not args.no_practice:
        with tempfile.TemporaryDirectory() as folder:
            root = make_practice(Path(folder), PRACTICE_IMAGES)
            rows += run("practice", [root], "template.json", args)
    print_table(list(rows[0]), [list(row.values()) for row in rows])
    if args.svg is not None:
        args.svg.write_text(chart(rows), encoding="utf-8")
    write_result(args.json, {"environment": environment(None), "rows": rows})


if __name__ == "__main__":
    main()
