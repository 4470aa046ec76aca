"""Attribute measurement system analysis: read a study, run the inspector, reckon the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from offspec.bundle import Bundle, read_bundle
from offspec.decisions.attribute_study import MARGINAL, PASS, SYSTEM, Limits
from offspec.decisions.msa_result import Look, MsaResult, Said, build_study, reckon
from offspec.decisions.study_files import (
    PART_PATTERN,
    Presentation,
    VerdictRow,
    read_presentations,
    read_verdicts,
    trial_order,
)
from offspec.errors import DatasetError, OffspecError, OptionError
from offspec.evaluation import refuse_learned
from offspec.guarantee import CONFIDENCE
from offspec.images import image_sha256, read_image
from offspec.runtime import Inspector
from offspec.types import Label, Verdict

__all__ = ["Look", "MsaResult", "measure_study"]

ProgressCall = Callable[[str, int, int], None]


def measure_study(
    folder: Path | str | None = None,
    *,
    bundle: Bundle | Path | str | None = None,
    verdicts: Path | str | None = None,
    part_pattern: str = PART_PATTERN,
    limits: Limits = PASS,
    marginal: Limits = MARGINAL,
    confidence: float = CONFIDENCE,
    threads: int | None = None,
    progress: ProgressCall | None = None,
) -> MsaResult:
    """Analyse a study of the system, of people, or of both.

    Args:
        folder: Photographs with known state, several of each part; None with ``verdicts`` alone.
        bundle: The system under study, or its file; it inspects every photograph.
        verdicts: CSV of other appraisers' verdicts.
        part_pattern: How file names name the part, see ``study_files``.
        limits: What passes.
        marginal: What is marginal; worse fails.
        confidence: Of intervals and claims, in (0.5, 1).
        threads: CPU threads of the runtime; None = all cores.
        progress: Called with (stage, done, total).

    Raises:
        DatasetError: No repeated presentations, one kind of part only, a contradiction, a part
            that somebody has not judged, or a photograph that the model has learned from.
        OptionError: Nothing to study.

    Example:
        >>> measure_study("study", bundle="part.offspec").verdict
        'marginal'
    """
    _check_options(folder, bundle, verdicts, limits, marginal, confidence)
    shown = [] if folder is None else read_presentations(Path(folder), part_pattern)
    rows = [] if verdicts is None else read_verdicts(Path(verdicts))
    reference = _references(shown, rows)
    said = _table(rows)
    looks: tuple[Look, ...] = ()
    errors: tuple[tuple[str, str, str], ...] = ()
    loaded = None
    if bundle is not None:
        loaded = bundle if isinstance(bundle, Bundle) else read_bundle(Path(bundle))
        if SYSTEM in said:
            raise DatasetError(
                f"'{verdicts}' has an appraiser named '{SYSTEM}', which is the system's own name. "
                "Rename the appraiser, or leave --bundle out."
            )
        _check_repeated(shown)
        looks, errors = inspect_study(loaded, shown, threads=threads, progress=progress)
        by_part: dict[str, list[Verdict]] = {part: [] for part in reference}
        for look in looks:
            by_part[look.shown.part].append(look.inspection.verdict)
        said = {SYSTEM: by_part, **said}
    study = build_study(reference, said)
    source: dict[str, Any] = {
        "folder": None if folder is None else Path(folder).resolve().name,
        "bundle": None if loaded is None else loaded.manifest.template.name,
        "verdicts": None if verdicts is None else Path(verdicts).name,
    }
    return reckon(study, said, limits, marginal, confidence, looks, errors, source)


def _check_options(
    folder: object,
    bundle: object,
    verdicts: object,
    limits: Limits,
    marginal: Limits,
    confidence: float,
) -> None:
    if verdicts is None and (folder is None or bundle is None):
        raise OptionError(
            "There is nothing to study: the system needs a folder of photographs and --bundle, "
            "people need --verdicts. Give either, or both."
        )
    if folder is None and bundle is not None:
        raise OptionError("A bundle judges photographs, and none are given. Name their folder.")
    if not 0.5 < confidence < 1.0:
        raise OptionError(
            f"The confidence is {confidence}. It is a share between 0.5 and 1. Use 0.95."
        )
    for found in (limits, marginal):
        if not all(0.0 <= value <= 1.0 for value in found.to_dict().values()):
            raise OptionError(
                f"Limits {found.to_dict()} are out of range. They are shares from 0 to 1. "
                "Write 0.02 for 2 %."
            )
    looser = (
        marginal.effectiveness <= limits.effectiveness
        and marginal.miss_rate >= limits.miss_rate
        and marginal.false_alarm_rate >= limits.false_alarm_rate
    )
    if not looser:
        raise OptionError(
            f"The marginal limits {marginal.to_dict()} ask for more than the pass limits "
            f"{limits.to_dict()}. Marginal is the weaker of the two. Change one of them."
        )


def _references(shown: Sequence[Presentation], rows: Sequence[VerdictRow]) -> dict[str, Label]:
    """What every part is; images and table must say the same."""
    known: dict[str, Label] = {one.part: one.label for one in shown}
    said_in = {one.part: f"image '{one.key}'" for one in shown}
    in_table = {row.part for row in rows}
    for row in rows:
        if shown and row.part not in said_in:
            raise DatasetError(
                f"Part '{row.part}' (line {row.line} of the verdicts) has no photograph. The "
                "system and the operators judge the same parts. Add its photographs, or correct "
                f"the name; known are {', '.join(list(known)[:5])} and so on."
            )
        if row.reference is None:
            continue
        if known.setdefault(row.part, row.reference) != row.reference:
            where = said_in.get(row.part, "another line")
            raise DatasetError(
                f"Part '{row.part}' is '{row.reference}' on line {row.line} of the verdicts and "
                f"'{known[row.part]}' in {where}. A part has one reference. Correct one of them."
            )
    missing = sorted(in_table - known.keys(), key=trial_order)
    if missing:
        raise DatasetError(
            f"Part '{missing[0]}' and {len(missing) - 1} others have no reference. Verdicts are "
            "compared with what the parts really are. Add the column reference, or give the "
            "folder of photographs with known state."
        )
    return dict(sorted(known.items(), key=lambda item: trial_order(item[0])))


def _table(rows: Sequence[VerdictRow]) -> Said:
    said: Said = {}
    for row in sorted(rows, key=lambda r: (r.appraiser, trial_order(r.part), trial_order(r.trial))):
        said.setdefault(row.appraiser, {}).setdefault(row.part, []).append(row.verdict)
    return said


def _check_repeated(shown: Sequence[Presentation]) -> None:
    counts = Counter(one.part for one in shown)
    single = [part for part, count in counts.items() if count < 2]
    if not single:
        return
    if len(single) == len(counts):
        raise DatasetError(
            f"None of {len(counts)} parts is shown twice ('{shown[0].key}' is taken for part "
            f"'{shown[0].part}'), so repeatability cannot be told. A study shows every part at "
            "least twice, each time put in anew. Photograph the parts again and name the images "
            "<part>_<n>.png, use a folder for each part (good/<part>/, bad/<part>/), a part_id in "
            "the annotation files, or --part-pattern. For single images use offspec evaluate."
        )
    raise DatasetError(
        f"Part '{single[0]}' and {len(single) - 1} others are shown once. Every part of a study is "
        "shown at least twice. Photograph them again, or take them out."
    )


def inspect_study(
    bundle: Bundle,
    shown: Sequence[Presentation],
    *,
    threads: int | None = None,
    progress: ProgressCall | None = None,
) -> tuple[tuple[Look, ...], tuple[tuple[str, str, str], ...]]:
    """Inspect every photograph; those that cannot be read are listed apart.

    Raises:
        DatasetError: The model has learned from one of them, or two are the same picture.
    """
    inspector = Inspector(bundle, threads=threads)
    learned = frozenset(bundle.manifest.learned_sha256)
    looks: list[Look] = []
    errors: list[tuple[str, str, str]] = []
    first: dict[str, str] = {}
    for done, one in enumerate(shown, start=1):
        try:
            image = read_image(one.path)
        except OffspecError as error:
            errors.append((one.key, error.code, str(error)))
        else:
            refuse_learned(one.key, image, learned)
            twin = first.setdefault(image_sha256(image), one.key)
            if twin != one.key:
                raise DatasetError(
                    f"'{twin}' and '{one.key}' are the same picture. Each presentation is a new "
                    "photograph of the part, or it shows nothing of repeatability. Photograph it "
                    "again, or remove one."
                )
            looks.append(Look(one, inspector.inspect(image, with_map=False)))
        if progress is not None:
            progress("inspect", done, len(shown))
    return tuple(looks), tuple(errors)
