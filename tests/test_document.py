"""One document, drawn as HTML and as PDF: nothing in a text is ever read as markup."""

from __future__ import annotations

import re

import numpy as np
import pytest

from offspec.charts import Interval, interval_chart
from offspec.pages import document as d
from offspec.pages.document_html import to_html
from offspec.pages.document_pdf import plain_svg, to_pdf
from offspec.report_pictures import encode_jpeg

NASTY = 'a <script>x</script> & "q" #import "x" $1/0$ *b* @ref \\ `raw` // end'


def chart() -> str:
    return interval_chart([Interval(NASTY, 0.9, 0.7, 0.97, "ok", "18 of 20")], title=NASTY)


def document(words: str = NASTY) -> d.Document:
    picture = d.Picture(encode_jpeg(np.zeros((8, 12, 3), np.uint8)), words)
    blocks: tuple[d.Block, ...] = (
        d.Text(words),
        d.Text(words, "bad"),
        d.Bullets((d.Line(words, "good"), d.Line(words, "warn"))),
        d.Facts(((words, words),)),
        d.Table((words, "n"), ((words, d.Chip(words, "bad")),), (1,)),
        d.Chart(chart(), words),
        picture,
        d.Gallery((picture, picture)),
        d.Columns((d.Chart(chart()),), (d.Text(words),)),
        d.KeyFigures((d.Card(words, "94 %", words, "good"),)),
        d.Signatures((words, "Quality")),
    )
    return d.Document(words, words, (d.Section(words, words, blocks, "warn"),), words)


def test_every_block_is_drawn_and_every_text_escaped() -> None:
    page = to_html(document())
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 15
    assert "default-src 'none'" in page
    assert set(d.Block.__args__) == {type(b) for b in document().sections[0].blocks}


def test_the_pdf_holds_the_same_and_reads_no_markup() -> None:
    made = to_pdf(document())
    assert made.startswith(b"%PDF-")
    assert b"%%EOF" in made[-1024:]


def test_equal_documents_give_equal_bytes() -> None:
    assert to_pdf(document("part")) == to_pdf(document("part"))
    assert to_pdf(document("part")) != to_pdf(document("other"))


def test_charts_lose_their_variables_on_paper() -> None:
    plain = plain_svg(chart())
    assert "var(" not in plain
    assert re.search(r"stroke=\"#[0-9a-f]{6}\"", plain)


@pytest.mark.parametrize("words", ["", "ä ü é 漢字 →", "x" * 3000])
def test_texts_of_any_kind_can_be_set(words: str) -> None:
    assert to_pdf(document(words or " ")).startswith(b"%PDF-")
