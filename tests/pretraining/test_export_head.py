from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from offspec.backbones import make_backbone
from offspec.bundle.onnx_ops import ALLOWED_OPS
from offspec.embedded import read_weights
from offspec.types import FixedKind

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from pretraining import export_head as tool
from pretraining.export import ExportError
from pretraining.head import Head
from pretraining.network import STRIDE

CHANNELS = make_backbone("bank").card.channels
KINDS: tuple[FixedKind, ...] = ("object", "texture")
every_kind = pytest.mark.parametrize("kind", KINDS)


def used_head(kind: FixedKind, seed: int = 0) -> Any:
    """Random weights that say something."""
    torch.manual_seed(seed)
    head = Head(CHANNELS, fine=kind == "object").eval()
    with torch.no_grad():
        head.leave.weight.mul_(10)
    return head


def graph_of(head: Any, kind: FixedKind) -> onnx.ModelProto:
    found: onnx.ModelProto = tool.to_onnx(tool.rounded(head), texture=kind == "texture")
    return found


# -- parity ----------------------------------------------------------------------


@every_kind
def test_the_graph_is_the_head(kind: FixedKind) -> None:
    plain = tool.rounded(used_head(kind))
    worst = tool.check_parity(plain, graph_of(plain, kind), texture=kind == "texture")
    assert 0 <= worst < 1e-5


@every_kind
@pytest.mark.parametrize("part", ["project", "around.2", "mix.0", "context", "join", "leave"])
def test_one_wrong_layer_is_refused(kind: FixedKind, part: str) -> None:
    plain = tool.rounded(used_head(kind))
    wrong = tool.rounded(plain)
    with torch.no_grad():
        wrong.get_submodule(part).weight.mul_(0.5)
    with pytest.raises(ExportError, match=r"differs from torch by .* At most 0.001 is allowed"):
        tool.check_parity(plain, graph_of(wrong, kind), texture=kind == "texture")


@every_kind
def test_the_head_that_is_exported_is_left_alone(kind: FixedKind) -> None:
    head = used_head(kind)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    rounded = tool.rounded(head)
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())
    assert any(not torch.equal(v, before[name]) for name, v in rounded.state_dict().items())


# -- the file --------------------------------------------------------------------


@every_kind
def test_what_is_written_is_what_the_core_reads(kind: FixedKind, tmp_path: Path) -> None:
    out = tmp_path / "head.onnx"
    given = {"recipe": {"objective": "head", "seed": 3}}
    card = tool.export(used_head(kind), out, given, texture=kind == "texture")
    weights = read_weights(tmp_path, "head")
    assert weights.card == card
    assert weights.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (card["name"], card["backbone"], card["recipe"]) == ("head", "bank", given["recipe"])
    assert card["seeds"] == [3]
    assert card["bytes"] == out.stat().st_size < 100_000
    assert (weights.channels, weights.stride) == (CHANNELS, STRIDE)
    assert {node.op_type for node in weights.model.graph.node} <= ALLOWED_OPS
    names = [value.name for value in weights.model.graph.input]
    assert names == ["residual", "distance", *(["fine"] if kind == "object" else [])]
    assert [value.name for value in weights.model.graph.output] == ["factor"]


@every_kind
def test_a_file_that_does_not_agree_is_not_written(
    kind: FixedKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = graph_of(used_head(kind, seed=1), kind)
    monkeypatch.setattr(tool, "to_onnx", lambda head, *, texture: other)
    with pytest.raises(ExportError, match="differs from torch"):
        tool.export(used_head(kind), tmp_path / "head.onnx", {}, texture=kind == "texture")
    assert list(tmp_path.iterdir()) == []


# -- how far it sees -------------------------------------------------------------


def farthest(head: Any, kind: FixedKind, at_y: int, at_x: int) -> int:
    """Cells from a changed one to the farthest whose factor changes with it."""
    side = 64
    generator = torch.Generator().manual_seed(0)
    residual = torch.randn(1, CHANNELS, side, side, generator=generator)
    fine = torch.rand(1, 1, 2 * side, 2 * side, generator=generator)
    changed, changed_fine = residual.clone(), fine.clone()
    changed[:, :, at_y, at_x] += 50
    changed_fine[:, :, 2 * at_y : 2 * at_y + 2, 2 * at_x : 2 * at_x + 2] += 50

    def factor(r: Any, f: Any) -> Any:
        with torch.no_grad():
            return head(r, r.square().mean(1, keepdim=True), f if kind == "object" else None)

    away = (factor(changed, changed_fine) - factor(residual, fine)).abs()[0, 0]
    y, x = np.nonzero(away.numpy() > 1e-6)
    return int(max(np.abs(y - at_y).max(), np.abs(x - at_x).max()))


@every_kind
def test_no_cell_sees_farther_than_the_card_says(kind: FixedKind) -> None:
    """Blocks of 4 cells are averaged together, so each place in a block reaches differently."""
    reach = [farthest(used_head(kind), kind, 32 + y, 32 + x) for y in range(4) for x in range(4)]
    most = tool.receptive_px() / 2 / STRIDE
    assert 0.5 * most < max(reach) <= most
