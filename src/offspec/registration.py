"""Lay one grey image over another: phase correlation, correlation maximising, feature matching.

All matrices map homogeneous reference pixels to image pixels, pixel centres at whole numbers.
Everything here is deterministic at any thread count: sums run in a fixed order, outside BLAS.

Reference:
    Evangelidis and Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient
    Maximization" (PAMI 2008), for the gain and offset invariant criterion; Baker and Matthews,
    "Lucas-Kanade 20 Years On" (IJCV 2004), for the inverse compositional update, which lets the
    reference's gradients be computed once; Kuglin and Hines (1975) for phase correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from offspec.types import BoolArray, DoubleArray, FloatArray

Motion = Literal["shift", "similarity", "homography"]

SAMPLES = 8_192  # pixels that steer the refinement, a multiple of the row length below
SAMPLE_ROW = 64
CELLS = 12  # samples are spread over a grid of cells, so that no edge outvotes the rest
HIGH_PASS = 16  # local mean over 1/8 of the longer side is removed: slow light does not count
LEAST_OVERLAP = 0.4  # of the reference's pixels; less proves nothing
ROTATION_STEP_DEG = 4.0  # half a step is 2 px at the corner of the 128 px level: within reach


def work_image(grey: FloatArray, sigma: float = 1.0) -> FloatArray:
    """Band-pass a grey image: (H, W) float32, smoothed, slow brightness removed."""
    smooth = cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    side = border_px(grey.shape) // 2 * 2 + 1
    slow = smooth
    for _ in range(2):  # two boxes are nearly round, so turned images lose the same
        slow = cv2.blur(slow, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(smooth - slow, dtype=np.float32)


def border_px(shape: tuple[int, ...]) -> int:
    """Width of the rim in which the local mean reaches beyond the image and says nothing."""
    return max(2, max(shape[:2]) // HIGH_PASS)


def level_matrix(size_wh: tuple[int, int], level_wh: tuple[int, int]) -> DoubleArray:
    """Maps pixels of an image of ``size_wh`` to pixels of its copy resized to ``level_wh``."""
    sx, sy = level_wh[0] / size_wh[0], level_wh[1] / size_wh[1]
    return np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]], dtype=np.float64)


def masked_ncc(a: FloatArray, b: FloatArray, mask: BoolArray | None = None) -> float:
    """Normalised correlation of two images over a mask, in [-1, 1]; 0 when one is flat."""
    if mask is not None:
        a, b = a[mask], b[mask]
    a, b = a.ravel(), b.ravel()
    if not a.size:
        return 0.0
    a = a - a.mean(dtype=np.float64).astype(np.float32)
    b = b - b.mean(dtype=np.float64).astype(np.float32)
    power = float(np.einsum("i,i->", a, a)) * float(np.einsum("i,i->", b, b))
    if power <= 1e-12:
        return 0.0
    return float(np.clip(np.einsum("i,i->", a, b) / np.sqrt(power), -1.0, 1.0))


def corner_motion(matrix: DoubleArray, other: DoubleArray, size_wh: tuple[int, int]) -> float:
    """Largest distance at the reference's corners between two matrices, in image pixels."""
    w, h = size_wh
    corners = np.array([[0, w, w, 0], [0, 0, h, h], [1, 1, 1, 1]], dtype=np.float64)
    a, b = matrix @ corners, other @ corners
    if min(a[2].min(), b[2].min()) <= 1e-6:
        return float("inf")
    return float(np.hypot(*(a[:2] / a[2] - b[:2] / b[2])).max())


@dataclass(frozen=True, slots=True)
class Solver:
    """One pyramid level of the reference, ready to pull images onto it.

    Attributes:
        work: (H, W) float32 band-passed reference.
        mask: (H, W) bool, where to look; None = everywhere.
        points: (2, N) float32 sampled pixels x, y; spread out, strongest gradients first.
        values: (N,) float32 reference at the samples.
        steepest: Change of the reference at the samples by one unit of each motion parameter;
            one (P, N) float32 array a motion.
        to_unit: (3, 3) maps pixels to centred reference coordinates with the half diagonal as unit.
    """

    work: FloatArray
    mask: BoolArray | None
    points: FloatArray
    values: FloatArray
    steepest: dict[Motion, FloatArray]
    to_unit: DoubleArray

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the level."""
        return self.work.shape[1], self.work.shape[0]

    def ncc(self, image: FloatArray, matrix: DoubleArray) -> float:
        """Correlation of the reference with an image laid over it; -1 under too little overlap."""
        if np.array_equal(matrix, np.eye(3)) and image.shape == self.work.shape:
            return masked_ncc(self.work, image, self.mask)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid = cv2.warpPerspective(
            image, matrix, self.size_wh, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        inside = self._inside(matrix, image.shape)
        if self.mask is not None:
            inside &= self.mask
        wanted = inside.size if self.mask is None else np.count_nonzero(self.mask)
        if np.count_nonzero(inside) < LEAST_OVERLAP * wanted:
            return -1.0
        return masked_ncc(self.work, np.asarray(laid, dtype=np.float32), inside)

    def _inside(self, matrix: DoubleArray, shape: tuple[int, ...]) -> BoolArray:
        """Reference pixels whose place lies inside the image."""
        w, h = self.size_wh
        right, bottom = shape[1] - 0.5, shape[0] - 0.5
        corners = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])
        back = cv2.perspectiveTransform(corners[None], np.linalg.inv(matrix))[0]
        inside = np.zeros((h, w), dtype=np.uint8)
        limited = np.clip(back, -4 * max(w, h), 5 * max(w, h))
        cv2.fillConvexPoly(inside, np.round(limited * 16).astype(np.int32), 1, shift=4)
        return inside.astype(bool)

    def refine(
        self, image: FloatArray, start: DoubleArray, motion: Motion, iterations: int = 12
    ) -> DoubleArray | None:
        """Pull an image onto the reference; None when it drifts away or loses the overlap.

        Each step solves for motion, gain and offset together, by least squares with weights that
        fade out pixels which fit badly (defects, highlights).
        """
        matrix = start.copy()
        columns = np.vstack([self.steepest[motion], self.values, np.ones_like(self.values)])
        for _ in range(iterations):
            sampled, inside = self._sample(image, matrix)
            if np.count_nonzero(inside) < LEAST_OVERLAP * inside.size:
                return None
            solution = _robust_solve(columns, sampled, inside)
            if solution is None or solution[-2] <= 0.05:
                return None
            step = _step_matrix(solution[:-2] / solution[-2], motion)
            step = np.linalg.inv(self.to_unit) @ step @ self.to_unit
            matrix = matrix @ np.linalg.inv(step)
            matrix /= matrix[2, 2]
            moved = corner_motion(step, np.eye(3), self.size_wh)
            if not moved < max(self.size_wh) / 4:
                return None
            if moved < 0.01:
                break
        return matrix

    def _sample(self, image: FloatArray, matrix: DoubleArray) -> tuple[FloatArray, BoolArray]:
        """Image values at the samples' places, and which of those places are inside."""
        x, y = self.points
        z = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
        u = ((matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / z).astype(np.float32)
        v = ((matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / z).astype(np.float32)
        h, w = image.shape
        rim = border_px(image.shape)
        inside = (u >= rim) & (v >= rim) & (u <= w - 1 - rim) & (v <= h - 1 - rim) & (z > 0)
        maps = u.reshape(-1, SAMPLE_ROW), v.reshape(-1, SAMPLE_ROW)
        values = cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(values, dtype=np.float32).ravel(), inside


def build_solver(
    work: FloatArray,
    mask: BoolArray | None,
    motions: tuple[Motion, ...],
    scale_xy: tuple[float, float] = (1.0, 1.0),
) -> Solver | None:
    """Precompute a level of the reference; None when it is too flat or small to steer anything.

    Args:
        work: (H, W) band-passed level.
        mask: (H, W) where to look; None = everywhere.
        motions: What will be asked for.
        scale_xy: Level pixels per reference pixel; rounding makes the two differ a little, and a
            similarity is one in reference pixels.
    """
    h, w = work.shape
    gx = cv2.Scharr(work, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(work, cv2.CV_32F, 0, 1, scale=1 / 32)
    rows, cols = _spread_samples(np.asarray(gx**2 + gy**2), mask)
    if rows.size < 4 * SAMPLE_ROW:
        return None
    centre_x, centre_y = (w - 1) / 2, (h - 1) / 2
    unit_x = float(np.hypot(w, h)) / 2
    unit_y = unit_x * scale_xy[1] / scale_xy[0]
    to_unit = np.array(
        [[1 / unit_x, 0, -centre_x / unit_x], [0, 1 / unit_y, -centre_y / unit_y], [0, 0, 1]]
    )
    u = ((cols - centre_x) / unit_x).astype(np.float32)
    v = ((rows - centre_y) / unit_y).astype(np.float32)
    du, dv = gx[rows, cols] * np.float32(unit_x), gy[rows, cols] * np.float32(unit_y)
    pull = u * du + v * dv
    parts: dict[Motion, list[FloatArray]] = {
        "shift": [du, dv],
        "similarity": [du, dv, pull, u * dv - v * du],
        "homography": [du, dv, u * du, v * du, u * dv, v * dv, -u * pull, -v * pull],
    }
    return Solver(
        work=work,
        mask=mask,
        points=np.stack([cols, rows]).astype(np.float32),
        values=work[rows, cols],
        steepest={m: np.ascontiguousarray(np.stack(parts[m]), np.float32) for m in motions},
        to_unit=to_unit,
    )


def _spread_samples(
    energy: FloatArray, mask: BoolArray | None
) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Rows and columns of the strongest gradients of each cell; ties by position."""
    h, w = energy.shape
    rim = border_px(energy.shape)
    energy = energy.copy()
    energy[:rim], energy[-rim:], energy[:, :rim], energy[:, -rim:] = 0, 0, 0, 0
    if mask is not None:
        energy[~mask] = 0
    floor = 1e-4 * float(energy.max(initial=0.0))
    quota = -(-SAMPLES // CELLS**2)
    flat: list[np.ndarray[tuple[int], np.dtype[np.intp]]] = []
    for band in np.array_split(np.arange(h), CELLS):
        for column in np.array_split(np.arange(w), CELLS):
            if not band.size or not column.size:
                continue
            cell = energy[band[0] : band[-1] + 1, column[0] : column[-1] + 1].ravel()
            order = np.argsort(-cell, kind="stable")[:quota]
            order = order[cell[order] > max(floor, 1e-12)]
            r, c = np.divmod(order, column.size)
            flat.append((r + band[0]) * w + c + column[0])
    chosen = np.sort(np.concatenate(flat)) if flat else np.zeros(0, dtype=np.intp)
    chosen = chosen[: chosen.size // SAMPLE_ROW * SAMPLE_ROW]
    rows, cols = np.divmod(chosen, w)
    return rows, cols


def _robust_solve(columns: FloatArray, y: FloatArray, inside: BoolArray) -> DoubleArray | None:
    """Weighted least squares of y on the columns (P, N), two rounds; None when singular."""
    weights = inside.astype(np.float32)
    solution: DoubleArray | None = None
    for _ in range(2):
        weighted = columns * weights
        normal = np.einsum("in,jn->ij", weighted, columns).astype(np.float64)
        right = np.einsum("in,n->i", weighted, y).astype(np.float64)
        normal[np.diag_indices_from(normal)] *= 1 + 1e-6
        try:
            solution = np.linalg.solve(normal, right)
        except np.linalg.LinAlgError:
            return None
        residual = y - np.einsum("i,in->n", solution.astype(np.float32), columns)
        spread = 1.4826 * float(np.median(np.abs(residual[::8][inside[::8]]))) + 1e-6
        weights = inside / (1 + (residual / np.float32(3 * spread)) ** 2)
        weights = weights.astype(np.float32)
    return solution


def _step_matrix(p: DoubleArray, motion: Motion) -> DoubleArray:
    """Motion parameters in unit coordinates as a matrix."""
    step = np.eye(3)
    step[:2, 2] = p[:2]
    if motion == "similarity":
        step[:2, :2] += [[p[2], -p[3]], [p[3], p[2]]]
    elif motion == "homography":
        step[:2, :2] += [[p[2], p[3]], [p[4], p[5]]]
        step[2, :2] = p[6:8]
    return step


class PhaseSearch:
    """Coarse shift, and rotation when allowed, by phase correlation on one small level."""

    def __init__(self, work: FloatArray, mask: BoolArray | None, max_rotation_deg: float) -> None:
        h, w = work.shape
        self._size_wh = (w, h)
        self._window = np.outer(np.hanning(h), np.hanning(w)).astype(np.float32)
        steps = int(np.ceil(max_rotation_deg / ROTATION_STEP_DEG)) + (max_rotation_deg > 0)
        steps = min(steps, int(180 / ROTATION_STEP_DEG))
        angles = ROTATION_STEP_DEG * np.arange(-steps, steps + 1)
        self._turns = [self._turn(float(a)) for a in sorted(angles[angles > -180], key=abs)]
        source = work if mask is None else work * mask
        self._spectra = [self._spectrum(self._laid(source, turn)) for turn in self._turns]

    def _turn(self, angle_deg: float) -> DoubleArray:
        w, h = self._size_wh
        rows = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), angle_deg, 1.0)
        return np.vstack([rows, [0.0, 0.0, 1.0]]).astype(np.float64)

    def _laid(self, work: FloatArray, turn: DoubleArray) -> FloatArray:
        laid = cv2.warpPerspective(work, turn, self._size_wh, flags=cv2.INTER_LINEAR)
        return np.asarray(laid, dtype=np.float32)

    def _spectrum(self, work: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.complex64]]:
        return np.fft.rfft2(work * self._window).astype(np.complex64)

    def best(self, image: FloatArray, *, turned: bool) -> DoubleArray:
        """The shift, and rotation if ``turned``, with the sharpest correlation peak."""
        spectrum = self._spectrum(image)
        best_peak, best_matrix = -1.0, np.eye(3)
        for turn, reference in zip(self._turns, self._spectra, strict=True):
            peak, shift = self._peak(spectrum * np.conj(reference))
            if peak > best_peak:
                best_peak, best_matrix = peak, shift @ turn
            if not turned:
                break
        return best_matrix

    def _peak(
        self, cross: np.ndarray[tuple[int, int], np.dtype[np.complex64]]
    ) -> tuple[float, DoubleArray]:
        """Height and place of the peak; the square root keeps noise-only bands from shouting."""
        w, h = self._size_wh
        size = np.abs(cross)
        surface = np.fft.irfft2(cross / np.sqrt(size + 1e-6 * float(size.max()) + 1e-12), (h, w))
        row, col = np.unravel_index(int(np.argmax(surface)), surface.shape)
        norm = float(np.sqrt(np.mean(surface**2))) + 1e-12
        shift = np.eye(3)
        shift[0, 2] = col - w if col > w // 2 else col
        shift[1, 2] = row - h if row > h // 2 else row
        return float(surface[row, col]) / norm, shift


class FeatureSearch:
    """Any shift, rotation and scale, from matched SIFT features; slow, the last resort."""

    def __init__(self, grey: FloatArray, mask: BoolArray | None) -> None:
        area = None if mask is None else mask.astype(np.uint8) * 255
        self._points, self._descriptors = self._detect(grey, area)

    @staticmethod
    def _detect(
        grey: FloatArray, area: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None
    ) -> tuple[DoubleArray, FloatArray]:
        low, high = float(grey.min()), float(grey.max())
        eight = np.round((grey - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
        found, descriptors = cv2.SIFT.create(nfeatures=800).detectAndCompute(eight, area)
        points = np.array([k.pt for k in found], dtype=np.float64).reshape(-1, 2)
        return points, np.asarray(descriptors if len(found) else np.zeros((0, 128)), np.float32)

    def best(self, grey: FloatArray) -> DoubleArray | None:
        """The similarity most matches agree on; None with fewer than 8 in agreement."""
        points, descriptors = self._detect(grey, None)
        if min(len(points), len(self._points)) < 8:
            return None
        pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(self._descriptors, descriptors, k=2)
        kept = [p[0] for p in pairs if len(p) == 2 and p[0].distance < 0.8 * p[1].distance]
        if len(kept) < 8:
            return None
        source = self._points[[m.queryIdx for m in kept]]
        target = points[[m.trainIdx for m in kept]]
        rows, inliers = cv2.estimateAffinePartial2D(
            source, target, method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=2000
        )
        if rows is None or int(np.sum(inliers)) < 8:
            return None
        return np.vstack([rows, [0.0, 0.0, 1.0]]).astype(np.float64)
