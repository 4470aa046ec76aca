"""The detectors, kinds, slots, normals, backbones and heads that the contract is held against."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import onnx
import pytest

from offspec.backbones import BACKBONES
from offspec.detectors import DETECTORS
from offspec.detectors.feature_based import FeatureDetector
from offspec.detectors.head import NONE
from offspec.types import FixedKind
from tests.contract.make import crops, new_detector, normals

LEARNED = "learned"
KINDS: tuple[FixedKind, ...] = ("object", "texture")


@dataclass(frozen=True)
class Case:
    """A detector, its kind, slots, number of good images, backbone and head."""

    name: str
    kind: FixedKind
    n_slots: int
    n_normals: int
    backbone: str = "bank"
    head: str = NONE

    def new(self, *, seed: int = 0, threads: int = 1) -> FeatureDetector:
        return new_detector(
            self.name,
            self.kind,
            backbone=self.backbone,
            head=self.head,
            seed=seed,
            threads=threads,
        )

    def fit(self, detector: FeatureDetector) -> FeatureDetector:
        others = normals(self.n_normals - 1, self.n_slots)
        return detector.fit(crops(0, self.n_slots), others)

    @property
    def trained(self) -> bool:
        """Whether it trains a network; here for so few steps that only structure can be asked."""
        return DETECTORS[self.name].trained

    @property
    def shares_looks(self) -> bool:
        """Whether what is good in one slot is good in all."""
        return self.name == "patchcore" and self.kind == "texture"

    def graph(self) -> onnx.ModelProto:
        return _graph(self)


@cache
def _graph(case: Case) -> onnx.ModelProto:
    return case.fit(case.new()).to_graph()


CLOSED_FORM = sorted(name for name, cls in DETECTORS.items() if not cls.trained)
TRAINED = sorted(DETECTORS.keys() - set(CLOSED_FORM))
HAS_TORCH = importlib.util.find_spec("torch") is not None
CASES = [
    Case(name, kind, n_slots, n_normals)
    for name in CLOSED_FORM
    for kind in KINDS
    for n_slots in (1, 3)
    for n_normals in (1, 2, 6)
    if n_normals >= DETECTORS[name].fewest[kind]
]
for detector in CLOSED_FORM:
    for trained in sorted(BACKBONES.keys() - {"bank"}):
        CASES.append(Case(detector, "object", 3, 6, trained))
        CASES.append(Case(detector, "texture", 1, 2, trained))
    if not DETECTORS[detector].takes_head:
        continue
    for n_slots, n_normals in ((1, 1), (2, 2), (3, 6)):
        CASES.append(Case(detector, "object", n_slots, n_normals, head=LEARNED))
    for n_slots, n_normals in ((1, 2), (2, 3)):
        CASES.append(Case(detector, "texture", n_slots, n_normals, head=LEARNED))
TAUGHT = [Case(name, kind, 3 if kind == "object" else 1, 6) for name in TRAINED for kind in KINDS]


def _parameters(cases: Sequence[Case]) -> list[object]:
    """Cases as pytest takes them; those that train take long, and need torch."""
    marks = [pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed"), pytest.mark.slow]
    return [pytest.param(c, marks=marks) if c.trained else pytest.param(c) for c in cases]


def _case_name(case: Case) -> str:
    name = case.name if case.backbone == "bank" else f"{case.name}-{case.backbone}"
    name += "" if case.head == NONE else f"-{case.head}"
    return f"{name}-{case.kind}-{case.n_slots}slots-{case.n_normals}normals"


def _over(cases: Sequence[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", _parameters(cases), ids=_case_name)


_LARGEST = [c for c in CASES if c.n_slots > 1 and c.n_normals == 6]
fitted_case = _over(CASES)  # what is fitted in closed form, so that quality can be asked too
every_case = _over([*CASES, *TAUGHT])
several_slots = _over([c for c in CASES if c.n_slots > 1])
largest_case = _over([*_LARGEST, *(c for c in TAUGHT if c.n_slots > 1)])
largest_fitted_case = _over(_LARGEST)
