"""Importing timm beside a torch that torchvision was not built for.

timm asks for torchvision, of which it needs one class, for ``isinstance``, to build and run
models; the rest belongs to its training pipeline. torchvision's published build expects the CUDA
build of torch and fails beside a CPU one. Where it is missing or fails, empty stand-ins take its
place while timm is imported, and no longer. What timm offers for training could not have worked
there anyway; its models do.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

NAMES = (
    "torchvision",
    "torchvision.datasets",
    "torchvision.ops",
    "torchvision.ops.misc",
    "torchvision.transforms",
    "torchvision.transforms.functional",
)


class _Empty(type):
    """A class of which every attribute is another empty class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty(name, (), {})


class _StandIn(ModuleType):
    """A module that holds an empty class under every name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # what makes it a package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty(name, (), {})


def import_timm() -> ModuleType:
    """The package timm; torchvision need not work.

    Raises:
        ImportError: It is not installed, or lacks another package.
    """
    if "timm" in sys.modules:
        return sys.modules["timm"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what timm's own imports deprecate
        if _torchvision_works():
            return importlib.import_module("timm")
        with _stand_ins():
            return importlib.import_module("timm")


def _torchvision_works() -> bool:
    try:
        for name in NAMES:
            importlib.import_module(name)
    except Exception:  # noqa: BLE001 - a build for another torch fails in many ways
        _forget()
        return False
    return True


@contextmanager
def _stand_ins() -> Iterator[None]:
    for name in NAMES:
        module = _StandIn(name)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    for name in [n for n in sys.modules if n.split(".", maxsplit=1)[0] == "torchvision"]:
        del sys.modules[name]
