"""The study of the probability of detection, with a small fitted model on a drawn part."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from offspec.bundle import Bundle
from offspec.decisions.detection_curve import detection_curve
from offspec.decisions.pod import next_sizes, probability_of_detection
from offspec.decisions.pod_defects import make_graded
from offspec.decisions.pod_places import lay_grid
from offspec.decisions.pod_result import PodResult
from offspec.decisions.pod_trials import Outcome, Trial, judge
from offspec.errors import DatasetError, OptionError
from offspec.images import read_image, write_png
from offspec.pages.document_html import to_html
from offspec.pages.pod_page import pod_document, pod_sections
from offspec.regions import Exclusion, Region
from offspec.runtime import Inspector
from tests.trained import varied_part, write_normals

FEW = {"contrasts": (0.1, 0.4), "trials": 24, "threads": 1}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good parts that the model has not seen."""
    return write_normals(tmp_path_factory.mktemp("fresh"), 8, first=20)


@pytest.fixture(scope="module")
def result(model: Bundle, fresh: Path) -> PodResult:
    return probability_of_detection(model, fresh, contrasts=(0.1, 0.4), trials=40, threads=1)


def trial(size: float, *, hit: bool) -> Outcome:
    made = Trial(0, 0, "spot", 0.2, size, (0.0, 0.0), (0,), 0)
    return Outcome(made, size, 0.2, stopped=hit, located=hit)


def test_larger_and_stronger_defects_are_found_more_often(result: PodResult) -> None:
    outcomes = result.outcomes
    spots = [o for o in outcomes if o.trial.kind == "spot" and o.trial.series >= 0]
    middle = float(np.median([o.size_px for o in spots]))
    small = [o.hit for o in spots if o.size_px <= middle]
    large = [o.hit for o in spots if o.size_px > middle]
    assert np.mean(large) > np.mean(small) + 0.2
    faint, strong = (c.curve for c in result.regions[0].curves[:2])
    assert strong.hits > faint.hits or (strong.a50 or 0) < (faint.a50 or np.inf)


def test_asked_contrasts_are_reached(result: PodResult) -> None:
    for one in result.regions[0].curves:
        if one.contrast is not None:
            assert one.reached == pytest.approx(one.contrast, rel=0.05)


def test_a_hit_is_stopped_and_located(result: PodResult) -> None:
    assert all(o.stopped and o.located for o in result.outcomes if o.hit)
    assert all(o.stopped for o in result.outcomes if o.located)


def test_the_short_path_agrees_with_the_whole_one(result: PodResult) -> None:
    checked = result.to_dict()["checked"]
    assert checked["trials"] >= 4
    assert checked["differ"] == 0


def test_equal_crops_are_not_run_again_and_maps_stay_the_same_to_the_last_bit(
    model: Bundle, fresh: Path
) -> None:
    inspector = Inspector(model, threads=1)
    image = read_image(fresh / "020.png")
    base = inspector.prepare(image)
    maps = inspector.maps(base)
    made = make_graded(
        image, image, (40.0, 30.0), 8.0, kind="spot", contrast=0.4, surface="object", bits=8,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    changed = inspector.sampler.cut(made.image, base.alignment, None, base.region_alignments)
    for known, whole in zip(
        inspector.maps(changed, (base, maps)), inspector.maps(changed), strict=True
    ):
        assert np.array_equal(known, whole)
    assert all(
        np.array_equal(a, b) for a, b in zip(inspector.maps(base, (base, maps)), maps, strict=True)
    )


def test_an_outline_elsewhere_does_not_count(model: Bundle, fresh: Path) -> None:
    inspector = Inspector(model, threads=1)
    image = read_image(fresh / "020.png")
    made = make_graded(
        image, image, (60.0, 20.0), 12.0, kind="spot", contrast=0.4, surface="object", bits=8,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    inspection = inspector.inspect(made.image, with_map=False)
    assert judge(inspection, 0, made) == (True, True)
    away = dataclasses.replace(
        made, rows=slice(44, 44 + made.truth.shape[0]), columns=slice(0, made.truth.shape[1])
    )
    assert judge(inspection, 0, away) == (True, False)


def test_same_seed_same_result_at_any_number_of_threads(model: Bundle, fresh: Path) -> None:
    def run(seed: int, threads: int) -> str:
        found = probability_of_detection(
            model, fresh, contrasts=(0.2,), trials=14, seed=seed, threads=threads
        ).to_dict()
        return json.dumps({k: v for k, v in found.items() if k not in {"seconds", "threads"}})

    first = run(0, 1)
    assert first == run(0, 2)
    assert first != run(1, 1)


def test_photographs_that_were_not_learned_from_come_first(
    model: Bundle, normals: Path, fresh: Path, tmp_path: Path
) -> None:
    learned = probability_of_detection(model, normals, **{**FEW, "trials": 12}).to_dict()  # type: ignore[arg-type]
    assert learned["photographs"]["learned"] == learned["photographs"]["used"] > 0
    assert any("learned from" in note for note in learned["notes"])
    for source in (normals, fresh):
        for path in source.iterdir():
            (tmp_path / f"{source.name}_{path.name}").write_bytes(path.read_bytes())
    mixed = probability_of_detection(model, tmp_path, **{**FEW, "trials": 12}).to_dict()  # type: ignore[arg-type]
    assert mixed["photographs"]["learned"] <= 1


def test_photographs_stopped_as_they_are_are_counted_and_not_used(
    model: Bundle, fresh: Path, tmp_path: Path
) -> None:
    for path in fresh.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_png(tmp_path / "spoiled.png", varied_part(40, defect="blot"))
    found = probability_of_detection(model, tmp_path, **{**FEW, "trials": 12})  # type: ignore[arg-type]
    payload = found.to_dict()
    assert payload["photographs"]["stopped"] == ["spoiled.png"]
    assert payload["regions"][0]["false_calls"] == 1
    names = [found.photographs[o.trial.photograph].name for o in found.outcomes]
    assert "spoiled.png" not in names


def test_an_excluded_place_is_untested_and_gets_no_defect() -> None:
    hole = Exclusion("rectangle", ((40.0, 0.0), (80.0, 64.0)))
    region = Region("r", "r", "rectangle", ((0.0, 0.0), (80.0, 64.0)), exclusions=(hole,))
    grid = lay_grid(region, (80, 64), 1)
    assert {cell.column for cell in grid.cells} == set(range(grid.columns // 2))
    order = np.arange(len(grid.cells))
    for turn in range(40):
        place = grid.place(turn, order, 8.0, np.random.default_rng(turn))
        assert place is not None
        assert place[0] < 37
    assert grid.place(0, order, 60.0, np.random.default_rng(0)) is None


def test_the_map_counts_every_cell_it_tried(result: PodResult) -> None:
    found = result.to_dict()["regions"][0]["map"]
    tried, hits = np.array(found["tried"]), np.array(found["found"])
    assert tried.shape == (found["rows"], found["columns"])
    assert (hits <= tried).all()
    assert found["tested_cells"] == (tried > 0).sum()
    assert found["blind_cells"] == ((hits == 0) & (tried >= 2)).sum()


def test_places_are_spread_over_all_cells() -> None:
    region = Region("r", "r", "rectangle", ((0.0, 0.0), (120.0, 100.0)))
    grid = lay_grid(region, (120, 100), 1)
    order = np.random.default_rng(0).permutation(len(grid.cells))
    places = [grid.place(t, order, 2.0, np.random.default_rng(t)) for t in range(len(grid.cells))]
    cells = {(int(p[0] / grid.cell_px), int(p[1] / grid.cell_px)) for p in places if p}
    assert len(cells) == len(grid.cells)


def test_sizes_go_where_the_curve_is_steep() -> None:
    levels = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    rng = np.random.default_rng(0)
    first = next_sizes(levels, [], 12, rng)
    assert sorted(first) == sorted(levels * 2)
    seen = [trial(size, hit=size > 6) for size in levels * 4]
    later = next_sizes(levels, seen, 30, rng)
    assert sum(size in {2.0, 4.0, 8.0, 16.0} for size in later) > 20
    assert sum(size >= 16 for size in later) >= 5  # where a blind place shows
    assert np.mean(next_sizes(levels, [trial(8, hit=True)] * 12, 30, rng)) < 6
    assert np.mean(next_sizes(levels, [trial(8, hit=False)] * 12, 30, rng)) > 16


def test_spots_of_the_map_count_in_the_curve_of_their_contrast(result: PodResult) -> None:
    tried = sum(map(sum, result.regions[0].map.tried))
    by_curve = [one.curve.n for one in result.regions[0].curves]
    assert max(by_curve) == 40 + tried
    assert sorted(by_curve)[:-1] == [40] * (len(by_curve) - 1)


def test_curves_are_those_of_their_trials(result: PodResult) -> None:
    for one in result.regions[0].curves:
        again = detection_curve(
            [o.size_px for o in one.outcomes],
            [o.hit for o in one.outcomes],
            [o.trial.photograph for o in one.outcomes],
        )
        assert again.to_dict() == one.curve.to_dict()
        points = one.to_dict()["points"]
        assert sum(p["hits"] for p in points) == one.curve.hits
        assert sum(p["trials"] for p in points) == one.curve.n


def test_asked_sizes_are_used(model: Bundle, fresh: Path) -> None:
    found = probability_of_detection(model, fresh, sizes=(3, 6, 12), **FEW)  # type: ignore[arg-type]
    sizes = {p["size_px"] for c in found.to_dict()["regions"][0]["curves"] for p in c["points"]}
    assert sizes == {3.0, 6.0, 12.0}


def test_the_page_says_the_figures_and_the_caution(result: PodResult, model: Bundle) -> None:
    payload = json.loads(json.dumps(result.to_dict()))
    page = to_html(pod_document(payload, reference=model.reference, examples=result.examples()))
    assert "they do not set the threshold" in page
    assert "a90/95" in page
    assert page.count("data:image/jpeg") == 2  # the map and the sheet of examples
    without = to_html(pod_document(payload))
    assert "data:image/jpeg" not in without
    assert len(pod_sections(payload)) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sizes": (0, 4)}, "above 0"),
        ({"sizes": (4, 400)}, "does not fit"),
        ({"sizes": (4,)}, "at least 2"),
        ({"contrasts": (0.0,)}, "share of full scale"),
        ({"contrasts": (1.5,)}, "share of full scale"),
        ({"contrasts": ()}, "No contrast"),
        ({"minutes": 0}, "minutes"),
        ({"trials": 3}, "too few"),
        ({"regions": ("lid",)}, "not in the template"),
    ],
)
def test_what_cannot_be_is_refused(
    model: Bundle, fresh: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        probability_of_detection(model, fresh, **options)  # type: ignore[arg-type]


def test_no_usable_photograph_is_an_error(model: Bundle, tmp_path: Path) -> None:
    for part in range(3):
        write_png(tmp_path / f"{part}.png", varied_part(part, (32, 40)))
    with pytest.raises(DatasetError, match="3 are invalid"):
        probability_of_detection(model, tmp_path, trials=12)


def test_a_provisional_threshold_is_said(model: Bundle, fresh: Path, result: PodResult) -> None:
    provisional = dataclasses.replace(result, threshold_status="provisional")
    assert any("provisional" in note for note in provisional.notes())
    assert not any("provisional" in note for note in result.notes())
