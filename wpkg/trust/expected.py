"""What an artifact was asked for as, which those who signed it must have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.names.vocabulary import KIND_ANNOTATION, PACKAGE_ANNOTATION, VERSION_ANNOTATION

if TYPE_CHECKING:
    from datetime import date

    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.oci.artifact import PackageRecord
    from wpkg.oci.descriptor import Descriptor

# What tells an artifact from all others of a signer; the kind tells apart only what has it in its config, too.
IDENTITY = {PACKAGE_ANNOTATION: "package", VERSION_ANNOTATION: "version"}


class Expected(Struct, frozen=True):
    """What the artifact was asked for as. None is not checked."""

    package: PackageName | None = None
    version: Version | None = None
    kind: str | None = None  # 'component', 'composed', 'raw' or 'wit'
    component: Descriptor | None = None  # the layer that holds the component, with its annotations
    record: PackageRecord | None = None  # what the artifact's config says that it is; signed with the manifest
    is_package: bool = True  # else nobody asked for a package: whoever signed it need not have meant one
    today: date | None = None  # keys that have expired by then do not count; None for what was trusted earlier

    def annotations(self) -> dict[str, str]:
        """What the artifact's subject must be annotated with, if it is annotated."""
        wanted = {
            PACKAGE_ANNOTATION: self.package,
            VERSION_ANNOTATION: self.version,
            KIND_ANNOTATION: self.kind,
        }
        return {name: str(value) for name, value in wanted.items() if value is not None}

    def recorded(self) -> dict[str, str]:
        """The same as the config says it; empty where it says nothing."""
        record = self.record
        return {} if record is None else Expected(record.package, record.version, record.kind).annotations()
