"""Models of timm as backbones: ``timm:NAME@WEIGHTS.safetensors``, or ``timm:NAME`` downloaded.

Weights come from a safetensors file, which holds numbers and nothing that could run; files of
PyTorch's own kinds are pickles and are not opened. Nothing is fetched unless that is asked for.
The model goes into the bundle as ONNX; torch and timm are needed while fitting only.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from offspec.errors import OptionError, WeightsError
from offspec.foreign_backbone import FileCard, ForeignBackbone, read_weights, stamp

PREFIX = "timm:"
SUFFIX = ".safetensors"
CONVERT = (
    "Convert it once, where you trust it: `safetensors.torch.save_file(torch.load(PATH, "
    "weights_only=True), 'WEIGHTS.safetensors')`."
)


def timm_backbone(name: str, *, allow_download: bool = False) -> ForeignBackbone:
    """The backbone behind ``timm:NAME@WEIGHTS.safetensors`` or ``timm:NAME``.

    Args:
        name: With the prefix.
        allow_download: Whether weights may come from the network.

    Raises:
        OptionError: Unknown model, no weights and no leave to download them, no torch or timm.
        WeightsError: Weights that are damaged, a pickle, or another model's.
    """
    model, _, file = name.removeprefix(PREFIX).partition("@")
    if file:
        path = Path(file).expanduser().absolute()
        _check_kind(path)
        _need(name)
    else:
        _need(name)
        path = _published(model, allow_download=allow_download)
    return _cached(model, path, stamp(path))


def _check_kind(path: Path) -> None:
    """Refuse what is not safetensors by its name, and pickles by their content."""
    if path.suffix == SUFFIX and path.is_file():
        with path.open("rb") as file:
            start = file.read(9)
        if start[8:9] in {b"{", b""}:
            return
    read_weights(path, CONVERT)  # missing, or a pickle
    raise WeightsError(
        f"'{path}' is not a safetensors file. timm's weights are taken from such files only, "
        f"since others, such as .pth, .pt, .bin and .ckpt, may run code when read. {CONVERT}"
    )


def _need(name: str) -> None:
    missing = [one for one in ("torch", "timm") if importlib.util.find_spec(one) is None]
    if missing:
        raise OptionError(
            f"Backbone '{name}' needs {' and '.join(missing)} while fitting. "
            "`pip install 'offspec[torch]'`, or choose another backbone."
        )


def _published(model: str, *, allow_download: bool) -> Path:
    if not allow_download:
        raise OptionError(
            f"Backbone '{PREFIX}{model}' needs weights, and nothing is downloaded unless you say "
            f"so. Give a local file, {PREFIX}{model}@WEIGHTS{SUFFIX}, or allow the download with "
            "--allow-download (allow_download=True in Python, model.allow_download in run.json)."
        )
    return _downloaded(model)


@lru_cache(maxsize=4)
def _downloaded(model: str) -> Path:
    from offspec.networks.timm_network import download  # noqa: PLC0415 - loads torch

    return download(model)


@lru_cache(maxsize=2)
def _cached(model: str, path: Path, _stamp: object) -> ForeignBackbone:
    from offspec.networks.timm_network import TimmNetwork  # noqa: PLC0415 - loads torch

    data = read_weights(path, CONVERT)
    network = TimmNetwork(model, data)
    mean, std = network.mean_std
    said = FileCard.model_validate(
        {
            "outputs": network.outputs,
            "mean": mean,
            "std": std,
            "multiple": network.multiple,
            "first_px": network.first_px(),
        }
    )
    digest = hashlib.sha256(data + repr((model, said)).encode()).hexdigest()
    return ForeignBackbone(f"{PREFIX}{model}", said, network.onnx_at, digest)
