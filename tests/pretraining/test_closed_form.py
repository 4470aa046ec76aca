from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from offspec import backbones, graphs
from offspec.detectors import feature_based, reference, tolerance
from offspec.types import FloatArray

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from pretraining import bank, closed_form, fine


def shipped_map(normals: list[FloatArray], query: FloatArray, noise: FloatArray) -> FloatArray:
    """What the core fits, evaluated step by step in numpy."""
    mask = np.ones((1, *query.shape[2:]), np.bool_)
    moments = [tolerance.second_moment(n, mask) for n in normals]
    t = tolerance.feature_tolerance(normals, moments, noise.astype(np.float64), mask, 4)
    r = (tolerance.apply(t.weight, query) - t.centre) * t.inverse_width
    if t.toward is not None:
        share = np.clip((r * t.toward).sum(1, keepdims=True) * t.toward_inverse, 0, 1)
        r = r - share * t.toward
    along_x, along_y = (a * t.inverse_width for a in tolerance.slopes(t.centre, 4))
    p, q = (r * along_x).sum(1), (r * along_y).sum(1)
    xx, xy, yy = (t.shift_inverse[:, i] for i in range(3))
    rest = (r * r).sum(1) - (p * p * xx + 2 * p * q * xy + q * q * yy)
    return np.asarray(np.maximum(rest, 0) * t.gain[:, 0], np.float32)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_object_map_is_the_map_that_ships(n: int) -> None:
    rng = np.random.default_rng(n)
    base = rng.standard_normal((1, 6, 16, 16)).astype(np.float32)
    normals = [base + 0.2 * rng.standard_normal(base.shape).astype(np.float32) for _ in range(n)]
    query = base + 0.5 * rng.standard_normal(base.shape).astype(np.float32)
    noise = 0.01 * np.eye(6, dtype=np.float32)
    found = closed_form.object_map(
        torch.from_numpy(np.stack(normals, 1)),
        torch.from_numpy(query[None]),
        torch.from_numpy(noise),
    )
    expected = shipped_map(normals, query, noise)
    np.testing.assert_allclose(found.numpy()[0], expected, rtol=1e-3, atol=1e-4)
    assert expected.mean() > 0.5


def test_texture_map_is_the_map_that_ships() -> None:
    rng = np.random.default_rng(0)
    normals = [rng.standard_normal((1, 6, 12, 12)).astype(np.float32) for _ in range(3)]
    query = 2 * rng.standard_normal((1, 6, 12, 12)).astype(np.float32)
    noise = 0.01 * np.eye(6)
    mask = np.ones((1, 12, 12), np.bool_)
    moments = [tolerance.second_moment(n, mask) for n in normals]
    t = tolerance.texture_tolerance(normals, moments, noise, mask)
    expected = np.square(tolerance.apply(t.weight, query) - t.centre).mean(1)
    found = closed_form.texture_map(
        torch.from_numpy(np.stack(normals, 1)),
        torch.from_numpy(query[None]),
        torch.from_numpy(noise.astype(np.float32)),
    )
    np.testing.assert_allclose(found.numpy()[0], expected, rtol=1e-3, atol=1e-4)


def test_gradient_of_the_inverse_root_with_equal_eigenvalues() -> None:
    a = torch.randn(2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for matrix in (a @ a.mT + torch.eye(4), torch.eye(4, dtype=torch.float64).expand(2, 4, 4)):
        start = matrix.clone().double().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda m: closed_form.InverseRoot.apply((m + m.mT) / 2), (start,)
        )


def test_bank_is_the_bank_of_the_core() -> None:
    rng = np.random.default_rng(3)
    crop = rng.random((2, 3, 64, 96)).astype(np.float32)
    crop[1, :, 20:50, 30:70] = 0
    model = graphs.build_features((64, 96), lambda x: [backbones.Bank().build(x)])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"crop": crop})[0]
    np.testing.assert_allclose(bank.bank(torch.from_numpy(crop)).numpy(), expected, atol=2e-4)


def test_fine_distance_is_the_one_that_ships() -> None:
    rng = np.random.default_rng(4)
    base = rng.random((1, 3, 48, 64)).astype(np.float32)
    base = torch.nn.functional.avg_pool2d(torch.from_numpy(base), 5, 1, 2).numpy()
    normals = [
        np.clip(base + 0.01 * rng.standard_normal(base.shape), 0, 1).astype(np.float32)
        for _ in range(3)
    ]
    query = np.clip(base + 0.1 * rng.standard_normal(base.shape), 0, 1).astype(np.float32)

    def shipped_planes(crop: FloatArray) -> FloatArray:
        model = graphs.build_features((48, 64), lambda x: [reference.fine_plane(x)])
        session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return np.asarray(session.run(None, {"crop": crop})[0], np.float32)

    fitted = tolerance.fine_tolerance([shipped_planes(n) for n in normals])
    model = graphs.build_features(
        (48, 64),
        lambda x: [
            graphs.depthwise(
                reference._fine_distance(reference.fine_plane(x), None, fitted.planes),
                feature_based.SMOOTH,
                1,
            )
        ],
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"crop": query})[0] / reference.FINE_UNIT
    planes = [fine.plane(torch.from_numpy(x)) for x in (*normals, query)]
    found = fine.distance(torch.cat(planes[:3], 1), planes[3])
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-3, atol=1e-3)
    assert expected.mean() > 0.01
