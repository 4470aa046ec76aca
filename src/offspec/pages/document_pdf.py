"""A document as PDF, typeset by Typst: offline, with its own fonts, nothing to install.

The texts reach Typst as data and are never read as its markup. What ``document.typ`` cannot show
(CSS variables in charts) is resolved here.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offspec.chart_frame import CHART_CSS
from offspec.errors import WriteError
from offspec.pages import document as d
from offspec.report_page import seen

_LAYOUT = Path(__file__).with_name("document.typ")
_VARIABLE = re.compile(r"var\(--[\w-]+,\s*(#[0-9a-fA-F]{3,8})\)")


def to_pdf(document: d.Document) -> bytes:
    """The whole file, A4.

    Raises:
        WriteError: Typst could not set it.
    """
    files = _Files()
    content = {
        "title": document.title,
        "subtitle": document.subtitle,
        "footer": document.footer,
        "sections": [_section(one, files) for one in document.sections],
    }
    files.found["content.json"] = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    files.found["main.typ"] = _LAYOUT.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.found.items():
            Path(folder, name).write_bytes(data)
        main = Path(folder, "main.typ")
        return _compiled(main)


def _compiled(main: Path) -> bytes:
    import typst  # noqa: PLC0415 - a large module that only a PDF needs

    try:
        made = typst.compile(main, root=main.parent, ignore_system_fonts=True, timestamp=0)
    except RuntimeError as error:
        raise WriteError(
            f"The report could not be set as PDF: {str(error)[:300]}. The HTML report holds the "
            "same. Write that one, and print it from a browser."
        ) from error
    assert isinstance(made, bytes)  # noqa: S101 - one document, one file
    return made


@dataclass
class _Files:
    """Pictures by the names under which the layout finds them."""

    found: dict[str, bytes] = field(default_factory=dict)

    def add(self, data: bytes, suffix: str) -> str:
        name = f"picture{len(self.found)}.{suffix}"
        self.found[name] = data
        return name


def _section(one: d.Section, files: _Files) -> dict[str, Any]:
    return {
        "title": one.title,
        "lead": one.lead,
        "light": one.light,
        "blocks": [_block(block, files) for block in one.blocks],
    }


def _block(block: d.Block, files: _Files) -> dict[str, Any]:
    kind = type(block).__name__
    if isinstance(block, d.Chart):
        name = files.add(plain_svg(block.svg).encode(), "svg")
        return {"kind": "Picture", "file": name, "caption": block.caption, "wide": True}
    if isinstance(block, d.Picture):
        return {"kind": kind, **_picture(block, files)}
    if isinstance(block, d.Gallery):
        return {"kind": kind, "pictures": [_picture(one, files) for one in block.pictures]}
    if isinstance(block, d.Columns):
        sides = {"left": block.left, "right": block.right}
        return {"kind": kind} | {k: [_block(b, files) for b in v] for k, v in sides.items()}
    if isinstance(block, d.Table):
        rows = [[_cell(value) for value in row] for row in block.rows]
        return {"kind": kind, "head": block.head, "rows": rows, "numeric": block.numeric}
    return {"kind": kind, **_plain(block)}


def _picture(one: d.Picture, files: _Files) -> dict[str, Any]:
    return {"file": files.add(one.jpeg, "jpg"), "caption": one.caption, "wide": False}


def _cell(value: str | d.Chip) -> dict[str, str]:
    if isinstance(value, d.Chip):
        return {"words": value.words, "light": value.light}
    return {"words": value, "light": ""}


def _plain(block: d.Text | d.Bullets | d.Facts | d.KeyFigures | d.Signatures) -> Mapping[str, Any]:
    if isinstance(block, d.Text):
        return {"words": block.words, "light": block.light}
    if isinstance(block, d.Bullets):
        return {"lines": [{"words": one.words, "light": one.light} for one in block.lines]}
    if isinstance(block, d.Facts):
        return {"pairs": block.pairs}
    if isinstance(block, d.KeyFigures):
        cards = ({"what": c.what, "value": c.value, "note": c.note, "light": c.light}
                 for c in block.cards)  # fmt: skip
        return {"cards": list(cards)}
    return {"roles": block.roles}


def plain_svg(svg: str) -> str:
    """A chart with its style inside and every CSS variable replaced by its fallback."""
    start = svg.index(">") + 1
    style = f"<style>{CHART_CSS}</style>"
    return seen(_VARIABLE.sub(r"\1", f"{svg[:start]}{style}{svg[start:]}"))
