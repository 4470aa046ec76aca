"""Matrix products and the inverse root that fitting needs, without BLAS and LAPACK.

How these add up depends on their build, on how many threads they use and on settings in the
environment (``OPENBLAS_CORETYPE``): the same fit then differs in its last digits from process to
process. ONNX Runtime on one thread depends on the processor alone, and is as fast.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

from offspec.types import DoubleArray, FloatArray

_STEPS = 64  # of the iteration; a condition of 1e6 needs half
_CLOSE = 1e-8  # a residual that one more step squares: only rounding is left
_IR_VERSION = 8  # that of opset 18


def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Matrix a times b, float32."""
    found: FloatArray = _multiplier(onnx.TensorProto.FLOAT, 0).run(None, {"a": a, "b": b})[0]
    return found


ROUNDS, RIDGE = 6, 1e-12  # of ``principal``: iterations; keeps columns apart


def product_double(a: DoubleArray, b: DoubleArray) -> DoubleArray:
    """Matrix a times b, float64."""
    found: DoubleArray = _multiplier(onnx.TensorProto.DOUBLE, 0).run(None, {"a": a, "b": b})[0]
    return found


def gram(a: DoubleArray) -> DoubleArray:
    """Matrix a times its own transpose."""
    found: DoubleArray = _multiplier(onnx.TensorProto.DOUBLE, 1).run(None, {"a": a, "b": a})[0]
    return found


@cache
def _multiplier(kind: int, transpose: int) -> ort.InferenceSession:
    """A session that multiplies ``a`` by ``b``, or by its transpose."""
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["a", "b"], ["product"], transB=transpose)],
        "product",
        [helper.make_tensor_value_info(name, kind, [None, None]) for name in ("a", "b")],
        [helper.make_tensor_value_info("product", kind, [None, None])],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)
    return one_thread_session(model)


def one_thread_session(model: onnx.ModelProto) -> ort.InferenceSession:
    """A session whose results cannot depend on a thread count.

    With several threads an operator is cut into as many parts, and at the end of a part some
    (``Log``) take another, scalar way that differs in the last digit.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def inverse_root(matrix: DoubleArray) -> DoubleArray:
    """``matrix`` to the power of -1/2, symmetric.

    Args:
        matrix: (C, C) symmetric, positive definite.

    Raises:
        LinAlgError: Not positive definite.

    Reference:
        Coupled Newton-Schulz iteration: Higham, Functions of Matrices (SIAM 2008), chapter 6.
    """
    one = np.eye(len(matrix))
    size = float(np.abs(matrix).sum(axis=1).max())  # at least the largest eigenvalue
    root, inverse = matrix / size, one
    for _ in range(_STEPS):
        residual = one - product_double(inverse, root)
        largest = float(np.abs(residual).max())
        if not largest < 1 + _CLOSE:  # grows, or is no number
            break
        step = one + residual / 2
        root, inverse = product_double(root, step), product_double(step, inverse)
        if largest < _CLOSE:
            return np.asarray((inverse + inverse.T) / (2 * np.sqrt(size)))
    raise np.linalg.LinAlgError("The matrix is not positive definite.")


def principal(covariance: DoubleArray, count: int, seed: int) -> DoubleArray:
    """Orthonormal rows (count, C) that span the directions of largest variance, closely.

    Subspace iteration from a seeded start. Within the span the rows are any rotation, which
    distances do not see.

    Args:
        covariance: (C, C) symmetric, positive definite.
        count: At most C.
        seed: Of the start.

    Reference:
        Halko et al., Finding structure with randomness (SIAM Review 2011), algorithm 4.4, with
        the symmetric orthonormalisation of Loewdin in place of QR.
    """
    unit = covariance * (len(covariance) / float(np.trace(covariance)))
    columns = np.random.default_rng(seed).standard_normal((len(covariance), count))
    for _ in range(ROUNDS):
        columns = product_double(unit, columns)
        columns /= np.sqrt(np.square(columns).sum(axis=0))
        inner = gram(np.ascontiguousarray(columns.T)) + RIDGE * np.eye(count)
        columns = product_double(columns, inverse_root(inner))
    return np.ascontiguousarray(columns.T)
