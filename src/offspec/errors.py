"""Every error that offspec raises on purpose.

OffspecError
  InputError          a value or file from outside breaks a rule
    ImageDecodeError    not an image, truncated, or too large
    ShapeError          size, channels or depth do not fit
    AnnotationError     a sidecar, mask or COCO file is malformed
    DatasetError        a folder holds no normals, leaks, or contradicts itself
    TemplateError       a template breaks its own rules
      RegionError         one region does
    OptionError         unknown detector, backbone, option or parameter
    LimitError          statistics or graph over a stated limit
    MetricError         a metric is undefined for these inputs
  StateError          a call came too early
    NotFittedError
    ThresholdNotSetError
  BundleError         a bundle cannot be trusted
    BundleVersionError  BundleChecksumError  BundleTooLargeError
    BundleGraphError    a graph breaks the contract (operators, inputs, outputs)
  WeightsError        the package's own network weights are missing or damaged
  RuntimeBackendError onnxruntime failures, mapped here
  WriteError          a result could not be written (disk full, rights)
  JobError            JobNotFoundError  JobConflictError

A message says what is wrong, the value, the rule and the next step.
``code`` is stable and is what JSON output, REST and the studio show.
"""

from __future__ import annotations

from typing import ClassVar


class OffspecError(Exception):
    """Base of every deliberate error; catch this to catch them all."""

    code: ClassVar[str] = "offspec"


class InputError(OffspecError):
    """A value or file from outside breaks a rule."""

    code = "input"


class ImageDecodeError(InputError):
    """A file is empty, truncated, not an image, or larger than the pixel limit."""

    code = "image_decode"


class ShapeError(InputError):
    """Size, channels or bit depth do not fit what is asked."""

    code = "shape"


class AnnotationError(InputError):
    """A sidecar, mask or COCO file is malformed."""

    code = "annotation"


class DatasetError(InputError):
    """A dataset holds no normals, leaks between splits, or contradicts itself."""

    code = "dataset"


class TemplateError(InputError):
    """A template breaks its own rules."""

    code = "template"


class RegionError(TemplateError):
    """A region is outside the image, self-crossing, or a duplicate."""

    code = "region"


class OptionError(InputError):
    """An unknown detector, backbone, option or parameter value."""

    code = "option"


class LimitError(InputError):
    """Statistics, graph or bundle would exceed a stated limit."""

    code = "limit"


class MetricError(InputError):
    """A metric is undefined for these inputs."""

    code = "metric"


class StateError(OffspecError):
    """A call came too early in the life of an object."""

    code = "state"


class NotFittedError(StateError):
    """A detector was asked for a graph before ``fit``."""

    code = "not_fitted"


class ThresholdNotSetError(StateError):
    """A verdict was asked for before calibration."""

    code = "threshold_not_set"


class BundleError(OffspecError):
    """A bundle is corrupt, truncated, or breaks its specification."""

    code = "bundle"


class BundleVersionError(BundleError):
    """A bundle was written by a newer format version than this reader knows."""

    code = "bundle_version"


class BundleChecksumError(BundleError):
    """A member of a bundle does not match its recorded sha256."""

    code = "bundle_checksum"


class BundleTooLargeError(BundleError):
    """A bundle or one of its members is over a size limit."""

    code = "bundle_too_large"


class BundleGraphError(BundleError):
    """A graph in a bundle uses what the contract forbids."""

    code = "bundle_graph"


class WeightsError(OffspecError):
    """Network weights, the package's own or a file of the user, are missing, damaged or unfit."""

    code = "weights"


class TrainingError(OffspecError):
    """A network could not be trained, or its export differs from it."""

    code = "training"


class RuntimeBackendError(OffspecError):
    """The inference backend failed; its own message is quoted."""

    code = "runtime_backend"


class WriteError(OffspecError):
    """A result could not be written; nothing half-written is left."""

    code = "write"


class JobError(OffspecError):
    """A background job failed."""

    code = "job"


class JobNotFoundError(JobError):
    """No job has this id."""

    code = "job_not_found"


class JobConflictError(JobError):
    """The job's state does not allow this."""

    code = "job_conflict"
