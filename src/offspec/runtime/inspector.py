"""``Inspector``: an image in, a verdict out. The one path of every program."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from offspec.bundle.model import Bundle
from offspec.bundle.read import read_bundle
from offspec.calibration import PixelThreshold, draw_mask, image_verdict
from offspec.geometry import paste_region
from offspec.outlines import Outline, fill, outline_components
from offspec.runtime.base import Runtime
from offspec.runtime.onnxruntime import OnnxRuntime
from offspec.runtime.sampler import Prepared, Sampler
from offspec.runtime.warm import KeepWarm
from offspec.types import (
    Defect,
    FloatArray,
    GateFailure,
    ImageArray,
    Inspection,
    RegionResult,
)


class Inspector:
    """Runs a bundle on images; safe to share between threads.

    Args:
        bundle: A fitted model, or its file.
        threads: CPU threads of one inference; None = all this process may use. The result
            does not depend on it.
        warm_up: Run every graph once now, so that the first image is as fast as the others.
        keep_warm: Keep the graphs ready between rare images by running them now and then in
            the background; costs processor time. Call ``close`` at the end.
        runtimes: Others than ONNX Runtime, one per graph group; for tests.

    Example:
        >>> inspection = Inspector("part.offspec").inspect(read_image("part.png"))
        >>> inspection.verdict, inspection.regions[0].deviation_score
        ('ok', 0.12)
    """

    def __init__(
        self,
        bundle: Bundle | Path | str,
        *,
        threads: int | None = None,
        warm_up: bool = True,
        keep_warm: bool = False,
        runtimes: Sequence[Runtime] | None = None,
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
        manifest = self.bundle.manifest
        self.sampler = Sampler(
            manifest.template,
            manifest.tiles,
            manifest.groups,
            manifest.bits,
            self.bundle.reference,
            manifest.gate_limits,
        )
        self._runtimes: tuple[Runtime, ...] = tuple(
            runtimes
            if runtimes is not None
            else (
                OnnxRuntime(
                    graph,
                    threads=threads,
                    keep_warm=keep_warm,
                    name=group.file,
                    n_slots=group.n_slots,
                )
                for graph, group in zip(self.bundle.graphs, manifest.groups, strict=True)
            )
        )
        if warm_up or keep_warm:
            self.warm_up()
        self._warm = KeepWarm(self.warm_up) if keep_warm else None

    def __enter__(self) -> Inspector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop keeping warm; the inspector stays usable."""
        if self._warm is not None:
            self._warm.stop()

    def warm_up(self) -> None:
        """Run every graph once on empty crops."""
        for group, runtime, slots in zip(
            self.bundle.manifest.groups, self._runtimes, self.sampler.slots, strict=True
        ):
            runtime.infer(np.zeros((group.n_slots, 3, *group.net_hw), np.float32), slots)

    # -- the whole path ----------------------------------------------------

    def inspect(self, image: ImageArray, *, with_map: bool = True) -> Inspection:
        """Judge one image.

        Args:
            image: (H, W, 3) RGB, uint8 or uint16 as the model was fitted on; not changed.
            with_map: Also paste the anomaly map and draw the mask in image pixels. Verdicts,
                scores and outlines are the same without, and cheaper.

        Returns:
            Verdict, scores and outlines. ``timing_ms`` has align (gate included), crop, infer,
            draw (scores, outlines, map and mask) and total; decoding is the caller's.

        Raises:
            ShapeError: Not (H, W, 3), or another bit depth than the model was fitted on.
            RuntimeBackendError: The graph failed.
        """
        if self._warm is not None:
            self._warm.used()
        start = time.perf_counter()
        alignment, failure = self.sampler.align(image)
        aligned = time.perf_counter()
        prepared = self.sampler.cut(image, alignment, failure)
        cut = time.perf_counter()
        maps = self.maps(prepared)
        inferred = time.perf_counter()
        timing = {
            "align": 1e3 * (aligned - start),
            "crop": 1e3 * (cut - aligned),
            "infer": 1e3 * (inferred - cut),
        }
        return self.finish(prepared, maps, with_map=with_map, timing_ms=timing)

    def inspect_batch(
        self, images: Sequence[ImageArray], *, with_map: bool = True
    ) -> list[Inspection]:
        """Judge several images; each result is the one ``inspect`` gives, to the last bit.

        Crops are run one by one: the arithmetic of a larger batch differs in the last bit, a
        verdict may not depend on batch mates, and a batch leaves the processor's cache.
        """
        return [self.inspect(image, with_map=with_map) for image in images]

    # -- its pieces, used by calibration folds and evaluation --------------

    def prepare(self, image: ImageArray) -> Prepared:
        """Align, gate and cut an image."""
        return self.sampler.prepare(image)

    def maps(
        self,
        prepared: Prepared,
        known: tuple[Prepared, Sequence[FloatArray]] | None = None,
    ) -> tuple[FloatArray, ...]:
        """Network maps, one (n_slots, h, w) array per graph group; none if the gate failed.

        Args:
            prepared: The image.
            known: Another image and its maps; crops equal to its crops are not run again. The
                result is the same to the last bit.
        """
        if prepared.failure is not None:
            return ()
        if known is not None and known[0].failure is None:
            return self._changed_maps(prepared, known[0], known[1])
        return tuple(
            runtime.infer(crops, slots)
            for runtime, crops, slots in zip(
                self._runtimes, prepared.crops, self.sampler.slots, strict=True
            )
        )

    def _changed_maps(
        self, prepared: Prepared, known: Prepared, known_maps: Sequence[FloatArray]
    ) -> tuple[FloatArray, ...]:
        found: list[FloatArray] = []
        for at, runtime in enumerate(self._runtimes):
            crops, slots = prepared.crops[at], self.sampler.slots[at]
            equal = [np.array_equal(a, b) for a, b in zip(crops, known.crops[at], strict=True)]
            changed = np.flatnonzero(~np.array(equal))
            maps = np.array(known_maps[at])
            if changed.size:
                maps[changed] = runtime.infer(crops[changed], slots[changed])
            found.append(maps)
        return tuple(found)

    def score(self, prepared: Prepared, maps: Sequence[FloatArray]) -> dict[str, float]:
        """Raw score of every region that can be judged, by region id."""
        if prepared.failure is not None:
            return {}
        regions = self.sampler.region_maps(maps)
        return self.sampler.scores(prepared, regions, self.bundle.manifest.score_k)

    def finish(
        self,
        prepared: Prepared,
        maps: Sequence[FloatArray],
        *,
        with_map: bool = True,
        timing_ms: Mapping[str, float] | None = None,
    ) -> Inspection:
        """Scores, verdicts, outlines, and the map and mask when asked for."""
        start = time.perf_counter()
        manifest = self.bundle.manifest
        region_maps = self.sampler.region_maps(maps) if prepared.failure is None else []
        raws = self.sampler.scores(prepared, region_maps, manifest.score_k)
        regions: list[RegionResult] = []
        outlines: list[Outline] = []
        for index, place in enumerate(self.sampler.places):
            raw = raws.get(place.region.id)
            found: list[Outline] = []
            if raw is not None:
                found = self._outlines(index, prepared, region_maps[index], raw)
            outlines += found
            failure = None if raw is not None else self._why(prepared, index)
            regions.append(self._region(index, raw, failure, found))
        anomaly_map, mask = None, None
        if with_map:
            anomaly_map = self._paste(prepared, region_maps, raws)
            mask = np.zeros(prepared.image_hw, np.bool_)
            fill(outlines, mask)
        timing = dict(timing_ms or {})
        timing["draw"] = 1e3 * (time.perf_counter() - start)
        timing["total"] = sum(timing.values())
        scores = [r.deviation_score for r in regions if r.deviation_score is not None]
        return Inspection(
            verdict=image_verdict([r.verdict for r in regions]),
            deviation_score=max(scores, default=None),
            alignment=prepared.alignment,
            regions=tuple(regions),
            timing_ms=timing,
            anomaly_map=anomaly_map,
            mask=mask,
        )

    # -- details -----------------------------------------------------------

    def _why(self, prepared: Prepared, index: int) -> GateFailure:
        """Why a region has no score."""
        if prepared.failure is not None:
            return prepared.failure
        known = prepared.region_failures.get(index)
        if known is not None:
            return known
        name = self.sampler.places[index].region.name
        return GateFailure(
            "outside",
            f"Region '{name}' has no pixel on the image. It has to lie on it. Reposition the part.",
        )

    def _region(
        self,
        index: int,
        raw: float | None,
        failure: GateFailure | None,
        outlines: Sequence[Outline],
    ) -> RegionResult:
        calibration = self.bundle.manifest.calibration
        region = self.sampler.places[index].region
        return RegionResult(
            id=region.id,
            name=region.name,
            verdict=calibration.region_verdict(region.id, raw),
            deviation_score=None if raw is None else calibration.deviation(region.id, raw),
            raw_score=raw,
            log_p=None if raw is None else calibration.log_p(region.id, raw),
            threshold_raw=calibration.region_threshold_raw(region.id),
            threshold_status=calibration.region_status(region.id),
            reason=failure,
            defect_probability=(
                None if raw is None else calibration.defect_probability(region.id, raw)
            ),
            defects=tuple(
                Defect(
                    polygon=outline.polygon(),
                    area_px=outline.area_px,
                    deviation_score=calibration.deviation(region.id, outline.peak_raw),
                    peak_raw=outline.peak_raw,
                )
                for outline in outlines
            ),
        )

    def _outlines(
        self, index: int, prepared: Prepared, values: FloatArray, raw: float
    ) -> list[Outline]:
        """Outlines of a region; none on ok regions, whose weak components are in the map only."""
        place = self.sampler.places[index]
        calibration = self.bundle.manifest.calibration
        if calibration.region_verdict(place.region.id, raw) == "ok":
            return []
        threshold: PixelThreshold = self.bundle.manifest.pixel_thresholds[place.region.id]
        mask = prepared.masks[index]
        drawn = draw_mask(values, mask, threshold, always_max=True)
        to_image = prepared.region_alignments[index].matrix @ place.grid.to_reference
        peak = float(values.max() if mask is None else values[mask].max())
        level = threshold.extent_level(peak)
        return outline_components(values, drawn, mask, level, to_image)

    def _paste(
        self,
        prepared: Prepared,
        region_maps: Sequence[FloatArray],
        raws: Mapping[str, float],
    ) -> FloatArray:
        """The anomaly map in image pixels; 0 outside the regions and on invalid ones."""
        out = np.zeros(prepared.image_hw, np.float32)
        for index, place in enumerate(self.sampler.places):
            if place.region.id in raws:
                paste_region(
                    region_maps[index],
                    place.grid,
                    place.reference_mask,
                    prepared.region_alignments[index],
                    out,
                )
        return out
