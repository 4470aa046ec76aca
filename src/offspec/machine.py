"""What a measurement says of the machine it ran on."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "scipy", "opencv-python-headless", "onnx", "onnxruntime")


def describe_machine(threads: int | None = None) -> dict[str, Any]:
    """Processor, cores, threads used and library versions.

    Args:
        threads: CPU threads asked for; None = all that this process may use.
    """
    cores = available_cores()
    return {
        "machine": cpu_name(),
        "cores": cores,
        "threads": cores if threads is None else threads,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("offspec", *LIBRARIES)},
    }


def library_versions() -> dict[str, str]:
    """Versions of offspec's numerical libraries, by name."""
    return {name: _version(name) for name in LIBRARIES}


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """Model name of the processor, or its architecture where the system hides it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak_memory_mb() -> float:
    """Most memory this process has held, in MB (10^6 bytes).

    Linux counts afresh when a program starts (VmHWM); what ``getrusage`` says would include the
    parent before it, so it is only asked elsewhere.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource  # noqa: PLC0415 - not on Windows

    scale = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
