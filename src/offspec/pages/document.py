"""What a report says, apart from how it looks: sections of plain text, tables, charts, pictures.

Texts are plain, never markup; ``document_html`` and ``document_pdf`` draw the same document.
"""

from __future__ import annotations

from dataclasses import dataclass

from offspec.report_words import Light, Line

__all__ = [
    "Block",
    "Bullets",
    "Card",
    "Chart",
    "Chip",
    "Columns",
    "Document",
    "Facts",
    "Gallery",
    "KeyFigures",
    "Light",
    "Line",
    "Picture",
    "Section",
    "Signatures",
    "Table",
    "Text",
]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; with a light it stands in a coloured bar."""

    words: str
    light: Light | None = None


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences with a light each."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """A word in a table with a colour of its own."""

    words: str
    light: Light = "calm"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain texts; the columns in ``numeric`` are set to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str | Chip, ...], ...]
    numeric: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """An SVG of ``offspec.charts``."""

    svg: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG, with a line of words below."""

    jpeg: bytes
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures in a grid."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Two columns where there is room."""

    left: tuple[Block, ...]
    right: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One figure in large type."""

    what: str
    value: str
    note: str = ""
    light: Light = "calm"


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """The figures that a reader with one minute needs."""

    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Signatures:
    """Lines to sign on, one a role."""

    roles: tuple[str, ...]


Block = (
    Text | Bullets | Facts | Table | Chart | Picture | Gallery | Columns | KeyFigures | Signatures
)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part; ``lead`` says how to read it, ``light`` marks a result."""

    title: str
    lead: str = ""
    blocks: tuple[Block, ...] = ()
    light: Light | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    footer: str = "Written by offspec."
