"""Runs bundles. Needs numpy, OpenCV and ONNX Runtime only."""

from offspec.runtime.base import Runtime
from offspec.runtime.inspector import Inspector
from offspec.runtime.onnxruntime import OnnxRuntime
from offspec.runtime.sampler import Prepared, Sampler

__all__ = ["Inspector", "OnnxRuntime", "Prepared", "Runtime", "Sampler"]
