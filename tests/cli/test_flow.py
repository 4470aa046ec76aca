from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from offspec.images import file_sha256, read_image, write_png
from offspec.types import ImageArray, Inspection
from tests.cli.conftest import SIDE, Run, draw, make_dataset

Offspec = Callable[..., Run]

EVALUATE_KEYS = {
    "image_auroc", "pixel_auroc", "pixel_ap", "aupro_30", "aupro_05", "f1_max", "seg_f1", "iou",
    "pixel_accuracy", "detection_rate", "false_alarm_rate", "false_stop_rate",
    "promised_false_alarm_rate", "guarantee_upper", "threshold_status", "invalid", "latency_ms",
    "throughput_per_s",
}  # fmt: skip
INSPECT_KEYS = {"image", "verdict", "deviation_score", "alignment", "regions", "timing_ms"}
REGION_KEYS = {"id", "name", "verdict", "deviation_score", "raw_score", "defects"}


def test_fit_reports_what_the_threshold_promises(
    offspec: Offspec, dataset: Path, tmp_path: Path
) -> None:
    run = offspec("fit", dataset, "--out", tmp_path / "p.offspec", "--json", "-",
                  "--false-alarm-rate", "0.2")  # fmt: skip
    assert run.code == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["threshold"]["status"] == "certified"
    assert result["threshold"]["words"] in run.stderr
    assert (tmp_path / "p.offspec").stat().st_size == result["bytes"]


def test_evaluate_gives_every_figure_and_a_report(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    run = offspec("evaluate", bundle, dataset, "--report", tmp_path / "r.html", "--json", "-")
    assert run.code == 0, run.stderr
    result = json.loads(run.stdout)
    assert result.keys() >= EVALUATE_KEYS
    for name in ("detection_rate", "false_alarm_rate", "false_stop_rate"):
        assert result[name].keys() == {"value", "low", "high", "n"}
    assert result["invalid"] == {"normal": 0, "defect": 0}
    assert result["latency_ms"].keys() == {"p50", "p95"}
    assert result["image_auroc"] == 1.0
    assert result["promised_false_alarm_rate"] == 0.01
    assert "<html" in (tmp_path / "r.html").read_text()
    assert result["bundle"] == {"file": bundle.name, "sha256": file_sha256(bundle)}
    assert result["dataset"]["excluded"] == 0


def test_evaluate_leaves_out_what_a_list_names(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("test/blot/000.png  # a wrong label\ntest/good/001.png\n")
    run = offspec(
        "evaluate", bundle, dataset, "--exclude", listed, "--json", tmp_path / "e.json",
        "--report", tmp_path / "r.html",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    result = json.loads((tmp_path / "e.json").read_text())
    assert result["images_tested"] == {"normal": 1, "defect": 2}
    assert result["dataset"]["excluded"] == 2
    assert "images left out by a list: 2" in run.stdout
    assert "excluded" in (tmp_path / "r.html").read_text()
    only_tests = tmp_path / "tests"  # without images to learn from
    shutil.copytree(dataset / "test", only_tests / "test")
    assert offspec("evaluate", bundle, only_tests, "--exclude", listed).code == 0
    listed.write_text("test/blot/nobody.png\n")
    assert offspec("evaluate", bundle, dataset, "--exclude", listed).code == 2


def test_inspect_lists_verdicts_and_a_bad_part_is_exit_0(
    offspec: Offspec, bundle: Path, dataset: Path
) -> None:
    run = offspec("inspect", bundle, dataset / "test/blot/000.png", dataset / "test/good/000.png",
                  "--json", "-")  # fmt: skip
    assert run.code == 0, run.stderr
    bad, good = json.loads(run.stdout)
    assert bad.keys() >= INSPECT_KEYS
    assert bad["regions"][0].keys() >= REGION_KEYS
    assert bad["verdict"] == "ng"
    assert bad["deviation_score"] > 0.5 > good["deviation_score"]
    defect = bad["regions"][0]["defects"][0]
    assert defect.keys() >= {"polygon", "area_px", "deviation_score"}
    xs, ys = zip(*defect["polygon"], strict=True)
    assert min(xs) < 30 < max(xs)
    assert min(ys) < 67 < max(ys)


def test_inspect_goes_on_after_an_unreadable_file(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((dataset / "test/good/000.png").read_bytes()[:200])
    run = offspec("inspect", bundle, broken, tmp_path / "absent.png",
                  dataset / "test/good/001.png", "--json", tmp_path / "out.json")  # fmt: skip
    assert run.code == 2
    results = json.loads((tmp_path / "out.json").read_text())
    assert [r.get("error", {}).get("code") for r in results] == [
        "image_decode", "image_decode", None,
    ]  # fmt: skip
    assert results[2]["verdict"] in ("ok", "ng", "review")
    assert "broken.png" in run.stderr


def test_inspect_takes_folders_and_writes_what_was_asked(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("overlays", "maps", "masks", "annotations")}
    options = [part for name, folder in folders.items() for part in (f"--{name}", folder)]
    run = offspec("inspect", bundle, dataset / "test/blot", *options, "--json", "-")
    assert run.code == 0, run.stderr
    assert len(json.loads(run.stdout)) == 3
    values = np.load(folders["maps"] / "000.npy", allow_pickle=False)
    assert values.shape == (SIDE, SIDE)
    assert values.dtype == np.float32
    mask = read_image(folders["masks"] / "000.png")[..., 0] > 0
    assert mask[60:74, 22:36].mean() > 0.5
    assert read_image(folders["overlays"] / "000.png").ndim == 3
    sidecar = json.loads((folders["annotations"] / "000.json").read_text())
    assert sidecar["shapes"]
    assert sidecar["imageWidth"] == SIDE


def test_results_of_equal_stems_do_not_overwrite_each_other(
    offspec: Offspec, bundle: Path, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_png(tmp_path / folder / "x.png", draw(300))
    run = offspec("inspect", bundle, tmp_path / "a", tmp_path / "b", "--masks", tmp_path / "m")
    assert run.code == 0, run.stderr
    assert len(list((tmp_path / "m").iterdir())) == 2


def test_calibrate_replaces_the_calibration(offspec: Offspec, bundle: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for index in range(9):
        write_png(fresh / f"{index}.png", draw(500 + index))
    run = offspec("calibrate", bundle, "--normal", fresh, "--false-alarm-rate", "0.1",
                  "--out", bundle, "--json", "-")  # fmt: skip
    assert run.code == 0, run.stderr
    threshold = json.loads(run.stdout)["threshold"]
    assert (threshold["n"], threshold["status"]) == (9, "certified")


def test_calibrate_refuses_images_the_model_learned(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    before = bundle.read_bytes()
    run = offspec("calibrate", bundle, "--normal", dataset / "train/good", "--out", bundle)
    assert run.code == 2
    assert "error [dataset]" in run.stderr
    assert bundle.read_bytes() == before


def test_a_threshold_by_hand_is_kept_with_who_and_why(
    offspec: Offspec, bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "manual.offspec"
    run = offspec("calibrate", bundle, "--threshold-raw", "1e6", "--who", "Ada",
                  "--why", "trial", "--out", out, "--json", "-")  # fmt: skip
    assert run.code == 0, run.stderr
    threshold = json.loads(run.stdout)["threshold"]
    assert threshold["status"] == "manual"
    assert threshold["guarantee_upper"] is None
    assert "Ada" in threshold["words"]


@pytest.mark.parametrize(
    "options",
    [[], ["--threshold-raw", "5"], ["--who", "Ada"], ["--threshold-raw", "5", "--who", "Ada"]],
)
def test_calibrate_asks_for_what_is_missing(
    offspec: Offspec, bundle: Path, tmp_path: Path, options: list[str]
) -> None:
    run = offspec("calibrate", bundle, *options, "--out", tmp_path / "x.offspec")
    assert run.code == 2
    assert "error [option]" in run.stderr
    assert not (tmp_path / "x.offspec").exists()


def test_export_writes_plain_onnx(offspec: Offspec, bundle: Path, tmp_path: Path) -> None:
    run = offspec("export", bundle, "--out", tmp_path / "plain", "--json", "-")
    assert run.code == 0, run.stderr
    files = json.loads(run.stdout)["files"]
    assert any(name.endswith(".onnx") for name in files)
    assert any(name.endswith(".json") for name in files)


@pytest.mark.parametrize(
    "options",
    [
        ["--detector", "oracle"],
        ["--backbone", "magic"],
        ["--mode", "video"],
        ["--kind", "thing"],
        ["--resolution", "huge"],
        ["--align", "wish"],
        ["--false-alarm-rate", "1.5"],
        ["--smallest-defect", "-3"],
    ],
)
def test_fit_refuses_unknown_words_and_writes_nothing(
    offspec: Offspec, dataset: Path, tmp_path: Path, options: list[str]
) -> None:
    out = tmp_path / "x.offspec"
    run = offspec("fit", dataset, "--out", out, *options)
    assert run.code == 2
    assert run.stderr.startswith("error [")
    assert options[1].lstrip("-") in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_exit_2(offspec: Offspec, dataset: Path) -> None:
    run = offspec("fit", dataset, "--out", "x.offspec", "--magic")
    assert run.code == 2
    assert "--magic" in run.stderr


def test_evaluate_refuses_learned_images(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    other = make_dataset(tmp_path / "other")
    (other / "train/good/000.png").replace(other / "test/good/zz.png")
    run = offspec("evaluate", bundle, other, "--json", tmp_path / "r.json")
    assert run.code == 2
    assert "test/good/zz.png" in run.stderr
    assert not (tmp_path / "r.json").exists()


def test_a_missing_bundle_and_a_missing_dataset_say_so(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path
) -> None:
    for arguments in (
        ["evaluate", tmp_path / "no.offspec", dataset],
        ["evaluate", bundle, tmp_path / "nowhere"],
        ["inspect", tmp_path / "no.offspec", dataset / "test/good/000.png"],
        ["fit", tmp_path / "nowhere", "--out", tmp_path / "x.offspec"],
        ["export", tmp_path / "no.offspec", "--out", tmp_path / "plain"],
    ):
        run = offspec(*arguments)
        assert run.code == 2, arguments
        assert run.stderr.startswith("error ["), arguments


def test_fit_to_a_missing_folder_fails_before_the_work(offspec: Offspec, tmp_path: Path) -> None:
    run = offspec("fit", tmp_path / "no dataset either", "--out", tmp_path / "no" / "x.offspec")
    assert run.code == 2
    assert "error [write]" in run.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_half_written(
    number: int, code: int, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.offspec"
    out.write_bytes(b"the previous bundle")
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_WRITE, "fit", str(dataset), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    _, words = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in words
    assert out.read_bytes() == b"the previous bundle"
    assert [path.name for path in tmp_path.iterdir()] == ["x.offspec"]


# The bundle's bytes are on disk, aside, and the rename is next: the worst moment for a signal.
_SLOW_WRITE = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs start with it ignored
from offspec.cli import main
sync = os.fsync
def slow(file):
    sync(file)
    print("writing", flush=True)
    time.sleep(20)
os.fsync = slow
main()
"""


def test_inspect_loads_nothing_it_does_not_need(bundle: Path, dataset: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "offspec.cli", "inspect", str(bundle),
         str(dataset / "test/good/000.png"), "--json", "-"],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"scipy", "sklearn", "onnx", "spox", "torch", "rich", "offspec.fitting"}
    assert not loaded & heavy
    assert json.loads(done.stdout)[0]["verdict"] == "ok"


def test_a_fault_of_ours_on_one_image_does_not_cost_the_others(
    offspec: Offspec, bundle: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offspec.runtime import Inspector

    whole = Inspector.inspect
    calls: list[int] = []

    def fail_once(self: Inspector, image: ImageArray, *, with_map: bool = True) -> Inspection:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("boom")
        return whole(self, image, with_map=with_map)

    monkeypatch.setattr(Inspector, "inspect", fail_once)
    run = offspec("inspect", bundle, dataset / "test/good", "--json", "-")
    assert run.code == 2
    first, second = json.loads(run.stdout)
    assert first["error"]["code"] == "internal"
    assert second["verdict"] == "ok"


def test_a_full_disk_is_an_error_and_the_old_file_stays(
    offspec: Offspec, bundle: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "r.json"
    target.write_text("old")

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    run = offspec("inspect", bundle, dataset / "test/good/000.png", "--json", target)
    assert run.code == 2
    assert "error [write]" in run.stderr
    assert target.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["part.offspec", "r.json"]


def test_a_corrupt_bundle_says_what_is_wrong(offspec: Offspec, bundle: Path, dataset: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 0xFF
    bundle.write_bytes(bytes(data))
    run = offspec("inspect", bundle, dataset / "test/good/000.png")
    assert run.code == 2
    assert run.stderr.startswith("error [bundle")


def test_equal_fits_are_equal_bytes(offspec: Offspec, dataset: Path, tmp_path: Path) -> None:
    for name, threads in (("a", 1), ("b", 2)):
        run = offspec("fit", dataset, "--out", tmp_path / name, "--threads", threads, "--quiet")
        assert run.code == 0, run.stderr
        assert run.stdout == ""
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_evaluate_goes_on_after_an_unreadable_file(
    offspec: Offspec, bundle: Path, tmp_path: Path
) -> None:
    other = make_dataset(tmp_path / "other")
    broken = other / "test/good/zz.png"
    broken.write_bytes((other / "test/good/000.png").read_bytes()[:200])
    run = offspec("evaluate", bundle, other, "--json", tmp_path / "r.json")
    assert run.code == 2
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["images_tested"] == {"normal": 2, "defect": 3}
    assert result["images"][-1]["error"]["code"] == "image_decode"
    assert "test/good/zz.png" in run.stdout
