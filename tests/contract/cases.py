"""The detectors, kinds, slots, normals, backbones and heads that the contract is held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import onnx
import pytest

from offspec.backbones import BACKBONES
from offspec.detectors import DETECTORS
from offspec.detectors.head import NONE
from offspec.detectors.reference import ReferenceDetector
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

    def new(self, *, seed: int = 0, threads: int = 1) -> ReferenceDetector:
        return new_detector(
            self.name,
            self.kind,
            backbone=self.backbone,
            head=self.head,
            seed=seed,
            threads=threads,
        )

    def fit(self, detector: ReferenceDetector) -> ReferenceDetector:
        others = normals(self.n_normals - 1, self.n_slots)
        return detector.fit(crops(0, self.n_slots), others)

    def graph(self) -> onnx.ModelProto:
        return _graph(self)


@cache
def _graph(case: Case) -> onnx.ModelProto:
    return case.fit(case.new()).to_graph()


CASES = [
    Case(name, kind, n_slots, n_normals)
    for name in sorted(DETECTORS)
    for kind in KINDS
    for n_slots in (1, 3)
    for n_normals in (1, 2, 6)
]
for detector in sorted(DETECTORS):
    for trained in sorted(BACKBONES.keys() - {"bank"}):
        CASES.append(Case(detector, "object", 3, 6, trained))
        CASES.append(Case(detector, "texture", 1, 2, trained))
    for n_slots, n_normals in ((1, 1), (2, 2), (3, 6)):
        CASES.append(Case(detector, "object", n_slots, n_normals, head=LEARNED))
    for n_slots, n_normals in ((1, 2), (2, 3)):
        CASES.append(Case(detector, "texture", n_slots, n_normals, head=LEARNED))


def _case_name(case: Case) -> str:
    name = case.name if case.backbone == "bank" else f"{case.name}-{case.backbone}"
    name += "" if case.head == NONE else f"-{case.head}"
    return f"{name}-{case.kind}-{case.n_slots}slots-{case.n_normals}normals"


every_case = pytest.mark.parametrize("case", CASES, ids=_case_name)
several_slots = pytest.mark.parametrize("case", [c for c in CASES if c.n_slots > 1], ids=_case_name)
largest_case = pytest.mark.parametrize(
    "case", [c for c in CASES if c.n_slots > 1 and c.n_normals == 6], ids=_case_name
)
