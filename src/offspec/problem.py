"""``problem.json``: what is asked of the inspection, and what counts as a defect.

    {"format": 1,
     "answers": {"task": "locate", "cost_miss": 80, "cost_false_alarm": 2},
     "defects": [{"type": "scratch", "words": "longer than 2 mm", "ng": ["ng/scratch_1.png"]}],
     "not_a_defect": [{"words": "fingerprints"}]}

An answer that is left out was not given; whoever needs it assumes something and says so. Example
images lie beside the file or in folders below it. The file holds answers; advice is kept apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field

from offspec.errors import ImageDecodeError, OptionError
from offspec.images import atomic_write, image_size_wh
from offspec.json_files import json_bytes, read_settings
from offspec.options import Options, parse_options
from offspec.types import Kind

FORMAT_VERSION = 1
Grade = Literal["ok", "borderline", "ng"]
GRADES: tuple[Grade, ...] = ("ok", "borderline", "ng")
Task = Literal["flag", "locate"]
Imaging = Literal["controlled", "variable"]


class Answers(Options):
    """The five questions of the trade; None = not answered."""

    normals: int | None = Field(default=None, ge=1, description="good images there are or will be")
    defects: int | None = Field(
        default=None, ge=0, description="images of defective parts there are"
    )
    task: Task | None = Field(
        default=None, description="flag a bad part, or locate the defect on it as well"
    )
    smallest_defect: float | None = Field(
        default=None,
        ge=1,
        description="width of the smallest defect that matters, in original pixels",
    )
    kind: Kind | None = Field(
        default=None, description="object (things have a place), texture (a surface), or auto"
    )
    cost_miss: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="cost of one defective part let through",
    )
    cost_false_alarm: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="cost of one good part stopped"
    )
    cost_review: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="cost of a second look by a person"
    )
    currency: str | None = Field(default=None, description="what the costs are counted in")
    defect_rate: float | None = Field(
        default=None, gt=0, lt=1, description="share of parts that are defective, such as 0.01"
    )
    false_alarm_rate: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of good parts that may be stopped, where it is fixed",
    )
    imaging: Imaging | None = Field(
        default=None, description="light, camera and position: controlled or variable"
    )
    parts_per_minute: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="images to judge in a minute"
    )
    latency_ms: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="longest time for one image, in milliseconds",
    )
    cores: int | None = Field(
        default=None, ge=1, description="CPU cores of the machine at the line"
    )


class DefectType(Options):
    """One type of defect, in words and examples.

    Attributes:
        ok: Images that show it so weakly that the part is good; likewise ``borderline``, ``ng``.
    """

    type: str = Field(min_length=1)
    words: str = ""
    ok: tuple[str, ...] = Field(default=(), strict=False)
    borderline: tuple[str, ...] = Field(default=(), strict=False)
    ng: tuple[str, ...] = Field(default=(), strict=False)

    def examples(self) -> tuple[str, ...]:
        """Every example image of the type."""
        return (*self.ok, *self.borderline, *self.ng)


class Harmless(Options):
    """Something that looks odd and is not a defect."""

    words: str = Field(min_length=1)
    images: tuple[str, ...] = Field(default=(), strict=False)


class ProblemStatement(Options):
    """The whole file."""

    format: int = FORMAT_VERSION
    answers: Answers = Answers()
    defects: tuple[DefectType, ...] = Field(default=(), strict=False)
    not_a_defect: tuple[Harmless, ...] = Field(default=(), strict=False)

    def images(self) -> Iterator[tuple[str, str]]:
        """Where an example is named, and its path relative to the file."""
        for one in self.defects:
            for grade in GRADES:
                for path in getattr(one, grade):
                    yield f"type '{one.type}', {grade}", path
        for odd in self.not_a_defect:
            for path in odd.images:
                yield f"not a defect, '{odd.words[:40]}'", path


def read_problem(path: Path | str) -> ProblemStatement:
    """Read and check a file.

    Raises:
        OptionError: Not such a file, another format, an unknown key, a value out of range, a type
            listed twice, or an example image that is missing, no image, or outside the folder.
    """
    what = (
        f"A problem statement is a JSON object with {', '.join(ProblemStatement.model_fields)}. "
        "`offspec problem new` writes one."
    )
    data = read_settings(path, what)
    version = data.get("format")
    if isinstance(version, bool) or version != FORMAT_VERSION:
        raise OptionError(
            f"'{path}' has format {version!r}. This version reads format {FORMAT_VERSION}. "
            "Update offspec, or write the file again with `offspec problem new`."
        )
    problem = parse_problem(data, f"'{path}'")
    check_problem(problem, Path(path).parent)
    return problem


def parse_problem(data: Mapping[str, Any], where: str) -> ProblemStatement:
    """A statement from parsed JSON; where its example images are is not looked at.

    Args:
        data: What the file holds.
        where: Whose it is, for messages.

    Raises:
        OptionError: An unknown key, a value out of range, another format, a type listed twice, or
            an image of two grades.
    """
    problem = parse_options(ProblemStatement, data, where)
    assert isinstance(problem, ProblemStatement)  # noqa: S101 - for the type checker
    if problem.format != FORMAT_VERSION:
        raise OptionError(
            f"The format of {where} is {problem.format}. This version reads format "
            f"{FORMAT_VERSION}. Update offspec, or leave the format out."
        )
    _check_types(problem)
    return problem


def statement_of(data: Mapping[str, Any]) -> ProblemStatement | None:
    """A project's statement; None = nothing was said.

    Raises:
        OptionError: As ``parse_problem``.
    """
    return parse_problem(data, "the problem statement") if data else None


def write_problem(path: Path | str, problem: ProblemStatement) -> None:
    """Check and write a file, whole or not at all.

    Raises:
        OptionError: As ``read_problem``; the file stays as it was.
        WriteError: The operating system refused.
    """
    check_problem(problem, Path(path).parent)
    atomic_write(path, json_bytes(problem.model_dump(mode="json")))


def check_problem(problem: ProblemStatement, folder: Path) -> None:
    """Check what single fields cannot: doubles, and the example images in ``folder``."""
    _check_types(problem)
    for where, name in problem.images():
        _check_example(where, name, folder)


def _check_types(problem: ProblemStatement) -> None:
    seen: set[str] = set()
    for one in problem.defects:
        key = one.type.strip().casefold()
        if not key or key in seen:
            raise OptionError(
                f"Defect type '{one.type}' is {'listed twice' if key else 'empty'}. Every type has "
                "one name and one entry. Join the entries, or rename one."
            )
        seen.add(key)
        _refuse_contradiction(one)


def _refuse_contradiction(one: DefectType) -> None:
    paths = one.examples()
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        grades = [grade for grade in GRADES if twice in getattr(one, grade)]
        raise OptionError(
            f"Image '{twice}' stands more than once under type '{one.type}' ({', '.join(grades)}). "
            "An example is OK, borderline or NG. Keep one of them."
        )


def _check_example(where: str, name: str, folder: Path) -> None:
    """An example is a readable image in the statement's folder or below."""
    path = PurePosixPath(name)
    drive = len(name) > 1 and name[1] == ":"
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or drive:
        raise OptionError(
            f"Example image '{name}' ({where}) does not lie with the problem statement. Paths are "
            "relative to its folder, with forward slashes and without '..'. Copy the image there."
        )
    file = folder / path
    if not file.is_file():
        raise OptionError(
            f"Example image '{name}' ({where}) is missing: there is no '{file}'. Every example "
            "named has to exist. Put the image there, or remove the line."
        )
    if not file.resolve().is_relative_to(folder.resolve()):
        raise OptionError(
            f"Example image '{name}' ({where}) is a link that leads out of the statement's folder. "
            "The folder has to be complete. Copy the image there."
        )
    try:
        image_size_wh(file)
    except ImageDecodeError as error:
        raise OptionError(f"Example image '{name}' ({where}): {error}") from error


def with_answers(problem: ProblemStatement, given: dict[str, Any]) -> ProblemStatement:
    """A copy with further answers laid over; None leaves an answer as it is.

    Raises:
        OptionError: Unknown answer, or a value out of range.
    """
    before = problem.answers.model_dump(exclude_none=True)
    more = {name: value for name, value in given.items() if value is not None}
    answers = parse_options(Answers, {**before, **more}, "the problem statement")
    return problem.model_copy(update={"answers": answers})


def with_defect(
    problem: ProblemStatement,
    kind: str,
    *,
    words: str | None = None,
    examples: dict[Grade, Sequence[str]] | None = None,
) -> ProblemStatement:
    """A copy with a defect type added; one that is there gets the words and further examples."""
    known = {one.type.strip().casefold(): one for one in problem.defects}
    before = known.get(kind.strip().casefold(), DefectType(type=kind or " "))
    more = examples or {}
    after = before.model_copy(
        update={
            "words": before.words if words is None else words,
            **{g: tuple(dict.fromkeys((*getattr(before, g), *more.get(g, ())))) for g in GRADES},
        }
    )
    kept = [after if one is before else one for one in problem.defects]
    if before not in problem.defects:
        kept.append(after)
    return problem.model_copy(update={"defects": tuple(kept)})


def with_harmless(
    problem: ProblemStatement, words: str, images: Sequence[str] = ()
) -> ProblemStatement:
    """A copy with one more thing that is not a defect; the same words gather images."""
    odd = parse_options(Harmless, {"words": words.strip(), "images": list(images)}, "not_a_defect")
    assert isinstance(odd, Harmless)  # noqa: S101 - for the type checker
    found: list[Harmless] = []
    for one in problem.not_a_defect:
        if one.words == odd.words:
            odd = Harmless(words=one.words, images=tuple(dict.fromkeys((*one.images, *odd.images))))
        else:
            found.append(one)
    return problem.model_copy(update={"not_a_defect": (*found, odd)})


def example_path(image: Path, problem_file: Path) -> str:
    """An image's path as the statement writes it.

    Raises:
        OptionError: The image does not lie in the statement's folder or below.
    """
    folder = problem_file.absolute().parent.resolve()
    full = image.absolute().resolve()
    if not full.is_relative_to(folder):
        raise OptionError(
            f"Example image '{image}' lies outside '{folder}', where '{problem_file.name}' is. "
            "Examples are kept with the statement. Copy the image there and name the copy."
        )
    return full.relative_to(folder).as_posix()
