"""A document as one self-contained HTML file: opens offline, prints, runs no script."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any

from offspec.pages import document as d
from offspec.report_page import chip, facts, page, section, table

_TONES: dict[str, str] = {"good": "good", "warn": "warn", "bad": "bad", "calm": ""}


def to_html(document: d.Document) -> str:
    """The whole page."""
    head = (
        f'<header class="top"><div><h1>{escape(document.title)}</h1>'
        f'<p class="sub">{escape(document.subtitle)}</p></div></header>'
    )
    body = [head, *(_section(one) for one in document.sections)]
    body.append(f"<footer>{escape(document.footer)}</footer>")
    return page(document.title, body)


def _section(one: d.Section) -> str:
    alone = len(one.blocks) == 1 and isinstance(one.blocks[0], d.KeyFigures)
    if alone and not one.title:
        return _block(one.blocks[0])
    css = f"verdict t-{one.light}" if one.light is not None else ""
    return section(one.title, one.lead, *(_block(b) for b in one.blocks), css=css)


def _block(block: d.Block) -> str:
    return _DRAW[type(block)](block)


def _text(block: d.Text) -> str:
    if block.light is None:
        return f"<p>{escape(block.words)}</p>"
    return f'<p class="note t-{block.light}">{escape(block.words)}</p>'


def _bullets(block: d.Bullets) -> str:
    rows = "".join(f'<li class="t-{one.light}">{escape(one.words)}</li>' for one in block.lines)
    return f'<ul class="lights">{rows}</ul>'


def _facts(block: d.Facts) -> str:
    return facts(block.pairs)


def _table(block: d.Table) -> str:
    rows = [[_cell(value) for value in row] for row in block.rows]
    return table(block.head, rows, block.numeric)


def _cell(value: str | d.Chip) -> str:
    if isinstance(value, d.Chip):
        return chip(value.words, _TONES[value.light])
    return escape(value)


def _chart(block: d.Chart) -> str:
    return f'<figure class="narrow">{block.svg}{_caption(block.caption)}</figure>'


def _picture(block: d.Picture) -> str:
    text = base64.b64encode(block.jpeg).decode("ascii")
    tag = f'<img class="fit" alt="{escape(block.caption)}" src="data:image/jpeg;base64,{text}">'
    return f"<figure>{tag}{_caption(block.caption)}</figure>"


def _caption(words: str) -> str:
    return f"<figcaption>{escape(words)}</figcaption>" if words else ""


def _gallery(block: d.Gallery) -> str:
    return f'<div class="shots">{"".join(_picture(one) for one in block.pictures)}</div>'


def _columns(block: d.Columns) -> str:
    sides = ("".join(_block(one) for one in side) for side in (block.left, block.right))
    return f'<div class="two">{"".join(f"<div>{side}</div>" for side in sides)}</div>'


def _key_figures(block: d.KeyFigures) -> str:
    return f'<div class="kpis">{"".join(_card(one) for one in block.cards)}</div>'


def _card(one: d.Card) -> str:
    css = ' class="word"' if not any(c.isdigit() for c in one.value) else ""
    return (
        f'<div class="kpi t-{one.light}"><span class="what">{escape(one.what)}</span>'
        f"<b{css}>{escape(one.value)}</b><span>{escape(one.note)}</span></div>"
    )


def _signatures(block: d.Signatures) -> str:
    heads = ("Role", "Name", "Date", "Signature")
    rows = "".join(f"<tr><td>{escape(r)}</td><td></td><td></td><td></td></tr>" for r in block.roles)
    top = "".join(f"<th>{h}</th>" for h in heads)
    return f'<table class="sign"><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>'


_DRAW: dict[type, Callable[[Any], str]] = {
    d.Text: _text,
    d.Bullets: _bullets,
    d.Facts: _facts,
    d.Table: _table,
    d.Chart: _chart,
    d.Picture: _picture,
    d.Gallery: _gallery,
    d.Columns: _columns,
    d.KeyFigures: _key_figures,
    d.Signatures: _signatures,
}
