"""What every detector promises, whatever it is; each name in ``DETECTORS`` runs it all."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import onnx
import pytest

from offspec.backbones import BACKBONES, make_backbone, tile_halo
from offspec.bundle.onnx_check import check_graph
from offspec.detectors import DETECTORS, detector_class
from offspec.detectors.head import make_head
from offspec.embedding_cache import vars_of
from offspec.errors import LimitError, NotFittedError, OptionError, ShapeError
from offspec.geometry import TILE_CORE
from offspec.types import FixedKind, FloatArray
from tests.contract.cases import (
    CLOSED_FORM,
    KINDS,
    Case,
    every_case,
    fitted_case,
    largest_case,
    largest_fitted_case,
    several_slots,
)
from tests.contract.make import NET_HW, crops, graph_bytes, maps_of, normals, quick_options

# -- life of a detector ------------------------------------------------------


@largest_case
def test_fit_returns_self(case: Case) -> None:
    detector = case.new()
    assert case.fit(detector) is detector


@largest_case
def test_graph_before_fit_is_refused(case: Case) -> None:
    with pytest.raises(NotFittedError, match=f"'{case.name}'.*[Cc]all fit"):
        case.new().to_graph()


@largest_case
def test_constructor_arguments_are_left_alone(case: Case) -> None:
    backbone, masks = make_backbone(case.backbone), np.zeros((case.n_slots, *NET_HW), np.bool_)
    masks[:, 8:-8, 8:-8] = True
    head = make_head(case.head, case.kind, case.backbone)
    before = masks.copy()
    detector = detector_class(case.name)(
        backbone,
        NET_HW,
        masks=masks,
        kind=case.kind,
        head=head,
        seed=3,
        threads=2,
        options=quick_options(case.name),
    )
    case.fit(detector).to_graph()
    assert detector.backbone is backbone
    assert detector.masks is masks
    assert detector.head is head
    assert np.array_equal(masks, before)
    assert (detector.net_hw, detector.kind, detector.seed, detector.threads) == (
        NET_HW,
        case.kind,
        3,
        2,
    )


@largest_case
def test_inputs_are_not_changed_in_place(case: Case) -> None:
    reference, others = crops(0, 3), normals(5, 3)
    before, before_others = reference.copy(), [o.copy() for o in others]
    for array in (reference, *others):
        array.flags.writeable = False
    detector = case.new()
    detector.fit(reference, others)
    maps_of(detector.to_graph(), reference)
    assert np.array_equal(reference, before)
    assert len(others) == len(before_others)
    assert all(np.array_equal(a, b) for a, b in zip(others, before_others, strict=True))


@largest_case
def test_embeddings_are_not_changed_in_place(case: Case) -> None:
    detector = case.new()
    images = [detector.embed(c) for c in (crops(0, 3), *normals(5, 3))]
    again = [detector.embed(c) for c in (crops(0, 3), *normals(5, 3))]
    detector.fit_embedded(images[0], images[1:])
    for one, other in zip(images, again, strict=True):
        values, others = vars_of(one), vars_of(other)
        assert len(values) == len(others) > 0
        assert all(np.array_equal(a, b) for a, b in zip(values, others, strict=True))


# -- the same again ----------------------------------------------------------


@every_case
def test_same_seed_gives_equal_bytes_also_when_fitted_again(case: Case) -> None:
    detector, expected = case.new(), graph_bytes(case.graph())
    for _ in range(2):
        assert graph_bytes(case.fit(detector).to_graph()) == expected


@largest_case
def test_nothing_is_left_of_an_earlier_fit(case: Case) -> None:
    detector = case.new().fit(crops(50, 3, defect="blot"), normals(3, 3))
    detector.to_graph()
    assert graph_bytes(case.fit(detector).to_graph()) == graph_bytes(case.graph())


@largest_case
def test_fitting_with_fewer_slots_and_normals_forgets_the_rest(case: Case) -> None:
    fewest = DETECTORS[case.name].fewest[case.kind]
    one = Case(case.name, case.kind, 1, fewest, case.backbone, case.head)
    detector = case.fit(case.new())
    detector.to_graph()
    assert graph_bytes(one.fit(detector).to_graph()) == graph_bytes(one.graph())


@largest_case
def test_fold_on_embeddings_equals_fit_on_crops(case: Case) -> None:
    images = [crops(0, 3), *normals(5, 3)]
    detector = case.new()
    embedded = [detector.embed(c) for c in images]
    detector.fit_embedded(embedded[0], embedded[1:])
    assert graph_bytes(detector.to_graph()) == graph_bytes(case.graph())
    detector.fit_embedded(embedded[0], embedded[2:5])
    fresh = case.new().fit(images[0], images[2:5])
    assert graph_bytes(detector.to_graph()) == graph_bytes(fresh.to_graph())


@largest_fitted_case
def test_thread_count_does_not_change_the_bytes(case: Case) -> None:
    pools = pytest.importorskip("threadpoolctl")  # comes with scikit-learn
    digests = set()
    for threads in (1, 2):
        with pools.threadpool_limits(threads):
            graph = case.fit(case.new(threads=threads)).to_graph()
        digests.add(hashlib.sha256(graph_bytes(graph)).hexdigest())
    assert len(digests) == 1


_IN_A_FRESH_PROCESS = """
import hashlib, sys
from tests.contract.make import crops, graph_bytes, new_detector, normals
name, kind, threads, backbone, head = sys.argv[1:]
detector = new_detector(name, kind, backbone=backbone, head=head, threads=int(threads))
graph = detector.fit(crops(0, 3), normals(5, 3)).to_graph()
print(hashlib.sha256(graph_bytes(graph)).hexdigest())
"""


@largest_case
def test_another_process_gives_equal_bytes(case: Case) -> None:
    """Neither hash order nor the thread count that a process starts with may show.

    Training adds up in an order that depends on its threads; there the hash order alone changes.
    """
    digests = {hashlib.sha256(graph_bytes(case.graph())).hexdigest()}
    for hash_seed, threads in (("1", "1"), ("2", "1" if case.trained else "2")):
        if case.trained and hash_seed == "1":
            continue
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        found = subprocess.run(
            [
                *(sys.executable, "-c", _IN_A_FRESH_PROCESS),
                *(case.name, case.kind, threads, case.backbone, case.head),
            ],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        digests.add(found.stdout.strip())
    assert len(digests) == 1


# -- the map -----------------------------------------------------------------


@every_case
def test_map_has_the_size_of_the_crop_and_is_finite_and_not_negative(case: Case) -> None:
    extremes = [np.zeros((3, *NET_HW)), np.ones((3, *NET_HW)), crops(7)[0]]
    batch = np.stack([extremes[i % 3] for i in range(4)]).astype(np.float32)
    maps = maps_of(case.graph(), batch, [i % case.n_slots for i in range(4)])
    assert maps.shape == (4, *NET_HW)
    assert maps.dtype == np.float32
    assert np.isfinite(maps).all()
    assert (maps >= 0).all()


@every_case
def test_the_reference_scores_zero(case: Case) -> None:
    maps = maps_of(case.graph(), crops(0, case.n_slots))
    assert maps.max() == 0


@fitted_case
def test_a_blot_scores_higher_than_a_clean_image(case: Case) -> None:
    clean = maps_of(case.graph(), crops(90, case.n_slots))
    flawed = maps_of(case.graph(), crops(90, case.n_slots, defect="blot"))
    assert (flawed.max(axis=(1, 2)) > 3 * clean.max(axis=(1, 2))).all()


@fitted_case
def test_the_blot_is_where_the_map_peaks(case: Case) -> None:
    flawed = maps_of(case.graph(), crops(90, 1, defect="blot"), [0])[0]
    y, x = np.unravel_index(int(flawed.argmax()), flawed.shape)
    assert abs(x - 0.7 * NET_HW[1]) <= 6
    assert abs(y - 0.3 * NET_HW[0]) <= 6


@every_case
def test_batch_mates_and_their_order_do_not_change_a_map(case: Case) -> None:
    batch = np.concatenate(
        [crops(90, case.n_slots), crops(91, case.n_slots, "blot"), crops(92, case.n_slots)]
    )
    slots = np.tile(np.arange(case.n_slots), 3)
    together = maps_of(case.graph(), batch, slots.tolist())
    order = np.random.default_rng(1).permutation(len(batch))
    mixed = maps_of(case.graph(), batch[order], slots[order].tolist())
    assert np.array_equal(mixed, together[order])
    for i in (0, len(batch) - 1):
        alone = maps_of(case.graph(), batch[i : i + 1], [int(slots[i])])
        assert np.array_equal(alone[0], together[i])


@several_slots
def test_the_slot_selects_the_statistics(case: Case) -> None:
    reference = crops(0, case.n_slots)
    for slot in range(case.n_slots):
        at_slot = maps_of(case.graph(), reference, [slot] * case.n_slots).max(axis=(1, 2))
        assert at_slot[slot] == 0
        if not case.shares_looks:
            assert (np.delete(at_slot, slot) > 0.5).all()


@several_slots
def test_equal_slots_give_equal_maps(case: Case) -> None:
    repeat: Callable[[FloatArray], FloatArray] = lambda one: np.repeat(one, case.n_slots, axis=0)  # noqa: E731
    others = normals(case.n_normals - 1)
    detector = case.new().fit(repeat(crops(0)), [repeat(o) for o in others])
    maps = maps_of(detector.to_graph(), repeat(crops(90, defect="blot")))
    assert all(np.array_equal(maps[0], one) for one in maps)
    if case.shares_looks:
        return
    single = case.new().fit(crops(0), others).to_graph()
    assert np.allclose(maps[0], maps_of(single, crops(90, defect="blot"))[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", CLOSED_FORM)
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_outside_the_region_do_not_set_the_pooled_statistics(
    name: str, kind: FixedKind
) -> None:
    """What happens outside the mask must not change the map inside, out of a backbone's reach."""
    net_hw = (64, 384)
    masks = np.zeros((1, *net_hw), np.bool_)
    masks[..., :96] = True

    def fitted(outside: float) -> onnx.ModelProto:
        images = [crops(i, net_hw=net_hw) for i in range(3)]
        for i, image in enumerate(images):
            image[..., 288:] = outside * i
        detector = detector_class(name)(make_backbone("bank"), net_hw, masks=masks, kind=kind)
        return detector.fit(images[0], images[1:]).to_graph()

    seen = crops(90, net_hw=net_hw)
    quiet, loud = (maps_of(fitted(v), seen)[0, :, :96] for v in (0.1, 0.4))
    assert np.allclose(quiet, loud, atol=1e-5)


# -- the graph ---------------------------------------------------------------


@every_case
def test_graph_keeps_the_contract(case: Case) -> None:
    graph = case.graph()
    onnx.checker.check_model(graph, full_check=True)
    check_graph(graph_bytes(graph), NET_HW, case.n_slots)
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", 18)]
    assert {node.domain for node in graph.graph.node} == {""}
    assert len(graph.functions) == 0
    assert all(not t.external_data for t in graph.graph.initializer)


@every_case
def test_graph_leaves_the_batch_open(case: Case) -> None:
    for value in (*case.graph().graph.input, *case.graph().graph.output):
        assert not value.type.tensor_type.shape.dim[0].HasField("dim_value")
    assert {v.type.tensor_type.shape.dim[0].dim_param for v in case.graph().graph.input} == {"N"}


def _is_half(graph: onnx.GraphProto, name: str) -> bool:
    half = onnx.TensorProto.FLOAT16
    return any(v.name == name and v.type.tensor_type.elem_type == half for v in graph.value_info)


@largest_case
def test_graph_computes_in_float32(case: Case) -> None:
    """Only weights may be stored as float16, and they are cast before anything is computed."""
    inferred = onnx.shape_inference.infer_shapes(case.graph(), strict_mode=True).graph
    stored = {node.output[0] for node in inferred.node if node.op_type == "Constant"}
    readers = {n.op_type for n in inferred.node if any(_is_half(inferred, i) for i in n.input)}
    assert readers <= {"Cast"}
    types = {v.type.tensor_type.elem_type for v in inferred.value_info if v.name not in stored}
    assert types <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL}


# -- refusals ----------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DETECTORS))
@pytest.mark.parametrize("kind", KINDS)
def test_too_large_crops_are_refused_before_fitting(name: str, kind: FixedKind) -> None:
    size_hw = (4096, 4096)
    detector = detector_class(name)(make_backbone("bank"), size_hw, kind=kind)
    crop = np.broadcast_to(np.float32(0), (1, 3, *size_hw))
    with pytest.raises(LimitError, match=r"needs \d+ MB .* At most (64|512) MB .*lower resolution"):
        detector.fit(crop, [])
    with pytest.raises(NotFittedError):
        detector.to_graph()


@pytest.mark.parametrize("name", sorted(DETECTORS))
@pytest.mark.parametrize("backbone", sorted(BACKBONES))
@pytest.mark.parametrize("resolution", ["fast", "accurate", "native"])
def test_every_resolution_of_a_template_is_within_the_limit(
    name: str, backbone: str, resolution: str
) -> None:
    made = make_backbone(backbone)
    native = TILE_CORE + 2 * tile_halo(made.card)
    side = {"fast": 256, "accurate": 512, "native": native}[resolution]
    detector_class(name)(made, (side, side)).check_limits()


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_size_that_the_backbone_cannot_take_is_refused(name: str) -> None:
    detector = detector_class(name)(make_backbone("bank"), (64, 100))
    with pytest.raises(LimitError, match=r"\(64, 100\).*multiples of 32"):
        detector.fit(np.zeros((1, 3, 64, 100), np.float32), [])


@largest_case
@pytest.mark.parametrize("shape", [(1, 3, 32, 96), (3, *NET_HW), (1, 1, *NET_HW)])
def test_crops_of_another_shape_are_refused(case: Case, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"This detector takes \(S, 3, 64, 96\)"):
        case.new().fit(np.zeros(shape, np.float32), [])


def test_unknown_detector_is_refused_with_the_known_names() -> None:
    with pytest.raises(OptionError, match=r"'referense' is unknown.*reference"):
        detector_class("referense")
