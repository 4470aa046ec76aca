"""Augmentation: what a copy is, who learns from it, who never meets it, what is refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from offspec import crossfit
from offspec.augment import (
    COVERS,
    Augmentation,
    Variation,
    extremes,
    parse_augmentation,
    variations,
)
from offspec.augment_refusals import refusals
from offspec.augmented import cut_copies
from offspec.bundle import Bundle, read_bundle, write_bundle
from offspec.crossfit import Learner
from offspec.datasets import read_dataset
from offspec.embedding_cache import EmbeddingCache
from offspec.errors import DatasetError, LimitError, OptionError
from offspec.fit_plan import FitConfig, plan
from offspec.fitting import fit
from offspec.images import read_image
from offspec.run_config import read_run_config
from offspec.runtime import Inspector
from offspec.types import Alignment, ImageArray
from tests.synth import write_part
from tests.trained import FAST, names, offspec, varied_part, write_normals

ALL = Augmentation(
    shift=2, rotation=1, brightness=0.1, contrast=0.1, colour=0.05, blur=0.5, noise=0.02, copies=3
)
SHIFT = Augmentation(shift=3)


def quiet(_step: str, _done: int, _total: int) -> None:
    """Progress for nobody."""


def with_(augmentation: Augmentation, **settings: Any) -> FitConfig:
    return replace(FAST, augmentation=augmentation, **settings)


def refused(root: Path, augmentation: Augmentation, **settings: Any) -> dict[str, str]:
    job = plan(root, None, with_(augmentation, **settings), quiet)
    return refusals(job, Learner(job).sampler)


def score(bundle: Bundle, image: ImageArray) -> float:
    (region,) = Inspector(bundle, warm_up=False).inspect(image).regions
    assert region.raw_score is not None
    return region.raw_score


def bundle_bytes(bundle: Bundle, path: Path) -> bytes:
    write_bundle(bundle, path)
    return path.read_bytes()


def moved(image: ImageArray, dx: int) -> ImageArray:
    matrix = np.array([[1, 0, dx], [0, 1, 0]], np.float64)
    size_wh = (image.shape[1], image.shape[0])
    found = cv2.warpAffine(image, matrix, size_wh, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


# -- what a copy is --------------------------------------------------------------------------


def test_nothing_is_varied_by_default() -> None:
    assert Augmentation().kinds == ()
    assert variations(Augmentation(), 0, "abc") == []
    assert Augmentation(copies=9).count == 0
    assert FitConfig().augmentation == Augmentation()


def test_every_kind_is_a_setting_and_has_words_and_ends() -> None:
    assert [*COVERS, "copies"] == list(Augmentation.model_fields)
    everything = Augmentation(mirror="both", **ALL.model_dump(exclude={"mirror"}))
    assert everything.kinds == tuple(COVERS)
    for kind in COVERS:
        assert kind in everything.words()
        assert all(one != Variation() for _, one in extremes(everything, kind))


def test_copies_stay_within_what_was_asked() -> None:
    found = variations(ALL.model_copy(update={"copies": 64}), 0, "abc")
    assert len(found) == 64
    for one in found:
        assert max(abs(v) for v in one.shift_xy) <= 2
        assert abs(one.rotation_deg) <= 1
        assert not one.mirror_x
        assert max(abs(one.brightness), abs(one.contrast)) <= 0.1
        assert 0 <= one.blur_px <= 0.5
        assert 0 <= one.noise <= 0.02
    assert max(one.shift_xy[0] for one in found) > 1.5
    assert min(one.shift_xy[0] for one in found) < -1.5


def test_a_copy_depends_on_seed_image_and_number_alone() -> None:
    three = variations(ALL, 0, "abc")
    assert variations(ALL, 0, "abc") == three
    assert variations(ALL.model_copy(update={"copies": 5}), 0, "abc")[:3] == three
    for other in (variations(ALL, 1, "abc"), variations(ALL, 0, "abd")):
        assert not set(other) & set(three)
    more = variations(ALL.model_copy(update={"mirror": "both"}), 0, "abc")
    assert [one.shift_xy for one in more] == [one.shift_xy for one in three]


@pytest.mark.parametrize(
    ("mirror", "x", "y"), [("horizontal", 1, 0), ("vertical", 0, 1), ("both", 1, 1)]
)
def test_half_of_the_copies_are_mirrored_along_each_axis(mirror: Any, x: int, y: int) -> None:
    found = variations(Augmentation(mirror=mirror, copies=64), 0, "abc")
    assert 20 * x <= sum(one.mirror_x for one in found) <= 44 * x
    assert 20 * y <= sum(one.mirror_y for one in found) <= 44 * y


@pytest.mark.parametrize(
    ("variation", "seen_xy", "lay_xy"),
    [
        (Variation(shift_xy=(3, -2)), (13, 8), (10, 10)),
        (Variation(mirror_x=True), (10, 5), (29, 5)),
        (Variation(mirror_y=True), (10, 5), (10, 14)),
        (Variation(rotation_deg=90), (19.5, 0), (29, 9.5)),  # counter-clockwise as seen
        (Variation(mirror_x=True, shift_xy=(1, 0)), (11, 5), (29, 5)),
    ],
)
def test_geometry_is_about_the_middle_of_the_region(
    variation: Variation, seen_xy: tuple[float, float], lay_xy: tuple[float, float]
) -> None:
    """A region of 40 x 20 at (0, 0): its middle is at (19.5, 9.5)."""
    found = variation.matrix((0, 0, 40, 20)) @ np.array([*seen_xy, 1.0])
    np.testing.assert_allclose(found, [*lay_xy, 1.0], atol=1e-9)


def test_light_is_changed_as_said() -> None:
    image = np.full((40, 50, 3), 100, np.uint8)
    image[:, 25:] = 140
    assert (Variation(brightness=0.1).relight(image, 8)[0, [0, -1]] == [[110], [154]]).all()
    assert (Variation(contrast=-0.5).relight(image, 8)[0, [0, -1]] == [[110], [130]]).all()
    assert Variation(colour=(0.1, 0, -0.1)).relight(image, 8)[0, 0].tolist() == [110, 100, 90]
    noisy = Variation(noise=0.02, noise_seed=1).relight(image, 8).astype(float) - image
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.1)
    assert (noisy[..., 0] == noisy[..., 2]).all(), "a grey camera stays grey"
    blurred = Variation(blur_px=2).relight(image, 8)
    assert 118 <= blurred[20, 25, 0] <= 124
    assert Variation(shift_xy=(1, 1)).relight(image, 8) is image


def test_sixteen_bits_stay_within_the_cameras_range() -> None:
    image = np.full((8, 8, 3), 4000, np.uint16)
    found = Variation(brightness=0.5).relight(image, 12)
    assert found.dtype == np.uint16
    assert (found == 4095).all()


def test_a_mirrored_region_shows_its_own_pixels_the_other_way_round(normals: Path) -> None:
    job = plan(normals, None, with_(Augmentation(mirror="horizontal", copies=8)), quiet)
    sampler = Learner(job).sampler
    image = read_image(normals / "002.png")
    of = sampler.cut(image, Alignment(np.eye(3)))
    found = [one.crops[0][0] for one in cut_copies(job, sampler, image, of, "abc")]
    flipped = of.crops[0][0][:, :, ::-1]
    same = [np.allclose(crop, of.crops[0][0], atol=1e-4) for crop in found]
    other = [np.allclose(crop, flipped, atol=1e-4) for crop in found]
    assert all(a != b for a, b in zip(same, other, strict=True))
    assert any(same)
    assert any(other)


# -- who learns from copies --------------------------------------------------------------------


@pytest.fixture(scope="module")
def shifting(normals: Path) -> Bundle:
    return fit(normals, config=with_(SHIFT))


@pytest.mark.parametrize("detector", ["reference", "padim", "patchcore"])
def test_what_lies_elsewhere_scores_lower_with_shift(detector: str, normals: Path) -> None:
    image = moved(varied_part(50), 2)
    plain = fit(normals, config=replace(FAST, detector=detector))
    varied = fit(normals, config=with_(SHIFT, detector=detector))
    assert score(varied, image) < 0.8 * score(plain, image)


def test_a_defect_still_stands_out(shifting: Bundle) -> None:
    good, bad = varied_part(51), varied_part(51, defect="blot")
    assert score(shifting, bad) > 3 * score(shifting, good)


def test_copies_never_calibrate_and_the_reference_stays(model: Bundle, shifting: Bundle) -> None:
    plain, varied = model.manifest, shifting.manifest
    assert varied.calibration.threshold.n == plain.calibration.threshold.n == 6
    assert varied.learned_sha256 == plain.learned_sha256
    assert varied.dataset == plain.dataset
    assert (shifting.reference == model.reference).all()
    assert score(shifting, shifting.reference) == 0


def test_a_copy_leaves_with_its_source(normals: Path, tmp_path: Path) -> None:
    """A held-out normal is scored as by a model that never saw it nor a copy of it."""
    learner = Learner(plan(normals, None, with_(SHIFT), quiet))
    usable = learner.embed_all(quiet)
    learner.fit_all(usable)
    scores = learner.cross_fit(usable, quiet)
    shutil.copytree(normals, tmp_path / "less")
    (tmp_path / "less" / "003.png").unlink()
    fresh = fit(tmp_path / "less", config=with_(SHIFT))
    index = [n.path.name for n in usable].index("003.png")
    assert score(fresh, read_image(normals / "003.png")) == scores.raw_by_region["image"][index]


def test_only_the_training_part_of_a_trained_detector_gets_copies(
    normals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch: what would be handed over is looked at, nothing is trained."""
    seen: dict[str, int] = {}

    class Stop(Exception):  # noqa: N818
        """Instead of training."""

    def split(_self: Any, _reference: Any, train: list[Any], stop: list[Any]) -> None:
        seen.update(train=len(train), stop=len(stop))
        raise Stop

    from offspec.detectors.trained import TrainedDetector

    monkeypatch.setattr(TrainedDetector, "fit_split", split)
    config = with_(Augmentation(noise=0.01, copies=2), detector="autoencoder", few=True)
    learner = Learner(plan(normals, None, config, quiet))
    usable = learner.embed_all(quiet)
    with pytest.raises(Stop):
        learner.train_once(usable, quiet)
    trained = len(usable) - seen["stop"] - 2  # two calibrate
    assert seen["stop"] == 3
    assert seen["train"] == trained + 2 * (trained + 1)  # copies of the reference too


def test_copies_are_no_parts_that_a_method_needs(tmp_path: Path) -> None:
    config = with_(SHIFT, detector="padim")
    with pytest.raises(DatasetError, match="has 2 good images to learn from"):
        fit(write_normals(tmp_path, 2), config=config)


def test_one_good_image_is_enough_for_copies(tmp_path: Path) -> None:
    root = write_normals(tmp_path, 1)
    plain, varied = fit(root, config=FAST), fit(root, config=with_(SHIFT))
    image = moved(varied_part(0), 2)
    assert score(varied, image) < score(plain, image)
    assert varied.manifest.calibration.status == "provisional"


def test_the_bundle_says_what_was_augmented(
    model: Bundle, shifting: Bundle, tmp_path: Path
) -> None:
    write_bundle(shifting, tmp_path / "p.offspec")
    manifest = read_bundle(tmp_path / "p.offspec").manifest
    assert manifest.detector["config"]["augmentation"] == SHIFT.model_dump()
    notes = [note for note in manifest.notes if note.startswith("Augmentation:")]
    assert notes == [
        "Augmentation: 4 copies of each normal image were learned from, with shift up to 3 px. "
        "None calibrated."
    ]
    assert not any("Augmentation" in note for note in model.manifest.notes)


# -- equal bytes -----------------------------------------------------------------------------


def test_copies_asked_for_without_a_kind_change_nothing(normals: Path, model: Bundle) -> None:
    other = fit(normals, config=with_(Augmentation(copies=9)))
    assert other.graphs == model.graphs
    assert other.manifest.calibration == model.manifest.calibration
    assert other.manifest.notes == model.manifest.notes


def test_threads_do_not_change_a_bundle(normals: Path, tmp_path: Path) -> None:
    one, two = (
        bundle_bytes(fit(normals, config=with_(ALL, threads=n)), tmp_path / f"{n}.offspec")
        for n in (1, 2)
    )
    assert one == two


def test_a_cache_keeps_augmented_and_plain_apart(
    normals: Path, model: Bundle, shifting: Bundle
) -> None:
    cache = EmbeddingCache()
    for _ in range(2):
        assert fit(normals, config=FAST, cache=cache).graphs == model.graphs
        assert fit(normals, config=with_(SHIFT), cache=cache).graphs == shifting.graphs
    other = fit(normals, config=with_(SHIFT, seed=1), cache=cache)
    assert other.graphs != shifting.graphs
    assert other.graphs == fit(normals, config=with_(SHIFT, seed=1)).graphs


def test_memory_counts_the_copies(normals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(plan(normals, None, FAST, quiet))
    learner.embed_all(quiet)
    monkeypatch.setattr(crossfit, "MAX_EMBEDDED_BYTES", 8 * learner._embedding_bytes())
    Learner(plan(normals, None, FAST, quiet)).embed_all(quiet)
    with pytest.raises(LimitError, match=r"7 normal images, each with 4 copies, .*fewer copies"):
        Learner(plan(normals, None, with_(SHIFT), quiet)).embed_all(quiet)


# -- settings ----------------------------------------------------------------------------------


def test_words_of_the_command_line_are_laid_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"data": {"augmentation": {"shift": 2, "blur": 1}}}))
    base = read_run_config(path).to_fit().augmentation
    assert base == Augmentation(shift=2, blur=1)
    found = parse_augmentation(["blur=0.5", "mirror=horizontal", "copies=8"], base)
    assert found == Augmentation(shift=2, blur=0.5, mirror="horizontal", copies=8)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("flip=1", r"'flip' is unknown\. Known: blur, brightness, .*such as shift=2"),
        ("shift", "'shift' has no amount"),
        ("shift=", "'shift=' has no amount"),
        ("shift=much", "'shift' of augmentation is 'much'"),
        ("shift=-1", "'shift' of augmentation is -1"),
        ("shift=nan", "'shift' of augmentation is nan"),
        ("mirror=left", "'none', 'horizontal', 'vertical' or 'both'"),
        ("copies=0", "'copies' of augmentation is 0"),
        ("copies=2.5", "'copies' of augmentation is '2.5'"),
    ],
)
def test_what_cannot_be_set_is_refused(word: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_augmentation([word], Augmentation())


def test_an_unknown_kind_in_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"data": {"augmentation": {"zoom": 2}}}))
    with pytest.raises(OptionError, match=r"no option 'data.augmentation.zoom'. Known: blur"):
        read_run_config(path)


# -- refusals ------------------------------------------------------------------------------------


def washer(number: int) -> ImageArray:
    """A ring that looks the same mirrored and turned."""
    yy, xx = np.mgrid[0:80, 0:80] - 39.5
    far = np.hypot(xx, yy)
    drawing = 0.3 + 0.4 * (np.clip(30 - far, 0, 1) - np.clip(14 - far, 0, 1))
    noise = np.random.default_rng(number).normal(0, 0.01, (80, 80, 3))
    return np.asarray(np.rint(255 * np.clip(drawing[..., None] + noise, 0, 1)), np.uint8)


def texture(number: int, lengths: tuple[float, float], angle: float) -> ImageArray:
    """Noise drawn out along one direction, or along none."""
    flat = np.random.default_rng(number).normal(0, 1, (256, 256)).astype(np.float32)
    drawn = cv2.GaussianBlur(flat, (0, 0), sigmaX=lengths[0], sigmaY=lengths[1])
    matrix = cv2.getRotationMatrix2D((127.5, 127.5), angle, 1.0)
    turned = cv2.warpAffine(drawn, matrix, (256, 256))[60:196, 60:196]
    grey = np.clip(0.5 + 0.1 * turned / turned.std(), 0, 1)
    return np.repeat(np.rint(255 * grey)[..., None], 3, axis=2).astype(np.uint8)


def write(folder: Path, draw: Callable[[int], ImageArray], count: int = 8) -> Path:
    for number in range(count):
        write_part(folder / f"{number:03}.png", draw(number))
    return folder


@pytest.mark.parametrize("mirror", ["horizontal", "vertical", "both"])
def test_mirror_is_refused_where_the_part_has_an_orientation(normals: Path, mirror: Any) -> None:
    with pytest.raises(OptionError, match=r"orientation, and a part put in the wrong way round"):
        fit(normals, config=with_(Augmentation(mirror=mirror)))


def test_mirror_and_turn_are_allowed_where_the_part_has_none(tmp_path: Path) -> None:
    root = write(tmp_path, washer)
    found = fit(root, config=with_(Augmentation(mirror="both"), smallest_defect=4.0))
    assert score(found, washer(20)[:, ::-1]) < 2 * found.manifest.calibration.threshold.raw
    allowed = refused(root, Augmentation(rotation=90), smallest_defect=4.0)
    assert not allowed


def test_a_small_mark_is_an_orientation(tmp_path: Path) -> None:
    def marked(number: int) -> ImageArray:
        image = washer(number)
        image[38:42, 14:18] = 40
        return image

    found = refused(write(tmp_path, marked), Augmentation(mirror="horizontal"), smallest_defect=4.0)
    assert "mirror" in found


def test_too_few_normals_cannot_tell_an_orientation(tmp_path: Path) -> None:
    found = refused(write(tmp_path, washer, 3), Augmentation(mirror="both"))
    assert "at least 4 are needed" in found["mirror"]


@pytest.mark.parametrize(
    ("lengths", "angle", "directed"),
    [((1.5, 1.5), 0, False), ((6, 1), 0, False), ((6, 1), 30, True)],
    ids=["even", "along", "slanting"],
)
def test_a_texture_may_be_mirrored_unless_it_runs_another_way_then(
    tmp_path: Path, lengths: tuple[float, float], angle: float, directed: bool
) -> None:
    root = write(tmp_path, lambda n: texture(n, lengths, angle), 10)
    found = refused(root, Augmentation(mirror="both"), kind="texture")
    assert ("has a direction" in found.get("mirror", "")) == directed


def test_a_texture_may_be_turned_as_far_as_the_template_allows(tmp_path: Path) -> None:
    root = write(tmp_path, lambda n: texture(n, (6, 1), 30), 10)
    assert not refused(root, Augmentation(rotation=3), kind="texture")
    assert (
        "max_rotation_deg" in refused(root, Augmentation(rotation=40), kind="texture")["rotation"]
    )


@pytest.mark.parametrize(
    ("augmentation", "kind", "words"),
    [
        (Augmentation(shift=16), "shift", "shift=16 px is not below the smallest defect"),
        (Augmentation(rotation=30), "rotation", "part put in turned would become normal"),
        (Augmentation(blur=8), "blur", "leaves 39% of the contrast"),
        (Augmentation(noise=0.2), "noise", "hides the smallest defect"),
        (Augmentation(brightness=0.7), "brightness", "'too_dark'"),
        (Augmentation(contrast=0.9), "contrast", "black or white"),
        (Augmentation(colour=0.8), "colour", "would make normal what cannot be judged"),
        (Augmentation(blur=3), "blur", "'blurred'"),
    ],
)
def test_what_would_make_a_defect_normal_is_refused(
    normals: Path, augmentation: Augmentation, kind: str, words: str
) -> None:
    found = refused(normals, augmentation)
    assert list(found) == [kind]
    assert words in found[kind]
    assert found[kind].startswith(f"Augmentation {kind}=")


def test_a_smaller_defect_asked_for_allows_less(normals: Path) -> None:
    assert not refused(normals, Augmentation(shift=3, noise=0.03))
    assert set(refused(normals, Augmentation(shift=3, noise=0.03), smallest_defect=3.0)) == {
        "shift",
        "noise",
    }


def test_kinds_that_meet_in_a_copy_are_judged_together(normals: Path) -> None:
    assert not refused(normals, Augmentation(brightness=0.25))
    assert not refused(normals, Augmentation(colour=0.25))
    found = refused(normals, Augmentation(brightness=0.25, colour=0.25))
    assert "colour=0.25 together with brightness=0.25" in found["colour"]


def test_colour_has_no_use_on_grey_images(tmp_path: Path) -> None:
    root = write(tmp_path, lambda n: texture(n, (1.5, 1.5), 0))
    assert "the images are grey" in refused(root, Augmentation(colour=0.1))["colour"]


def test_what_comes_from_beyond_the_image_is_bounded(normals: Path) -> None:
    found = refused(normals, Augmentation(shift=7))
    assert "from beyond the image" in found["shift"]


# -- command line --------------------------------------------------------------------------------

DATA = ("--kind", "object", "--resolution", "fast", "--align", "none", "--quiet")


def test_fit_takes_augmentation(normals: Path, shifting: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "p.offspec"
    found = offspec("fit", normals, "--out", out, *DATA, "--augment", "shift=3")
    assert found.code == 0, found.stderr
    assert read_bundle(out).graphs == shifting.graphs


@pytest.mark.parametrize("word", ["mirror=horizontal", "flip=1", "shift=40"])
def test_fit_refuses_with_exit_2_and_leaves_nothing(
    normals: Path, tmp_path: Path, word: str
) -> None:
    out = tmp_path / "p.offspec"
    found = offspec("fit", normals, "--out", out, *DATA, "--augment", word)
    assert found.code == 2
    assert "error [option]: Augmentation" in found.stderr
    assert names(tmp_path) == []


def test_the_preview_draws_a_row_a_kind(normals: Path, tmp_path: Path) -> None:
    sizes = []
    for kinds in (["shift=2"], ["shift=2", "noise=0.02"]):
        out = tmp_path / f"{len(kinds)}.png"
        words = [part for kind in kinds for part in ("--augment", kind)]
        found = offspec("augment", normals, "--out", out, *words, "--json", "-")
        assert found.code == 0, found.stderr
        result = json.loads(found.stdout)
        picture = read_image(out)
        assert result["accepted"] is True
        assert result["size_wh"] == [picture.shape[1], picture.shape[0]]
        assert result["augmentation"]["shift"] == 2
        sizes.append(picture.shape)
    assert sizes[0][1] == sizes[1][1]
    assert sizes[1][0] - sizes[0][0] > 240  # a picture of 80 x 64 is drawn 300 x 240


def test_the_preview_shows_what_is_refused(normals: Path, tmp_path: Path) -> None:
    found = offspec(
        *("augment", normals, "--out", tmp_path / "p.png", "--augment", "mirror=horizontal"),
        *("--augment", "shift=2", "--json", tmp_path / "p.json"),
    )
    assert found.code == 0
    result = json.loads((tmp_path / "p.json").read_text())
    assert result["accepted"] is False
    (one,) = result["refused"]
    assert one["kind"] == "mirror"
    assert f"refused: {one['message']}" in found.stdout
    red = (read_image(tmp_path / "p.png").astype(int) @ [1, -1, 0] > 100).sum()
    assert red > 500


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No augmentation is asked for"),
        (("--augment", "zoom=2"), "'zoom' is unknown"),
        (("--augment", "shift=2", "--region", "lid"), "lid"),
    ],
)
def test_a_preview_of_nothing_is_exit_2(
    normals: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    found = offspec("augment", normals, "--out", tmp_path / "p.png", *arguments)
    assert found.code == 2
    assert words in found.stderr
    assert names(tmp_path) == []


# -- photographs -----------------------------------------------------------------------------------

DATA_ROOT = os.environ.get("OFFSPEC_DATA")


@pytest.mark.data
@pytest.mark.skipif(not DATA_ROOT, reason="OFFSPEC_DATA names no development photographs")
@pytest.mark.parametrize(
    ("name", "allowed"),
    [("bsdata/277500_315", False), ("cookie", False), ("magnetic_tile", True)],
)
def test_photographs_mirrored(name: str, allowed: bool) -> None:
    """A screw and cookies lit from one side have a direction; magnetic tiles have none."""
    dataset = read_dataset(Path(str(DATA_ROOT)) / name)
    config = FitConfig(resolution="fast", augmentation=Augmentation(mirror="horizontal"))
    job = plan(dataset, None, config, quiet)
    assert (refusals(job, Learner(job).sampler) == {}) == allowed
