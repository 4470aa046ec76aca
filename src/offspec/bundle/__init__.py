"""The portable model: one file with graphs, reference image and manifest. See ``SPEC.md``."""

from offspec.bundle.manifest import FORMAT_VERSION, Manifest
from offspec.bundle.model import Bundle
from offspec.bundle.read import read_bundle
from offspec.bundle.write import write_bundle

__all__ = ["FORMAT_VERSION", "Bundle", "Manifest", "read_bundle", "write_bundle"]
