"""The package's network as a torch module that can be trained on."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from offspec import graphs
from offspec.backbones import NANO
from offspec.detectors.linear import one_thread_session
from offspec.embedded import load_weights
from offspec.errors import WeightsError
from offspec.networks.comparing import UNet
from offspec.networks.from_onnx import FromOnnx
from offspec.networks.loop import adam
from offspec.networks.settings import Training


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    found: onnx.ModelProto = load_weights(NANO).model
    return found


def test_torch_and_onnx_runtime_give_the_same_features(model: onnx.ModelProto) -> None:
    crops = np.random.default_rng(0).random((2, 3, 64, 96), np.float32)
    wanted = one_thread_session(model).run(None, {"crop": crops})[0]
    with torch.no_grad():
        found = FromOnnx(model)(torch.from_numpy(crops)).numpy()
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_only_weights_of_convolutions_are_learned(model: onnx.ModelProto) -> None:
    network = FromOnnx(model)
    kept = {name: value.clone() for name, value in network.named_buffers()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    network(torch.rand(1, 3, 32, 32)).square().mean().backward()
    optimiser.step()
    assert kept  # the constant inside the logarithm must not move
    for name, value in network.named_buffers():
        assert torch.equal(value, kept[name])
    assert all(p.grad is not None for p in network.parameters())


def test_another_operator_is_refused() -> None:
    model = graphs.build_features((8, 8), lambda crop: [graphs.op.sin(crop)])
    with pytest.raises(WeightsError, match="operator 'Sin'"):
        FromOnnx(model)


def test_a_start_learns_more_slowly_than_what_is_new(model: onnx.ModelProto) -> None:
    start = FromOnnx(model)
    network = UNet(9, 8, start, load_weights(NANO).channels, 4.0)
    fresh, slow = adam(network, Training(), slow=start, share=0.1).param_groups
    assert slow["lr"] == pytest.approx(0.1 * fresh["lr"])
    assert {id(p) for p in slow["params"]} == {id(p) for p in start.parameters()}
    together = [*fresh["params"], *slow["params"]]
    assert len(together) == len(list(network.parameters()))
    assert network(torch.rand(2, 9, 64, 64)).shape == (2, 1, 64, 64)
