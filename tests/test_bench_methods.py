"""Detectors side by side: words to methods, the order of runs, failures, tables, charts, page."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from offspec import bench_methods
from offspec.bench_charts import Bar, Place, _names, bars, trade_off
from offspec.bench_methods import Method, MethodBench, parse_methods, run_methods
from offspec.bench_page import bench_page
from offspec.bench_tables import MEAN, comparisons, csv_text, lines, markdown
from offspec.bench_worker import percentiles, sampled
from offspec.chart_frame import Axis, Frame
from offspec.errors import OptionError, RuntimeBackendError
from offspec.fitting import FitConfig
from tests.synth import write_mvtec

BASE = FitConfig()


# -- words to methods ------------------------------------------------------------


def test_a_name_alone_takes_the_settings_of_all() -> None:
    (one,) = parse_methods(["padim"], FitConfig(resolution="fast", threads=2), None)
    assert (one.name, one.owner, one.settings) == ("padim", "offspec", "")
    assert one.config == FitConfig(detector="padim", resolution="fast", threads=2)


def test_brackets_hold_options_and_settings_and_commas_outside_them_separate() -> None:
    words = ["plain=patchcore[whiten=false,search=global,align=none]", "reference,padim"]
    plain, reference, padim = parse_methods(words, BASE, None)
    assert plain.name == "plain"
    assert plain.settings == "whiten=false,search=global,align=none"
    assert plain.config.options == {"whiten": False, "search": "global"}
    assert plain.config.align == "none"
    assert (reference.config.options, padim.config.align) == ({}, "auto")


def test_the_budget_goes_to_those_that_train() -> None:
    student, padim = parse_methods(["student[training.steps=3]", "padim"], BASE, 0.5)
    assert student.config.options == {"training": {"minutes": 0.5, "steps": 3}}
    assert padim.config.options == {}


def test_options_of_the_file_stay_with_its_detector() -> None:
    base = FitConfig(detector="patchcore", options={"window": 1})
    patchcore, padim = parse_methods(["patchcore[neighbours=1]", "padim"], base, None)
    assert patchcore.config.options == {"window": 1, "neighbours": 1}
    assert base.options == {"window": 1}
    assert padim.config.options == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("best", "Detector 'best' is unknown"),
        ("patchcore[windows=1]", "no option 'windows'"),
        ("patchcore[window=2]", "window"),
        ("patchcore[align=sideways]", "align"),
        ("patchcore[window]", "no setting"),
        ("Patch core!", "names no detector"),
        ("padim,padim", "more than once"),
        (" , ", "none given"),
    ],
)
def test_wrong_words_are_refused_before_any_run(words: str, said: str) -> None:
    with pytest.raises(OptionError, match=re.escape(said)):
        parse_methods([words], BASE, None)


# -- samples ---------------------------------------------------------------------


def test_a_sample_is_fixed_and_keeps_both_labels(tmp_path: Path) -> None:
    root = write_mvtec(tmp_path, normals=6, test_good=4, per_flaw=4)
    small = sampled(root, seed=0, normals=3, tests=5)
    assert small.records == sampled(root, seed=9, normals=3, tests=5).records
    assert len(small.normals) == 3
    assert sorted(str(r.label) for r in small.test) == ["ng", "ng", "ng", "ok", "ok"]
    assert len(sampled(root, seed=0, normals=99, tests=99)) == 6 + 4 + 8


# -- runs ------------------------------------------------------------------------


def test_runs_take_turns_set_by_set() -> None:
    bench = MethodBench(parse_methods(["padim,patchcore"], BASE, None), [Path("a"), Path("b")])
    assert [(d.name, m.name) for d, _, m in bench.runs()] == [
        ("a", "padim"), ("a", "patchcore"), ("b", "padim"), ("b", "patchcore"),
    ]  # fmt: skip


def test_a_run_that_fails_leaves_a_row_and_the_others_finish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stage(command: Any, stage: str, job: Mapping[str, Any], threads: Any) -> dict[str, Any]:
        if job["config"]["detector"] == "padim":
            return {"error": {"code": "dataset", "message": "too few"}}
        if job["config"]["detector"] == "patchcore":
            raise RuntimeBackendError("ended with status -9")
        return {"fit_s": 1.0} if stage == "fit" else {"aupro_30": 0.5}

    monkeypatch.setattr(bench_methods, "run_stage", stage)
    methods = parse_methods(["padim,patchcore,reference"], BASE, None)
    padim, patchcore, reference = run_methods(MethodBench(methods, [Path("a")]))
    assert padim["error"] == {"code": "dataset", "message": "too few"}
    assert patchcore["error"]["code"] == "runtime_backend"
    assert reference["fit_s"] == 1.0
    assert reference["aupro_30"] == 0.5
    assert "error" not in reference


def test_a_process_that_dies_is_quoted(tmp_path: Path) -> None:
    import sys

    dying = [sys.executable, "-c", "import sys; sys.exit('out of luck')"]
    with pytest.raises(RuntimeBackendError, match="out of luck"):
        bench_methods.run_stage(dying, "fit", {"folder": str(tmp_path)}, 1)


def test_the_peer_runs_its_own_methods_only() -> None:
    asked: list[str] = []

    def peer(method: Method, dataset: Path, seed: int, folder: Path) -> dict[str, Any]:
        asked.append(method.name)
        assert folder.is_dir()
        return {"fit_s": 2.0}

    methods = [Method("anomalib padim", FitConfig(detector="padim"), "anomalib")]
    (row,) = run_methods(MethodBench(methods, [Path("a")], peer=peer))
    assert asked == ["anomalib padim"]
    assert (row["fit_s"], row["method"]) == (2.0, "padim")


def test_percentiles_of_times() -> None:
    assert percentiles([1.0, 2.0, 3.0]) == {
        "latency_p50_ms": 2.0,
        "latency_p95_ms": pytest.approx(2.9),
    }


# -- tables ----------------------------------------------------------------------


def row(detector: str, place: str, seed: int = 0, **more: Any) -> dict[str, Any]:
    owner = "anomalib" if detector.startswith("anomalib") else "offspec"
    figures = {
        "image_auroc": 0.9, "pixel_auroc": 0.95, "aupro_30": 0.8, "aupro_05": 0.5,
        "detection_rate": 0.75, "false_stop_rate": 0.05, "fit_s": 2.0, "latency_p50_ms": 10.0,
        "latency_p95_ms": 12.0, "memory_fit_mb": 400.0, "memory_inspect_mb": 200.0,
        "bundle_mb": 5.0, "steps": None, "normals": 10, "test_images": 5,
    }  # fmt: skip
    named = {
        "detector": detector,
        "owner": owner,
        "method": detector.rsplit(maxsplit=1)[-1].split("-", maxsplit=1)[0],
    }
    return {**named, "settings": "", "set": place, "seed": seed, **figures, **more}


def test_means_over_sets_and_spread_over_seeds() -> None:
    rows = [
        row("padim", "a", 0, aupro_30=0.6), row("padim", "b", 0, aupro_30=0.8),
        row("padim", "a", 1, aupro_30=0.7), row("padim", "b", 1, aupro_30=0.9),
    ]  # fmt: skip
    a, b, mean = lines(rows)
    assert (a.place, b.place, mean.place) == ("a", "b", MEAN)
    assert a.figures["aupro_30"].mean == pytest.approx(0.65)
    assert mean.figures["aupro_30"].text(3) == "0.750 ± 0.071"
    assert mean.runs == 4
    assert mean.figures["steps"].text(0) == "–"


def test_an_undefined_figure_has_no_mean_and_a_failure_shows_its_words() -> None:
    rows = [row("padim", "a", image_auroc=None), row("padim", "b")]
    assert lines(rows)[-1].figures["image_auroc"].mean is None
    failed = row("reference", "a", error={"code": "dataset", "message": "3 images | are needed"})
    text = markdown([*rows, failed])
    assert "| reference | a | [dataset] 3 images / are needed |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_one_set_needs_no_mean_and_an_unfinished_detector_gets_none() -> None:
    assert [line.place for line in lines([row("padim", "a")])] == ["a"]
    half = [row("padim", "a"), row("reference", "a"), row("padim", "b")]
    assert [li.place for li in lines(half) if li.detector == "reference"] == ["a"]


def test_a_peer_is_compared_with_ours_of_the_same_kind_over_shared_sets() -> None:
    rows = [
        row("padim", "a", aupro_30=0.82, fit_s=2.0), row("reference", "a"),
        row("anomalib padim", "a", aupro_30=0.80, fit_s=30.0),
        row("padim", "b", fit_s=1000.0),
    ]  # fmt: skip
    (one,) = comparisons(rows)
    assert (one.peer, one.own) == ("anomalib padim", "padim")
    assert one.values["aupro_30"] == pytest.approx(2.0)
    assert one.values["fit_s"] == pytest.approx(15.0)
    text = markdown(rows)
    assert "| anomalib padim | padim | +0.0 | +0.0 | +2.0 | 15x |" in text
    assert comparisons([row("padim", "a")]) == []


def test_csv_holds_every_run_and_its_error() -> None:
    rows = [row("padim", "a"), row("x", "b", error={"code": "dataset", "message": "no, none"})]
    read = list(csv.DictReader(io.StringIO(csv_text(rows))))
    assert read[0]["aupro_30"] == "0.8"
    assert (read[1]["error_code"], read[1]["error_message"]) == ("dataset", "no, none")


# -- charts and page -------------------------------------------------------------


def test_bars_show_names_values_and_why_there_is_none() -> None:
    rows = [Bar("padim", 0.5, spread=0.1), Bar("<b>", None, note="[dataset] too few")]
    chart = bars(rows, title="t", digits=2)
    assert "0.50 ± 0.10" in chart
    assert "&lt;b&gt;: [dataset] too few" in chart
    assert "<b>" not in chart
    assert "Nothing to show" in bars([], title="t", digits=2)
    assert "…" in bars([Bar("x" * 300, 1.0)], title="t", digits=0)


def test_names_beside_crowded_points_do_not_cover_each_other() -> None:
    frame = Frame(Axis(0, 1), Axis(0, 1), height=380.0)
    dots = [(300.0 + 3 * i, 180.0 + 2 * i) for i in range(6)]
    parts = _names([f"detector-{i}" for i in range(6)], dots, frame)
    places = re.findall(r'x="([\d.]+)" y="([\d.]+)">', "".join(parts))
    boxes = [(float(x), float(y)) for x, y in places]
    assert len(boxes) == 6
    for at, (x, y) in enumerate(boxes):
        assert not any(abs(y - b) < 13 and abs(x - a) < 60 for a, b in boxes[:at])


def test_a_trade_off_without_points_says_so() -> None:
    assert "No points" in trade_off([Place("a", 0.0, 1.0)], title="t", x_label="x", y_label="y")
    assert ">a</text>" in trade_off([Place("a", 5.0, 0.5)], title="t", x_label="x", y_label="y")


def test_the_page_is_whole_offline_and_holds_everything() -> None:
    rows = [
        row("padim", "a"), row("padim-full", "a", settings="covariance=full"),
        row("anomalib padim", "a", parity=3e-7),
        row("reference", "a", error={"code": "dataset", "message": "<none>"}),
    ]  # fmt: skip
    environment = {"machine": "m", "cores": 2, "threads": 2, "versions": {"numpy": "2"},
                   "command": "offspec bench a"}  # fmt: skip
    text = bench_page(rows, environment)
    for words in ("padim-full", "covariance=full", "anomalib padim", "[dataset]", "&lt;none&gt;",
                  "Against the peer", "offspec bench a", "3.0e-07", "AU-PRO .30"):  # fmt: skip
        assert words in text
    assert "<none>" not in text
    assert not re.search(r"<script|<link|src=\"http|url\(http", text)


def test_a_page_of_failures_only_still_stands() -> None:
    failed = [row("padim", "a", error={"code": "dataset", "message": "none"})]
    assert "[dataset] none" in bench_page(failed, {})
