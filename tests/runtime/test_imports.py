from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "onnx", "scipy", "sklearn", "pydantic", "spox", "ray", "offspec.fitting")


def test_the_runtime_needs_numpy_opencv_and_onnxruntime_only() -> None:
    code = f"import sys, offspec.runtime; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
