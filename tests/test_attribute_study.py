"""The example of the AIAG manual, and what an attribute study refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from offspec.decisions.attribute_study import PASS, Limits, judge
from offspec.decisions.msa import MsaResult, measure_study
from offspec.decisions.msa_result import decision
from offspec.decisions.study_files import read_presentations, read_verdicts
from offspec.errors import DatasetError, OptionError
from tests.aiag_example import MIXED, write_csv
from tests.synth import part_image, write_part


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> MsaResult:
    return measure_study(verdicts=write_csv(tmp_path_factory.mktemp("aiag") / "aiag.csv"))


def test_the_cross_tables_of_the_manual(manual: MsaResult) -> None:
    """MSA manual, 4th edition, chapter III C: A*B, B*C, A*C; (bad, good) there, turned here."""
    tables = {(a, b): k.table for a, b, k in manual.pairs if k is not None}
    assert tables["A", "B"] == ((97, 3), (6, 44))
    assert tables["B", "C"] == ((94, 9), (5, 42))
    assert tables["A", "C"] == ((92, 8), (7, 43))
    against = [one.against_reference for one in manual.appraisers]
    assert [k.table for k in against if k] == [
        ((97, 3), (5, 45)),
        ((100, 3), (2, 45)),
        ((93, 6), (9, 42)),
    ]


def test_the_kappas_of_the_manual(manual: MsaResult) -> None:
    """Between .86, .78, .79; to the reference .88, .92, .77."""
    pairs = [round(k.kappa.value, 2) for _, _, k in manual.pairs if k is not None]
    assert pairs == [0.86, 0.78, 0.79]
    found = [one.against_reference for one in manual.appraisers]
    assert [round(k.kappa.value, 2) for k in found if k] == [0.88, 0.92, 0.77]


def test_the_effectiveness_of_the_manual(manual: MsaResult) -> None:
    """42, 45 and 40 of 50; intervals 71 to 93, 78 to 97, 66 to 90 %; the screen 39 of 50."""
    rates = [one.effectiveness for one in manual.appraisers]
    assert [rate.k for rate in rates] == [42, 45, 40]
    percents = [(round(100 * rate.low), round(100 * rate.high)) for rate in rates]
    assert percents == [(71, 93), (78, 97), (66, 90)]
    assert (manual.all_right.k, round(100 * manual.all_right.low)) == (39, 64)
    assert [one.repeatability.k for one in manual.appraisers] == [42, 45, 40]


def test_the_rates_of_the_manual(manual: MsaResult) -> None:
    """Miss rates 6.3, 6.3, 12.5 %; false alarms 4.9, 2.0, 8.8 %. All three fail by the misses."""
    assert [round(100 * one.miss_rate.value, 1) for one in manual.appraisers] == [6.2, 6.2, 12.5]
    alarms = [round(100 * one.false_alarm_rate.value, 1) for one in manual.appraisers]
    assert alarms == [4.9, 2.0, 8.8]
    assert [one.verdict for one in manual.appraisers] == ["fail", "fail", "fail"]
    assert manual.verdict == "fail"


def test_a_study_says_what_it_cannot_show(manual: MsaResult) -> None:
    words = manual.to_dict()["appraisers"][1]["words"]
    assert "The figure reaches 90 %, the study does not show it" in words[0]
    assert "34 good parts with this outcome cannot show it" in words[2]
    assert manual.appraisers[1].shown == {
        "effectiveness": False,
        "miss_rate": False,
        "false_alarm_rate": False,
    }


def test_discordant_parts_are_listed(manual: MsaResult) -> None:
    rows = manual.discordant()
    assert [row["part"] for row in rows] == [str(part) for part in MIXED]
    assert rows[1]["verdicts"]["C"] == ["ok", "ng", "ok"]
    assert rows[1]["wrong"] == {"A": 0, "B": 0, "C": 1}


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ((0.90, 0.02, 0.05), "pass"),
        ((0.89, 0.02, 0.05), "marginal"),
        ((0.95, 0.03, 0.05), "marginal"),
        ((0.80, 0.05, 0.10), "marginal"),
        ((0.99, 0.051, 0.0), "fail"),
        ((0.79, 0.0, 0.0), "fail"),
    ],
)
def test_the_usual_limits(figures: tuple[float, float, float], verdict: str) -> None:
    assert judge(*figures, PASS, Limits(0.80, 0.05, 0.10)) == verdict


def test_invalid_is_wrong_on_either_side_and_review_is_a_stop() -> None:
    assert decision("invalid", "ok") is True
    assert decision("invalid", "ng") is False
    assert decision("review", "ok") is True
    assert decision("review", "ng") is True


# --- tables ---

HEAD = "appraiser,part,trial,verdict,reference\n"


def table(tmp_path: Path, text: str, head: str = HEAD) -> Path:
    path = tmp_path / "verdicts.csv"
    path.write_text(head + text)
    return path


def lines(*parts: tuple[str, str, str], name: str = "A") -> str:
    """Part, its reference, its verdicts as letters g and b."""
    return "".join(
        f"{name},{part},{trial},{'good' if letter == 'g' else 'bad'},{reference}\n"
        for part, reference, letters in parts
        for trial, letter in enumerate(letters, start=1)
    )


BOTH = (("1", "good", "gg"), ("2", "bad", "bb"))


def cases() -> Iterator[tuple[str, str, str]]:
    """Name, table, what the message says."""
    yield "single trials", lines(("1", "good", "g"), ("2", "bad", "b")), "none of 2 parts twice"
    yield "one short", lines(("1", "good", "gg"), ("2", "bad", "b")), "part '2' 1 times"
    yield "only good", lines(("1", "good", "gg"), ("2", "good", "gg")), "All 2 parts are good"
    yield "only bad", lines(("1", "bad", "gg"), ("2", "bad", "gg")), "All 2 parts are bad"
    yield "contradiction", lines(*BOTH) + "B,1,1,good,bad\n", "is 'ng' on line 6"
    yield "duplicate", lines(*BOTH) + "A,1,2,good,good\n", "lines 3 and 6 both hold trial 2"
    yield "word", lines(*BOTH) + "A,1,3,perhaps,good\n", "unknown verdict 'perhaps'"
    yield "empty", lines(*BOTH) + "A,1,3,,good\n", "line 6 has no verdict"
    yield "nothing", "", "holds no verdict"
    yield "reference", lines(*BOTH) + "A,1,3,good,review\n", "A reference is good or bad"
    yield "no reference", "A,1,1,good,\nA,1,2,good,\n", "have no reference"
    yield "missing part", lines(*BOTH) + lines(BOTH[0], name="B"), "'B' judged part '2' 0 times"


@pytest.mark.parametrize(("text", "words"), [c[1:] for c in cases()], ids=[c[0] for c in cases()])
def test_bad_tables_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words.replace("(", r"\(")):
        measure_study(verdicts=table(tmp_path, text))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="lacks the column trial, verdict"):
        read_verdicts(table(tmp_path, "A,1\n", "appraiser,part\n"))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a table"):
        read_verdicts(table(tmp_path, f"A,{'1' * 200_000},1,good,good\n"))
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + "Jörg,1,1,good,good\n".encode("latin-1"))
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_verdicts(tmp_path / "latin.csv")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_verdicts(tmp_path / "none.csv")


def test_semicolons_and_other_words_are_read(tmp_path: Path) -> None:
    text = "A;1;1;OK\nA;1;2;NG\nA;1;3;review\nA;1;10;invalid\n"
    found = read_verdicts(table(tmp_path, text, "Appraiser;Part;Trial;Verdict\n"))
    assert [row.verdict for row in found] == ["ok", "ng", "review", "invalid"]


def test_trials_may_differ_in_number_and_that_is_said(tmp_path: Path) -> None:
    text = lines(("1", "good", "ggg"), ("2", "bad", "bb"), ("3", "bad", "bg"))
    found = measure_study(verdicts=table(tmp_path, text))
    assert any("number of trials differs, from 2 to 3" in note for note in found.notes)
    assert found.appraisers[0].miss_rate.n == 4


def test_a_study_without_any_flip_says_so(tmp_path: Path) -> None:
    found = measure_study(verdicts=table(tmp_path, lines(*BOTH)))
    assert any("Nobody ever changed a verdict" in note for note in found.notes)
    assert found.appraisers[0].verdict == "pass"
    assert not any(found.appraisers[0].shown.values())


def test_nothing_to_study_is_refused() -> None:
    with pytest.raises(OptionError, match="nothing to study"):
        measure_study()
    with pytest.raises(OptionError, match="marginal limits"):
        measure_study(verdicts="x.csv", marginal=Limits(0.95, 0.0, 0.0))
    with pytest.raises(OptionError, match="out of range"):
        measure_study(verdicts="x.csv", limits=Limits(90, 2, 5))


# --- folders ---


def photographs(root: Path, names: list[str]) -> Path:
    for seed, name in enumerate(names):
        write_part(root / name, part_image(seed))
    return root


def test_parts_are_told_by_name_folder_or_pattern(tmp_path: Path) -> None:
    by_name = photographs(tmp_path / "a", ["good/v07_1.png", "good/v07_2.png", "bad/w1-1.png"])
    assert [one.part for one in read_presentations(by_name)] == ["v07", "v07", "w1"]
    by_folder = photographs(tmp_path / "b", ["good/v7/x.png", "good/v7/y.png", "bad/w1/x.png"])
    assert [one.part for one in read_presentations(by_folder)] == ["v7", "v7", "w1"]
    plain = photographs(tmp_path / "c", ["good/board_001.png", "good/board_002.png", "bad/d.png"])
    assert len({one.part for one in read_presentations(plain)}) == 3
    assert len({one.part for one in read_presentations(plain, r"(?P<part>.).*")}) == 2


def test_a_part_that_is_good_and_bad_is_refused(tmp_path: Path) -> None:
    root = photographs(tmp_path, ["good/v07_1.png", "bad/v07_2.png"])
    with pytest.raises(DatasetError, match="Part 'v07' is good in 'good/v07_1"):
        read_presentations(root)


def test_patterns_are_checked(tmp_path: Path) -> None:
    root = photographs(tmp_path, ["good/v07_1.png"])
    with pytest.raises(OptionError, match="not a regular expression"):
        read_presentations(root, "(")
    with pytest.raises(OptionError, match="no group named 'part'"):
        read_presentations(root, ".*")


def test_loose_photographs_beside_part_folders_are_refused(tmp_path: Path) -> None:
    root = photographs(tmp_path, ["good/v7/x.png", "good/loose.png"])
    with pytest.raises(DatasetError, match="lies beside folders of parts"):
        read_presentations(root)
