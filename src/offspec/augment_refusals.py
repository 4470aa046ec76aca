"""What augmentation is refused, because it would make a defect normal.

A copy becomes normal by decree. So whatever would make a defect normal is refused here, by what
the normals themselves measure: a mirrored or turned part where the part has an orientation, a
displacement as large as the defects asked for, blur and noise that hide them, and light that the
gate would call invalid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from offspec.augment import Augmentation, Variation, extremes
from offspec.errors import OptionError
from offspec.fit_plan import SAMPLE, Job
from offspec.gate import check_light
from offspec.geometry import RegionGrid, visible_mask
from offspec.images import read_image, to_unit
from offspec.orientation import LEAST_TO_COMPARE, Looks
from offspec.runtime.sampler import Sampler
from offspec.template import Region
from offspec.types import Alignment, ImageArray

LIT = 6  # normals whose light is varied to look at it
FILLED_SHARE = 0.1  # of a region that may lie beyond the image, where nothing is learned
CLIPPED_SHARE = 0.05  # of the pixels that a change of light may newly drive to black or white
BLURRED_SHARE = 0.5  # of its contrast that the smallest defect has to keep under blur
FAINT = 0.05  # contrast of a faint defect, share of full scale
ROSE = 5.0  # contrast to noise from which something is seen, over its whole area
LIGHT = ("brightness", "contrast", "colour", "blur")
_GRID = 64


def refuse_augmentation(job: Job, sampler: Sampler) -> None:
    """Stop before anything is learned that should not be normal, and note what will be.

    Raises:
        OptionError: An augmentation that would make a defect normal.
    """
    wanted = job.config.augmentation
    if not wanted.count:
        return
    found = refusals(job, sampler)
    if found:
        raise OptionError(next(iter(found.values())))
    job.notes.append(
        f"Augmentation: {wanted.count} copies of each normal image were learned from, with "
        f"{wanted.words()}. None calibrated."
    )


def refusals(job: Job, sampler: Sampler) -> dict[str, str]:
    """Kind to why it is refused; sampler with the gate limits learned from the normals."""
    looked = _Looked(job, sampler, _usable(job, sampler))
    checks: dict[str, Callable[[_Looked], str | None]] = {
        "shift": _shift,
        "rotation": _rotation,
        "mirror": _mirror,
        "colour": _colour,
        "blur": _blur,
        "noise": _noise,
    }
    found: dict[str, str] = {}
    lit: list[str] = []  # kinds that may meet in one copy
    for kind in job.config.augmentation.kinds:
        reason = checks[kind](looked) if kind in checks else None
        if reason is None and kind in LIGHT:
            reason = _light(looked, [*lit, kind])
            lit += [kind] if reason is None else []
        if reason is not None:
            found[kind] = reason
    return found


@dataclass(frozen=True)
class _Looked:
    """What refusals are decided on; of the images the reference comes first."""

    job: Job
    sampler: Sampler
    images: list[tuple[ImageArray, Alignment]]

    @property
    def wanted(self) -> Augmentation:
        return self.job.config.augmentation

    @property
    def smallest_px(self) -> float:
        return self.job.template.smallest_defect_px

    def regions(self, kind: str) -> list[Region]:
        return [
            region
            for region, own in zip(self.job.template.regions, self.job.kinds, strict=True)
            if own == kind
        ]


def _usable(job: Job, sampler: Sampler) -> list[tuple[ImageArray, Alignment]]:
    """The reference and the first normals that the gate lets pass."""
    found = [(job.reference, sampler.aligner.align(job.reference))]
    for record in job.records[:SAMPLE]:
        image = read_image(record.path)
        if image.dtype == job.reference.dtype:
            alignment, failure = sampler.align(image)
            if failure is None:
                found.append((image, alignment))
    return found


# -- position ------------------------------------------------------------------


def _shift(looked: _Looked) -> str | None:
    amount, smallest = looked.wanted.shift, looked.smallest_px
    if looked.regions("object") and amount >= smallest:
        return (
            f"Augmentation shift={amount:g} px is not below the smallest defect asked for, "
            f"{smallest:g} px. What lies out of its place by that much would become normal. "
            "Shift less, or ask for larger defects only."
        )
    return _beyond(looked, "shift")


def _rotation(looked: _Looked) -> str | None:
    amount = looked.wanted.rotation
    for region in looked.regions("object"):
        _, _, w, h = region.bounds_xywh
        moved = 2 * math.sin(math.radians(amount) / 2) * math.hypot(w, h) / 2
        if moved < looked.smallest_px:
            continue
        reason = _orientation(looked, region, "rotation")
        if reason is not None:
            return (
                f"Augmentation rotation={amount:g} degrees moves the corners of region "
                f"'{region.id}' by {moved:.1f} px; the smallest defect asked for has "
                f"{looked.smallest_px:g} px. A part put in turned would become normal: {reason} "
                "Turn less, or let alignment undo the turn (align similarity)."
            )
    if amount > looked.job.template.alignment.max_rotation_deg:
        for region in looked.regions("texture"):
            reason = _orientation(looked, region, "rotation")
            if reason is not None:
                return (
                    f"Augmentation rotation={amount:g} degrees is beyond the template's "
                    f"max_rotation_deg, {looked.job.template.alignment.max_rotation_deg:g}, and "
                    f"the texture of region '{region.id}' has a direction: {reason} Turn less, or "
                    "raise max_rotation_deg if parts may lie so."
                )
    return _beyond(looked, "rotation")


def _mirror(looked: _Looked) -> str | None:
    way = looked.wanted.mirror
    for kind in ("object", "texture"):
        for region in looked.regions(kind):
            reason = _orientation(looked, region, "mirror")
            if reason is None:
                continue
            if kind == "object":
                return (
                    f"Augmentation mirror={way} is refused: the part in region '{region.id}' has "
                    "an orientation, and a part put in the wrong way round would become normal. "
                    f"{reason} Leave mirror out, or draw regions that are symmetric about their "
                    "middle."
                )
            return (
                f"Augmentation mirror={way} is refused: the texture of region '{region.id}' has "
                f"a direction, and one that runs the other way would become normal. {reason} "
                "Leave mirror out."
            )
    return None


def _orientation(looked: _Looked, region: Region, kind: str) -> str | None:
    """How a region stands out among the normals at an end of a kind; None = it does not."""
    if len(looked.images) < LEAST_TO_COMPARE:
        return (
            f"{len(looked.images)} usable normal images cannot tell whether it looks the same; "
            f"at least {LEAST_TO_COMPARE} are needed."
        )
    looks = Looks(looked.job, region, looked.images)
    for label, one in extremes(looked.wanted, kind):
        bar, found = looks.distances(one)
        if found > bar:
            return (
                f"Nine in ten normals lie within {bar:.3g} widths of the others; {label}, half of "
                f"them lie beyond {found:.3g}."
            )
    return None


def _beyond(looked: _Looked, kind: str) -> str | None:
    """Refuse where much of a region would lie beyond the image."""
    template = looked.job.template
    width, height = template.size_wh
    for region in template.regions:
        box = tuple(float(v) for v in region.bounds_xywh)
        grid = RegionGrid((_GRID, _GRID), (box[0], box[1], box[2], box[3]))
        for _, one in extremes(looked.wanted, kind):
            seen = visible_mask(grid, one.place(Alignment(np.eye(3)), box), (height, width))
            lost = 0.0 if seen is None else 1 - float(seen.mean())
            if lost > FILLED_SHARE:
                return (
                    f"Augmentation {kind}={getattr(looked.wanted, kind):g} brings {lost:.0%} of "
                    f"region '{region.id}' from beyond the image. At most {FILLED_SHARE:.0%} is "
                    "allowed: what is filled teaches nothing. Take less, or draw the region "
                    "smaller."
                )
    return None


# -- light, focus, noise ---------------------------------------------------------


def _light(looked: _Looked, kinds: Sequence[str]) -> str | None:
    """Refuse light or blur that the gate would refuse, or that drives much to black or white.

    All kinds go to their ends together, as they may in a copy; the last one is at fault.
    """
    amount = {k: float(getattr(looked.wanted, k)) if k in kinds else 0.0 for k in LIGHT}
    said = " together with ".join(f"{kind}={amount[kind]:g}" for kind in reversed(kinds))
    for sign in (-1, 1):
        colour = sign * amount["colour"]
        end = Variation(
            brightness=sign * amount["brightness"],
            contrast=amount["contrast"],
            colour=(colour, colour, colour),
            blur_px=amount["blur"],
        )
        reason = next(_lit(looked, end), None)
        if reason is not None:
            return (
                f"Augmentation {said} would make normal what cannot be judged: {reason} Take less."
            )
    return None


def _lit(looked: _Looked, end: Variation) -> Iterator[str]:
    """What is wrong with some normals under other light, if anything."""
    aligner = looked.sampler.aligner
    for image, alignment in looked.images[:LIT]:
        changed = end.relight(image, looked.job.bits)
        failure = check_light(aligner.measure(changed, alignment), aligner.limits)
        if failure is not None:
            yield f"the gate says '{failure.code}'. {failure.message}"
        before, after = (_clipped(one, looked.job.bits) for one in (image, changed))
        if after - before > CLIPPED_SHARE:
            yield (
                f"{after - before:.1%} of the values of an image become black or white, where no "
                f"defect shows. At most {CLIPPED_SHARE:.0%} may."
            )


def _clipped(image: ImageArray, bits: int) -> float:
    values = to_unit(image, bits)
    return float(((values <= 0) | (values >= 1)).mean())


def _colour(looked: _Looked) -> str | None:
    for image, _ in looked.images[:LIT]:
        if (image[..., 0] != image[..., 1]).any() or (image[..., 1] != image[..., 2]).any():
            return None
    return (
        f"Augmentation colour={looked.wanted.colour:g} has no use: the images are grey, and their "
        "camera shows no colour. Copies have to be photographs that could be taken. Leave colour "
        "out."
    )


def _blur(looked: _Looked) -> str | None:
    sigma, smallest = looked.wanted.blur, looked.smallest_px
    left = 1 - math.exp(-((smallest / 2) ** 2) / (2 * sigma**2))  # at the middle of a disc
    if left >= BLURRED_SHARE:
        return None
    return (
        f"Augmentation blur={sigma:g} px leaves {left:.0%} of the contrast of the smallest defect "
        f"asked for, a disc of {smallest:g} px. At least {BLURRED_SHARE:.0%} has to be left, or "
        "its absence becomes normal. Blur less, or ask for larger defects only."
    )


def _noise(looked: _Looked) -> str | None:
    sigma, smallest = looked.wanted.noise, looked.smallest_px
    most = FAINT * math.sqrt(math.pi) * smallest / 2 / ROSE
    if sigma <= most:
        return None
    return (
        f"Augmentation noise={sigma:g} hides the smallest defect asked for, a disc of "
        f"{smallest:g} px with {FAINT:.0%} contrast: over its area it would stand out by less "
        f"than {ROSE:g} times the noise. At most {most:.3g} is allowed. Take less noise, or ask "
        "for larger defects only."
    )
