"""The documentation is held against the program: commands, options, links, names, words."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import offspec
from offspec.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Words that say a page was not finished, or that speak of how it came about.
STALE = re.compile(
    r"\b(TODO|FIXME|XXX|TBD|WIP|lorem|coming soon|to be written|not yet written)\b"
    r"|/(?:home|root|tmp|work|Users)/|localhost",
    re.IGNORECASE,
)
# One word per idea (docs/glossary.md): what not to call things.
OTHER_WORDS = re.compile(
    r"\b(ROIs?|anomaly score|heat map|ground truth mask|memory gallery|state[- ]of[- ]the[- ]art"
    r"|blazing|cutting[- ]edge|revolutionary|seamless(?:ly)?|effortless(?:ly)?)\b",
    re.IGNORECASE,
)
EXACT_WORDS = re.compile(r"\b(color|behavior|normaliz\w+|initializ(?:e|ed|es)|gray)\b")


def ident(value: object) -> str:
    if isinstance(value, Path):
        return value.relative_to(ROOT).as_posix()
    return value.where if isinstance(value, Fence | Line) else str(value)


@dataclass(frozen=True)
class Fence:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


@dataclass(frozen=True)
class Line:
    """One command line of a page."""

    where: str
    words: tuple[str, ...]


@cache
def fences(page: Path) -> tuple[Fence, ...]:
    found: list[Fence] = []
    start, language, body = 0, "", list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        mark = re.match(r"\s*```(\w*)\s*$", line)
        if mark and not start:
            start, language, body = number, mark[1], []
        elif mark:
            found.append(Fence(page, start, language, "\n".join(body) + "\n"))
            start = 0
        elif start:
            body.append(line)
    assert not start, f"{page}: the block of line {start} is never closed"
    return tuple(found)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"(?ms)^\s*```.*?^\s*```\s*$", "", page.read_text(encoding="utf-8"))


def shell_lines(language: str = "sh") -> Iterator[Line]:
    for page in PAGES:
        for fence in fences(page):
            if fence.language != language:
                continue
            joined = re.sub(r"\\\n\s*", " ", fence.text)
            for text in joined.splitlines():
                words = shlex.split(text, comments=True)
                if words:
                    yield Line(f"{fence.where} {' '.join(words[:3])}", tuple(words))


def inline_lines() -> Iterator[Line]:
    """Command lines in the running text, such as `offspec fit`."""
    for page in PAGES:
        for text in re.findall(r"`([^`\n]+)`", prose(page)):
            if re.match(r"(offspec|make|python -m) \S", text):
                words = tuple(shlex.split(text))
                yield Line(f"{page.name} `{text}`", words)


LINES = list(shell_lines())
INLINE = list(dict.fromkeys(inline_lines()))


# -- command lines -------------------------------------------------------------


def find_command(words: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """The command that the first words name, and the words that are left."""
    command: Any = typer.main.get_command(app)
    rest = words
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"'{rest[0]}' is none of {sorted(command.commands)}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options_of(command: Any) -> set[str]:
    return {name for option in command.params for name in option.opts} | {"--help", "-h"}


def check_options(command: Any, words: tuple[str, ...]) -> None:
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= options_of(command), f"{used - options_of(command)} are no options"


def check_offspec(words: tuple[str, ...], *, whole: bool) -> None:
    command, rest = find_command(words)
    check_options(command, rest)
    if whole:
        assert not hasattr(command, "commands"), "a subcommand is missing"
        command.make_context("offspec", list(rest))  # raises on a missing or surplus argument


@cache
def make_targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def check_make(words: tuple[str, ...]) -> None:
    targets = [word for word in words if "=" not in word]
    assert set(targets) <= make_targets(), f"{words}: known are {sorted(make_targets())}"


def check_python(words: tuple[str, ...]) -> None:
    if words[0] != "-m":
        script = ROOT / words[0]
        assert script.is_file(), f"there is no {script}"
        source, rest = script, words[1:]
    else:
        source, rest = ROOT / (words[1].replace(".", "/") + ".py"), words[2:]
        assert source.is_file(), f"there is no module {words[1]}"
    text = source.read_text(encoding="utf-8")
    for option in (word for word in rest if word.startswith("--")):
        assert f'"{option}"' in text, f"{words[1]} knows no {option}"


def check_pip(words: tuple[str, ...]) -> None:
    assert words[0] == "install", words
    for extra in re.findall(r"\[(\w+)\]", " ".join(words)):
        assert extra in PROJECT["optional-dependencies"], f"there is no extra '{extra}'"


def check_line(line: Line, *, whole: bool) -> None:
    words = line.words
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    program, rest = words[0], words[1:]
    if program == "offspec":
        check_offspec(rest, whole=whole)
    elif program == "make":
        check_make(rest)
    elif program == "python":
        check_python(rest)
    elif program == "pip":
        check_pip(rest)
    else:
        pytest.fail(f"{line.where}: '{program}' is no command that these pages use")


def test_there_are_command_lines_to_check() -> None:
    programs = {line.words[0] for line in LINES}
    assert {"offspec", "make", "python", "pip"} <= programs
    assert len(LINES) > 20


@pytest.mark.parametrize("line", LINES, ids=ident)
def test_command_lines_are_real(line: Line) -> None:
    check_line(line, whole=True)


@pytest.mark.parametrize("line", INLINE, ids=ident)
def test_commands_in_the_text_are_real(line: Line) -> None:
    check_line(line, whole=False)


def test_a_wrong_command_line_would_be_noticed() -> None:
    for words in (
        ("fitt", "dataset"),
        ("fit", "dataset", "--out", "x", "--treshold", "1"),
        ("inspect", "part.offspec"),
        ("template", "new"),
    ):
        with pytest.raises(Exception, match=r"none of|no options|Missing"):
            check_offspec(words, whole=True)


def test_every_command_stands_in_the_readme() -> None:
    named = set(re.findall(r"^\| `offspec (\w+)` \|", (ROOT / "README.md").read_text(), re.M))
    assert named == set(find_command(())[0].commands)


def test_options_in_the_how_to_texts_exist() -> None:
    """Options named alone in a sentence belong to some command."""
    root, _ = find_command(())
    groups = (root, *(root.commands[name] for name in ("template", "problem")))
    commands = [command for group in groups for command in group.commands.values()]
    known = {name for command in commands for name in options_of(command)}
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for option in re.findall(r"`(--[a-z-]+)", prose(page)):
            assert option in known, f"{page.name}: {option}"


# -- Python --------------------------------------------------------------------

PYTHON = [fence for page in PAGES for fence in fences(page) if fence.language == "python"]


@pytest.mark.parametrize("fence", PYTHON, ids=ident)
def test_python_blocks_use_real_names(fence: Fence) -> None:
    lines = fence.text.splitlines()
    indent = min((len(t) - len(t.lstrip()) for t in lines if t.strip()), default=0)
    tree = ast.parse("\n".join(t[indent:] for t in lines))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "offspec":
                assert node.attr in offspec.__all__, f"offspec.{node.attr} is not public"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("offspec"):
            module = import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_options_of_fit_and_fields_of_its_settings_are_the_same_words() -> None:
    command, _ = find_command(("fit",))
    options = {p.name for p in command.params} - {
        "dataset",
        "out",
        "template",
        "config",
        "print_config",
        "exclude",
        "quiet",
        "json_file",
    }
    assert options | {"options"} == set(offspec.FitConfig.__dataclass_fields__)


# -- links, files, words ---------------------------------------------------------


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target} does not exist"
        assert linked.is_relative_to(ROOT), f"{page.name}: {target} leaves the repository"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name}: {target} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_source_files_that_are_named_exist(page: Path) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "tests", "benchmarks", "examples", "pretraining")
        for path in (ROOT / folder).rglob("*.py")
    }
    sketched = {"src/offspec/detectors/brightness.py"}  # CONTRIBUTING writes it step by step
    for name in set(re.findall(r"`([\w./-]+\.py)`", prose(page))) - sketched:
        assert any(f == name or f.endswith(f"/{name}") for f in files), f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_no_stale_or_foreign_words(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = [m[0] for rule in (STALE, OTHER_WORDS) for m in rule.finditer(text)]
    assert found + EXACT_WORDS.findall(re.sub(r"`[^`]*`", "", prose(page))) == []


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        here = todo.pop()
        if here in seen or here.suffix != ".md" or not here.is_file():
            continue
        seen.add(here)
        links = re.findall(r"\]\(([^)#\s]+)", prose(here))
        todo += [(here.parent / link).resolve() for link in links if "://" not in link]
    assert page in seen


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs/images").iterdir():
        assert picture.stat().st_size < 300_000, f"{picture.name} is over 300 kB"


def test_versions_agree() -> None:
    assert PROJECT["version"] == offspec.__version__
    assert f"## [{offspec.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_core_packages_in_the_readme_are_the_real_ones() -> None:
    row = next(
        line
        for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith("| core |")
    )
    names = {re.split(r"[<>=\[]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert {name.strip() for name in row.split("|")[2].split(",")} == names


def test_tasks_are_documented() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:.*## ", text, re.M) for target in make_targets())
    assert "torch" not in " ".join(PROJECT["dependencies"])
