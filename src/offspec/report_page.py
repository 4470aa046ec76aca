"""The shell of the report: one HTML file with its own style, no script, nothing fetched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from offspec.chart_frame import CHART_CSS

_CSS = """
:root{color-scheme:light dark;--ink:#16202a;--ink-2:#51606e;--line:#e1e6eb;--line-2:#aab6c0;
--page:#f3f5f7;--card:#fff;--ok:#2b6cb0;--ng:#c2452d;--calm:#8a97a3;--warn:#b7791f;
--good:#22764f;--good-bg:#e5f4ec;--bad-bg:#fbe9e5;--warn-bg:#fcf1dc;--calm-bg:#e9edf1}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--ink-2:#a3b1be;--line:#2c3741;
--line-2:#5a6875;--page:#11171c;--card:#1a2229;--ok:#6aaef0;--ng:#f0806a;--calm:#93a1ad;
--warn:#e5b454;--good:#6fd3a0;--good-bg:#17342a;--bad-bg:#3d211c;--warn-bg:#3a2d14;
--calm-bg:#26303a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 22px 60px}
header.top{display:flex;justify-content:space-between;align-items:flex-end;gap:20px;
flex-wrap:wrap;margin-bottom:16px}
h1{font-size:27px;line-height:1.2;margin:0}
h2{font-size:19px;margin:0 0 4px}h3{font-size:15px;margin:0 0 6px}
.sub{color:var(--ink-2);margin:2px 0 0}.small{font-size:13px;color:var(--ink-2)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:20px 22px;margin:16px 0}
section>p:first-of-type{margin-top:0}
.lead{max-width:76ch;color:var(--ink-2);margin:0 0 14px}
.verdict{border-left:7px solid var(--tone)}
.verdict ul{margin:10px 0 0;padding:0;list-style:none;font-size:17px}
.verdict li{padding:5px 0 5px 28px;position:relative}
.verdict li::before{content:"";position:absolute;left:4px;top:13px;width:11px;height:11px;
border-radius:50%;background:var(--tone)}
.lights{margin:0 0 12px;padding:0;list-style:none}
.lights li{padding:3px 0 3px 22px;position:relative}
.lights li::before{content:"";position:absolute;left:2px;top:10px;width:9px;height:9px;
border-radius:50%;background:var(--tone)}
.note{border-left:4px solid var(--tone);padding:2px 0 2px 12px}
section>figure{margin:14px 0}section>figure img.fit{width:auto;max-width:100%}
.sign td{height:46px;border:1px solid var(--line)}.sign th{border:1px solid var(--line)}
.t-good{--tone:var(--good)}.t-bad{--tone:var(--ng)}.t-warn{--tone:var(--warn)}
.t-calm{--tone:var(--calm)}
.kpis{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:16px 0}
.kpi{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px;
border-top:4px solid var(--tone)}
.kpi b{display:block;font-size:28px;line-height:1.15;overflow-wrap:anywhere;
font-variant-numeric:tabular-nums}
.kpi b.word{font-size:20px;line-height:1.6}
.kpi span{font-size:13px;color:var(--ink-2);display:block}.kpi .what{font-weight:600;
color:var(--ink);font-size:14px;margin-bottom:2px}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:22px}
.two>*{min-width:0}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:7px 10px;border-bottom:1px solid var(--line);vertical-align:top}
th{font-size:12.5px;color:var(--ink-2);font-weight:600}
td.n,th.n{text-align:right}tr:last-child td{border-bottom:0}
.scroll{overflow-x:auto}
.why{color:var(--ink-2);font-size:12.5px;max-width:60ch}
.chip{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12.5px;font-weight:600;
white-space:nowrap;background:var(--calm-bg);color:var(--ink)}
.chip.good{background:var(--good-bg);color:var(--good)}
.chip.bad{background:var(--bad-bg);color:var(--ng)}
.chip.warn{background:var(--warn-bg);color:var(--warn)}
.bar{position:relative;height:9px;border-radius:5px;background:var(--calm-bg);min-width:120px;
margin-top:6px}
.bar i{position:absolute;inset:0 auto 0 0;border-radius:5px;background:var(--ok)}
.bar u{position:absolute;top:-2px;bottom:-2px;border-left:2px solid var(--ink);
border-right:2px solid var(--ink);opacity:.35}
.shots{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:18px}
figure{margin:0}.narrow{max-width:660px}section>dl,section>h3{margin-top:18px}
figure .pair{display:grid;gap:4px}
figure .pair.tall{grid-template-columns:1fr 1fr}
figure .triple{display:grid;gap:4px;grid-template-columns:1fr 1fr 1fr;margin-top:4px}
figure .triple p{margin:0}
figure img{width:100%;display:block;border-radius:6px;background:#000}
figcaption{font-size:13px;color:var(--ink-2);margin-top:6px;overflow-wrap:anywhere}
figcaption b{color:var(--ink)}
.key{display:flex;gap:18px;flex-wrap:wrap;font-size:13px;color:var(--ink-2);margin:0 0 14px}
.key i{display:inline-block;width:13px;height:13px;border-radius:3px;margin-right:6px;
vertical-align:-2px}
details summary{cursor:pointer;font-weight:600}details[open] summary{margin-bottom:10px}
dl{display:grid;grid-template-columns:minmax(130px,max-content) 1fr;gap:5px 18px;margin:0;
font-size:14px}dt{color:var(--ink-2)}dd{margin:0;overflow-wrap:anywhere}
footer{color:var(--ink-2);font-size:13px;margin-top:20px}
@media (max-width:520px){.two{grid-template-columns:1fr}main{padding:16px 12px}}
@media print{:root{color-scheme:light;--ink:#000;--ink-2:#444;--line:#ccc;--line-2:#999;
--page:#fff;--card:#fff;--ok:#2b6cb0;--ng:#b03a24;--calm:#8a97a3;--warn:#8f5f14;--good:#1d6544;
--good-bg:#eef7f2;--bad-bg:#fbefec;--warn-bg:#fbf4e6;--calm-bg:#eee}
body{font-size:11pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:none;padding:0}section,.kpi,figure,tr{break-inside:avoid}
section.long{break-inside:auto}h2,h3{break-after:avoid}section{border-radius:0;padding:12px 0;
border-width:1px 0 0}section.verdict{border-left-width:7px;padding-left:14px}
h2,h3,.lead,.key{break-after:avoid}
.shots{display:block}.shots figure{display:inline-block;width:48%;margin:0 1.5% 14px 0;
vertical-align:top}.two{grid-template-columns:1fr 1fr}
@page{margin:14mm}}
"""


_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def seen(text: str) -> str:
    """Write control characters, and bytes of a file name that are no text, as escapes.

    HTML does not show them, XML and UTF-8 do not know them.
    """
    return _UNSEEN.sub(lambda match: ascii(match[0])[1:-1], text)


def page(title: str, body: Sequence[str]) -> str:
    """A finished document."""
    return seen(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none';img-src data:;style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_CSS}{CHART_CSS}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def section(title: str, lead: str, *parts: str, css: str = "") -> str:
    """A titled block with one sentence or two on how to read it; ``lead`` is plain text."""
    words = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f'<section class="{css}"><h2>{escape(title)}</h2>{words}{"".join(parts)}</section>'


def side_by_side(*parts: str) -> str:
    """Blocks beside each other where there is room."""
    return f'<div class="two">{"".join(f"<div>{p}</div>" for p in parts)}</div>'


def titled(title: str, part: str) -> str:
    """A block under a small heading."""
    return f"<h3>{escape(title)}</h3>{part}"


def chip(words: str, tone: str = "") -> str:
    """A small label; tone is good, bad, warn or empty."""
    return f'<span class="chip {tone}">{escape(words)}</span>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of ready HTML cells; columns in ``numeric`` are set to the right."""

    def cells(tag: str, values: Sequence[str]) -> str:
        right = [' class="n"' if i in numeric else "" for i in range(len(values))]
        return "".join(f"<{tag}{css}>{v}</{tag}>" for css, v in zip(right, values, strict=True))

    top = cells("th", [escape(h) for h in head])
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    inner = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{inner}</table></div>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values as a list; both plain text."""
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs)
    return f"<dl>{rows}</dl>"
