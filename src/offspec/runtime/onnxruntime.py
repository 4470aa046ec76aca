"""ONNX Runtime on the CPU, set up so that the thread count never changes a result."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from offspec.errors import OptionError, RuntimeBackendError
from offspec.runtime.base import SlotArray
from offspec.types import FloatArray

_BACKEND_ERRORS: tuple[type[Exception], ...] = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    ort_errors.EPFail,
    ort_errors.EngineError,
)


def available_threads() -> int:
    """CPU threads this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class OnnxRuntime:
    """Runs one graph.

    Args:
        graph: Serialised ONNX model that has passed ``bundle.onnx_check``.
        threads: CPU threads; None = all this process may use.
        keep_warm: Let the worker threads wait actively between calls: a little faster, but
            the processor never rests.
        name: For messages.
        n_slots: Crops of one image. With several, each thread runs whole crops by itself: one
            crop's work stays in a core's cache, which a batch's does not.

    Raises:
        OptionError: ``threads`` under 1.
        RuntimeBackendError: ONNX Runtime refuses the graph.
    """

    def __init__(
        self,
        graph: bytes,
        *,
        threads: int | None = None,
        keep_warm: bool = False,
        name: str = "graph",
        n_slots: int = 1,
    ) -> None:
        if threads is not None and threads < 1:
            raise OptionError(
                f"threads is {threads}. It is a whole number from 1 on. Leave it out to use all "
                "processor cores."
            )
        options = ort.SessionOptions()
        self._workers = min(n_slots, threads or available_threads())
        options.intra_op_num_threads = 1 if n_slots > 1 else threads or available_threads()
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        if not keep_warm:
            options.add_session_config_entry("session.force_spinning_stop", "1")
        self._name = name
        try:
            self._session = ort.InferenceSession(
                graph, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except _BACKEND_ERRORS as error:
            raise self._failed("could not load", error) from error
        self._has_slot = "slot" in {value.name for value in self._session.get_inputs()}

    def infer(self, crops: FloatArray, slots: SlotArray) -> FloatArray:
        """See ``Runtime.infer``; crops are run one by one, side by side on the threads."""
        count, _, height, width = crops.shape
        maps = np.empty((count, height, width), np.float32)

        def run(at: int) -> None:
            maps[at] = self._run(crops[at : at + 1], slots[at : at + 1])[0]

        if self._workers == 1 or count == 1:
            for at in range(count):
                run(at)
        else:
            with ThreadPoolExecutor(min(self._workers, count)) as pool:
                list(pool.map(run, range(count)))
        return maps

    def _run(self, crops: FloatArray, slots: SlotArray) -> FloatArray:
        feeds: dict[str, FloatArray | SlotArray] = {"crop": crops}
        if self._has_slot:
            feeds["slot"] = slots
        try:
            found = self._session.run(["map"], feeds)[0]
        except _BACKEND_ERRORS as error:
            raise self._failed("failed", error) from error
        expected = (crops.shape[0], 1, *crops.shape[2:])
        if found.shape != expected:
            raise RuntimeBackendError(
                f"Graph '{self._name}' gave a map of shape {found.shape}. It has to be {expected}. "
                "Fit again with a backbone that keeps the crop's size."
            )
        return cast("FloatArray", found[:, 0])

    def _failed(self, what: str, error: Exception) -> RuntimeBackendError:
        return RuntimeBackendError(
            f"ONNX Runtime {ort.__version__} {what} on '{self._name}': {str(error)[:500]} "
            "The graph has to run on the CPU. Update onnxruntime, or fit again."
        )
