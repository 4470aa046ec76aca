"""The import rule, held against the actual imports: ARCHITECTURE.md is the one list of layers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import offspec

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "offspec"

# Only these may import what a model is learned with; DESIGN: "fitting, the only module that
# imports detectors and runtime".
LEARNERS = frozenset({"graphs", "networks", "learning", "detectors", "fitting"})

THIRD_PARTY = {
    "onnxruntime": (
        "runtime.onnxruntime",
        "detectors",
        "foreign_backbone",
        "networks",
        "peer_job",
    ),
    "onnx": ("graphs", "detectors", "foreign_backbone", "file_backbone", "networks", "peer_job"),
    "spox": ("graphs",),
    "scipy": ("guarantee", "detectors", "health", "decisions"),
    "sklearn": ("detectors", "health", "decisions"),
    "pydantic": (
        "options",
        "networks",
        "detectors",
        "foreign_backbone",
        "file_backbone",
        "run_config",
        "augment",
        "problem",
        "jobs",
        "server",
    ),
    "sqlalchemy": ("store", "server"),
    "alembic": ("store",),
    "argon2": ("store",),
    "fsspec": ("store",),
    "psycopg": (),
    "fastapi": ("server",),
    "starlette": ("server",),
    "prometheus_client": ("server",),
    "uvicorn": ("cli.serve_cmd", "server.http_head"),
    "typer": ("cli",),
    "rich": ("cli",),
    "torch": ("networks", "detectors", "peer_anomalib"),
    "timm": ("networks.timm_import",),
    "torchvision": (),
    "safetensors": ("networks.timm_network",),
    "huggingface_hub": ("networks.timm_network",),
    "anomalib": ("peer_anomalib",),
    "pretraining": (),
    "ray": (),
    "openvino": (),
    "PIL": ("capture",),
    "typst": ("pages.document_pdf",),
    "imageio": (),
    "tifffile": (),
    "matplotlib": (),
    "pickle": (),
}
DECODERS = frozenset(
    {"imread", "imreadmulti", "imreadanimation", "imdecode", "imdecodemulti", "VideoCapture"}
)
ENCODERS = frozenset({"imwrite", "imwritemulti", "imencode", "imencodemulti", "VideoWriter"})
HEAVY = ("torch", "timm", "ray", "sklearn", "scipy", "onnx", "spox", "pydantic")


@dataclass(frozen=True)
class Import:
    """One import statement, resolved to a module."""

    importer: str
    target: str
    line: int
    in_function: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def statements(node: ast.AST, *, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below one, and whether it lies inside a function."""
    for child in ast.iter_child_nodes(node):
        yield child, in_function
        deeper = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from statements(child, in_function=deeper)


def absolute(module: str, node: ast.ImportFrom) -> str:
    assert node.level == 0, f"{module}: line {node.lineno}: imports are written in full"
    return node.module or ""


@cache
def imports_of(module: str) -> tuple[Import, ...]:
    """Every import of a module, those inside functions and for type checkers included."""
    found: list[Import] = []
    for node, in_function in statements(tree_of(module)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = dict.fromkeys(imported_names(module, node))
            found += [Import(module, name, node.lineno, in_function) for name in names]
    return tuple(found)


def imported_names(module: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Modules that a statement imports; ``from offspec import graphs`` is ``offspec.graphs``."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = absolute(module, node)
    inside = base.removeprefix("offspec").lstrip(".")
    for alias in node.names:
        full = f"{inside}.{alias.name}".lstrip(".")
        is_ours = base.split(".")[0] == "offspec"
        yield f"offspec.{full}" if is_ours and full in MODULES else base


def ours(module: str) -> Iterator[tuple[Import, str]]:
    for found in imports_of(module):
        if found.target.split(".")[0] == "offspec":
            yield found, found.target.removeprefix("offspec").lstrip(".")


def layers() -> dict[str, str]:
    """Top-level module to layer, in order from left to right."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    match = re.search(r"```layers\n(.*?)```", text, re.DOTALL)
    assert match, "ARCHITECTURE.md has no ```layers block"
    result: dict[str, str] = {}
    layer = ""
    for line in match[1].splitlines():
        words = line.split()
        if not line.startswith(" "):
            layer, *words = words
        for word in words:
            assert word not in result, f"{word} stands in two layers"
            result[word] = layer
    return result


LAYERS = layers()
ORDER = list(dict.fromkeys(LAYERS.values()))


def layer_of(module: str) -> str:
    """The module's layer; the left-most for one without, which a test of its own reports."""
    return LAYERS.get(module.split(".", maxsplit=1)[0], ORDER[0])


def test_every_module_stands_in_one_layer() -> None:
    there = {module.split(".")[0] for module in MODULES if module}
    assert there - LAYERS.keys() == set(), "add them to the layers block of ARCHITECTURE.md"
    assert LAYERS.keys() - there == set(), "remove them from the layers block of ARCHITECTURE.md"


@pytest.mark.parametrize("layer", ORDER)
def test_imports_point_left(layer: str) -> None:
    wrong = [
        f"{module}:{found.line} ({layer}) imports {target} ({layer_of(target)})"
        for module in MODULES
        if module and layer_of(module) == layer
        for found, target in ours(module)
        if target and ORDER.index(layer_of(target)) > ORDER.index(layer)
    ]
    assert wrong == []


def test_only_fitting_imports_what_models_are_learned_with() -> None:
    wrong = [
        f"{module}:{found.line} imports {target}"
        for module in MODULES
        if module and layer_of(module) not in LEARNERS
        for found, target in ours(module)
        if target and layer_of(target) in {"graphs", "learning", "detectors"}
    ]
    assert wrong == []


def test_there_is_no_import_cycle() -> None:
    edges = {module: sorted({t for _, t in ours(module) if t}) for module in MODULES if module}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for target in edges[module]:
            if target != module:
                visit(target, (*path, module))
        done.add(module)

    for module in edges:
        visit(module, ())


@pytest.mark.parametrize("package", THIRD_PARTY)
def test_third_party_packages_keep_to_their_place(package: str) -> None:
    allowed = THIRD_PARTY[package]
    wrong = [
        f"{module}:{found.line}"
        for module in MODULES
        for found in imports_of(module)
        if found.target.split(".")[0] == package
        and not any(module == a or module.startswith(f"{a}.") for a in allowed)
    ]
    assert wrong == [], f"only {allowed or 'nobody'} may import {package}"


TRAINING = ("pretraining", "tests/pretraining", "src/offspec/networks")
"""The only folders where torch has to be there."""
TRAINING_IMPORTS = re.compile(r"^(\s*)(?:from|import) +(?:torch|torchvision|pretraining)\b", re.M)


def test_torch_and_the_training_code_stay_where_they_belong() -> None:
    """Benchmarks and trained detectors load them when they come to need them."""
    found: dict[str, set[str]] = {"training": set(), "module": set(), "function": set()}
    for folder in ("src", "tests", "benchmarks", "examples", "pretraining"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            for indent in TRAINING_IMPORTS.findall(path.read_text(encoding="utf-8")):
                own = any(name.startswith(f"{home}/") for home in TRAINING)
                place = "function" if indent.strip("\n") else "module"
                found["training" if own else place].add(name)
    assert found["training"]
    assert found["module"] == set()
    late = {n for n in found["function"] if not n.startswith("src/offspec/detectors/")}
    late -= {"src/offspec/peer_anomalib.py"}  # a program for another interpreter
    assert {name.split("/")[0] for name in late} <= {"benchmarks", "tests"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests/pretraining").glob("test_*.py")), ids=lambda path: path.stem
)
def test_tests_of_the_training_code_are_skipped_without_torch(path: Path) -> None:
    """With a reason, and before anything that needs it is imported."""
    text = path.read_text(encoding="utf-8")
    guard = text.find('pytest.importorskip("torch", reason="')
    first = TRAINING_IMPORTS.search(text)
    assert guard >= 0
    assert first is None or guard < first.start()


def test_the_program_for_a_peers_interpreter_stands_alone() -> None:
    """It runs where offspec is not installed, and its packages are not installed here."""
    assert [found.target for found, _ in ours("peer_anomalib")] == []
    wrong = [m for m in MODULES for _, target in ours(m) if target == "peer_anomalib"]
    assert wrong == []


def test_scipy_loads_inside_functions_where_the_runtime_could_meet_it() -> None:
    wrong = [
        f"{module}:{found.line}"
        for module in MODULES
        if module and layer_of(module) not in LEARNERS | {"decisions"}
        for found in imports_of(module)
        if found.target.split(".")[0] == "scipy" and not found.in_function
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("functions", "allowed"),
    [(DECODERS, {"images"}), (ENCODERS, {"images", "report_pictures"})],
    ids=["decoder", "encoder"],
)
def test_image_files_pass_through_one_module(functions: frozenset[str], allowed: set[str]) -> None:
    users = {
        module
        for module in MODULES
        for node, _ in statements(tree_of(module))
        if (isinstance(node, ast.Attribute) and node.attr in functions)
        or (isinstance(node, ast.ImportFrom) and functions & {a.name for a in node.names})
    }
    assert users == allowed


def loaded_by(code: str, names: tuple[str, ...]) -> list[str]:
    """Which of these packages a fresh process has loaded after running the code."""
    script = f"import sys\n{code}\nprint(*[n for n in {names!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_package_itself_loads_nothing_heavy() -> None:
    assert loaded_by("import offspec", (*HEAVY, "numpy", "cv2", "onnxruntime", "typer")) == []


def test_the_runtime_needs_numpy_opencv_and_onnxruntime_only() -> None:
    learners = tuple(f"offspec.{m}" for m in LAYERS if LAYERS[m] in LEARNERS)
    assert loaded_by("import offspec.runtime", (*HEAVY, "typer", "rich", *learners)) == []


def test_the_command_line_starts_light() -> None:
    heavy = (*HEAVY, "cv2", "onnxruntime", "offspec.fitting", "offspec.evaluation")
    assert loaded_by("import offspec.cli", heavy) == []


def test_public_names_are_sorted_documented_and_real() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert offspec.__all__ == sorted(offspec.__all__)
    assert offspec.__all__ == documented
    for name in offspec.__all__:
        assert getattr(offspec, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = offspec.nothing
