"""A model of timm as feature maps in ONNX, exported for one crop size at a time.

A size of its own for each export leaves nothing to compute from shapes: position embeddings are
resampled once, by timm, and are constants of the graph.

Reference:
    timm: Ross Wightman, "PyTorch Image Models" (2019), Apache-2.0. Its weights have licences of
    their own.
"""

from __future__ import annotations

import copy
import difflib
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from offspec.errors import OptionError, TrainingError, WeightsError
from offspec.networks.timm_import import import_timm
from offspec.networks.to_onnx import check_parity, exported

WANTED_STRIDES = (8, 16)  # of a pyramid: what is known as layer2 and layer3 in ResNets
DEPTH_SHARE = 2 / 3  # of a transformer's blocks: before the last ones lose sight of places
CONV_MULTIPLE = 32
KEPT_SIZES = 3  # exported networks held in memory
CENTRE_PX = 256  # crop on which the centres of cells are measured


class TimmNetwork:
    """A model with its weights.

    Args:
        name: As timm knows it, with or without the tag of its weights.
        data: A safetensors file.

    Raises:
        OptionError: Unknown name, or a model that gives no maps.
        WeightsError: The weights are damaged or of another model.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._model = created(name)
        _load(self._model, name, data)
        self._taps = _taps(self._model, name)
        self._sizes: dict[tuple[int, int], onnx.ModelProto] = {}

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs, finest first."""
        return [f"level{at}" for at in self._taps.indices]

    @property
    def multiple(self) -> int:
        """What input sides have to be multiples of."""
        return self._taps.patch or CONV_MULTIPLE

    @property
    def mean_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What the model was trained with; of crops in [0, 1]."""
        said = self._model.pretrained_cfg
        return tuple(said["mean"]), tuple(said["std"])

    def first_px(self) -> list[float] | None:
        """Centre of cell 0 of each output, in pixels; None where cells are patches."""
        if self._taps.patch:
            return None
        with _refusals(self.name, (CENTRE_PX, CENTRE_PX)):
            network = self._at((CENTRE_PX, CENTRE_PX))
            return [_centre(network, at) for at in range(len(self._taps.indices))]

    def onnx_at(self, size_hw: tuple[int, int]) -> onnx.ModelProto:
        """The network for crops of this size, any number of them.

        Raises:
            WeightsError: It cannot be exported, or gives other numbers than timm.
        """
        if size_hw not in self._sizes:
            while len(self._sizes) >= KEPT_SIZES:
                del self._sizes[next(iter(self._sizes))]
            self._sizes[size_hw] = self._export(size_hw)
        return self._sizes[size_hw]

    def _at(self, size_hw: tuple[int, int]) -> Features:
        return Features(self._model, self._taps, size_hw).eval()

    def _export(self, size_hw: tuple[int, int]) -> onnx.ModelProto:
        generator = torch.Generator().manual_seed(0)
        crops = torch.rand(2, 3, *size_hw, generator=generator)
        with _refusals(self.name, size_hw):
            network = self._at(size_hw)
            model = exported(network, [crops], ["crop"], self.outputs)
            check_parity(network, model, [crops[:1]], ["crop"], self.outputs)
        return model


@contextmanager
def _refusals(name: str, size_hw: tuple[int, int]) -> Iterator[None]:
    """What a model says against a size of crops, as an error of ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # timm's and torch's, on speed and on old ways
            yield
    except (TrainingError, RuntimeError, AssertionError, ValueError) as error:
        raise WeightsError(
            f"timm's model '{name}' could not be turned into ONNX for crops of {size_hw[1]} x "
            f"{size_hw[0]} pixels: {str(error)[:300]}. Choose another model, or export it yourself "
            "and give it as file:PATH.onnx."
        ) from error


class _Taps:
    """Which intermediate outputs are read."""

    def __init__(self, indices: Sequence[int], patch: int) -> None:
        self.indices = list(indices)
        self.patch = patch  # side of a transformer's patches; 0 for a pyramid


class Features(nn.Module):
    """The intermediate outputs of a model at one input size.

    Args:
        model: Stays as it is.
        taps: What to read.
        size_hw: Of the crops.
    """

    def __init__(self, model: nn.Module, taps: _Taps, size_hw: tuple[int, int]) -> None:
        super().__init__()
        self._taps = taps
        self.model = model
        if hasattr(model, "set_input_size"):
            self.model = copy.deepcopy(model)
            self.model.set_input_size(img_size=size_hw)

    def forward(self, crop: Tensor) -> tuple[Tensor, ...]:
        """Maps (N, C, h, w), or for transformers (N, h * w, C) without prefix tokens."""
        found = self.model.forward_intermediates(
            crop,
            indices=self._taps.indices,
            stop_early=True,
            output_fmt="NLC" if self._taps.patch else "NCHW",
            intermediates_only=True,
        )
        return tuple(one.contiguous() for one in found)


def created(name: str) -> nn.Module:
    """The model without weights and without its classifier; nothing is fetched.

    Raises:
        OptionError: Unknown name; the message says which are near.
    """
    timm = import_timm()
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=5, cutoff=0.5)
        raise OptionError(
            f"timm {timm.__version__} has no model '{name}'. "
            + (f"Near: {', '.join(near)}. " if near else "")
            + "`timm.list_models()` shows all. Choose one."
        )
    try:
        model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        raise OptionError(
            f"timm's model '{name}' cannot be made: {str(error)[:300]}. Choose another."
        ) from error
    return model.eval().requires_grad_(requires_grad=False)


def hub_file(name: str) -> tuple[str, str]:
    """Repository and file of a model's published weights.

    Raises:
        OptionError: None are published as safetensors on the hub.
    """
    said = created(name).pretrained_cfg
    repository = said.get("hf_hub_id")
    file = said.get("hf_hub_filename") or "model.safetensors"
    if not repository or not file.endswith(".safetensors"):
        raise OptionError(
            f"No weights of timm's model '{name}' are published as safetensors on the Hugging "
            f"Face hub. Give a local file, timm:{name}@WEIGHTS.safetensors, or another model."
        )
    return str(repository), str(file)


def download(name: str) -> Path:
    """Fetch a model's published weights into the user's cache.

    Raises:
        OptionError: There are none, or huggingface_hub is missing.
        WeightsError: They could not be fetched.
    """
    repository, file = hub_file(name)
    try:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - the only use of a network
    except ImportError as error:
        raise OptionError(
            "Downloads need the package huggingface_hub. `pip install huggingface_hub`, or give a "
            f"local file, timm:{name}@WEIGHTS.safetensors."
        ) from error
    try:
        return Path(hf_hub_download(repository, file))
    except Exception as error:  # its errors share no base with those of the network below
        raise WeightsError(
            f"'{file}' of '{repository}' could not be downloaded: {str(error)[:300]}. Check the "
            f"network, or give a local file, timm:{name}@WEIGHTS.safetensors."
        ) from error


def _load(model: nn.Module, name: str, data: bytes) -> None:
    """Fill in every weight, or refuse."""
    import safetensors.torch  # noqa: PLC0415 - comes with timm
    from safetensors import SafetensorError  # noqa: PLC0415

    try:
        state: dict[str, Tensor] = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The weights for timm's model '{name}' are not a whole safetensors file: "
            f"{str(error)[:200]}. Fetch or write it again."
        ) from error
    wrong = _mismatch(model, state)
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if wrong and convert is not None:  # files as a model's authors published them
        try:
            converted = convert(dict(state), model)
        except Exception:  # noqa: BLE001 - it expects its own layout; the mismatch is reported
            converted = state
        if not _mismatch(model, converted):
            state, wrong = converted, ""
    if wrong:
        raise WeightsError(
            f"The weights do not fit timm's model '{name}': {wrong}. They are those of another "
            "model. Name the model they were made for."
        )
    model.load_state_dict(state, strict=False)
    if not all(bool(torch.isfinite(one).all()) for one in model.state_dict().values()):
        raise WeightsError(
            f"The weights for timm's model '{name}' hold values that are no finite numbers. Fetch "
            "or write the file again."
        )


def _mismatch(model: nn.Module, state: Mapping[str, Tensor]) -> str:
    """What speaks against these weights; a classifier may be there, since it is not used."""
    own = model.state_dict()
    said = model.pretrained_cfg.get("classifier") or ()
    heads = (said,) if isinstance(said, str) else tuple(said)
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    more = [
        key
        for key in state
        if key not in own and not key.startswith(tuple(f"{head}." for head in heads))
    ]
    other = [key for key in own if key in state and own[key].shape != state[key].shape]
    found = (("missing", missing), ("unknown", more), ("of another shape", other))
    return "; ".join(f"{len(keys)} {word}, such as '{keys[0]}'" for word, keys in found if keys)


def _taps(model: nn.Module, name: str) -> _Taps:
    """The default outputs: strides 8 and 16, or one block of a transformer."""
    info: Any = getattr(model, "feature_info", None)
    if not info or not hasattr(model, "forward_intermediates"):
        raise OptionError(
            f"timm's model '{name}' gives no intermediate maps. Choose another, such as "
            "resnet18, wide_resnet50_2 or vit_small_patch14_dinov2."
        )
    levels = info if isinstance(info, list) else info.get_dicts()
    strides = [int(one["reduction"]) for one in levels]
    if len(strides) > 2 and len(set(strides)) == 1:
        return _Taps([round(len(strides) * DEPTH_SHARE) - 1], strides[0])
    last = {stride: at for at, stride in enumerate(strides)}
    chosen = [last[stride] for stride in WANTED_STRIDES if stride in last]
    if not chosen:
        raise OptionError(
            f"timm's model '{name}' has maps of strides {sorted(last)}; 8 or 16 is needed. Choose "
            "another model."
        )
    return _Taps(chosen, 0)


def _centre(network: Features, at: int) -> float:
    """Where cell 0 of an output would be centred, from what moves cells around the middle.

    Squared gradients, because a network that also looks at the whole crop would pull their
    plain mean to its middle; cells on both sides of the middle, so that what is left cancels.
    """
    generator = torch.Generator().manual_seed(1)
    crop = torch.rand(1, 3, CENTRE_PX, CENTRE_PX, generator=generator).requires_grad_()
    found = network(crop)[at]
    cells = int(found.shape[2])
    weights = torch.randn(found.shape[1], generator=generator)
    places = torch.arange(CENTRE_PX, dtype=torch.float64)
    first = []
    for cell in range(cells // 2 - 2, cells // 2 + 2):
        response = (found[0, :, cell, cell] * weights).sum()
        (slope,) = torch.autograd.grad(response, crop, retain_graph=True)
        energy = slope[0].double().square().sum(dim=0)
        share = (energy.sum(dim=0) + energy.sum(dim=1)) / (2 * energy.sum())
        first.append(float((share * places).sum()) - cell * CENTRE_PX / cells)
    return _settled(sum(first) / len(first), CENTRE_PX / cells)


def _settled(first_px: float, stride: float) -> float:
    """What was measured to a fraction of a pixel, as what the layers must have meant.

    Padded on both sides, not padded, or padded behind, where one of these is near.
    """
    usual = min((0.0, (stride - 1) / 2, stride - 1), key=lambda one: abs(one - first_px))
    return usual if abs(usual - first_px) <= stride / 8 else round(2 * first_px) / 2
