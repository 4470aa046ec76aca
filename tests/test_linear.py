"""Matrix products and the inverse root, against NumPy's; and that BLAS has no part in them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from offspec.detectors.linear import gram, inverse_root, product, product_double

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 1, 1), (3, 5, 2), (70, 70, 513)])
def test_products_agree_with_numpy(rows: int, inner: int, columns: int) -> None:
    a, b = RNG.standard_normal((rows, inner)), RNG.standard_normal((inner, columns))
    single = a.astype(np.float32), b.astype(np.float32)
    assert np.allclose(product(*single), single[0] @ single[1], atol=1e-4)
    assert np.allclose(product_double(a, b), a @ b, atol=1e-12)
    assert np.allclose(gram(a), a @ a.T, atol=1e-12)
    assert np.allclose(gram(b[:, ::2]), b[:, ::2] @ b[:, ::2].T, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 70, 150])
def test_the_inverse_root_agrees_with_eigenvectors(size: int) -> None:
    some = RNG.standard_normal((size, size // 2 + 1))
    matrix = some @ some.T + 0.01 * np.eye(size)
    values, vectors = np.linalg.eigh(matrix)
    found = inverse_root(matrix)
    assert np.allclose(found, (vectors / np.sqrt(values)) @ vectors.T, rtol=1e-9, atol=1e-9)
    assert np.array_equal(found, found.T)


@pytest.mark.parametrize(
    "matrix", [np.diag([1.0, -0.1]), np.diag([1.0, 0.0]), np.full((2, 2), np.nan)]
)
def test_a_matrix_without_inverse_root_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        inverse_root(matrix)


_DIGEST = """
import hashlib, numpy as np
from offspec.detectors.linear import gram, inverse_root, product
rng = np.random.default_rng(0)
some = rng.standard_normal((116, 384))
root = inverse_root(gram(some))
found = product(root.astype(np.float32), some.astype(np.float32))
print(hashlib.sha256(root.tobytes() + found.tobytes()).hexdigest())
"""


def test_settings_of_blas_change_no_byte() -> None:
    digests = set()
    for threads, processor in (("1", "Haswell"), ("2", "Prescott")):
        blas = {"OPENBLAS_CORETYPE": processor}
        blas |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        found = subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, **blas, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        )
        digests.add(found.stdout.strip())
    assert len(digests) == 1
