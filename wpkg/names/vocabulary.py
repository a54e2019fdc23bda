"""The names that this project owns in other people's formats. No other module spells them out."""

ANNOTATION_PREFIX = "dev.wpkg"  # reverse DNS, OCI annotations and statement annotations
URI_BASE = "https://wpkg.dev"  # predicate, build and builder types

PACKAGE_ANNOTATION = f"{ANNOTATION_PREFIX}.package"
VERSION_ANNOTATION = f"{ANNOTATION_PREFIX}.version"
KIND_ANNOTATION = f"{ANNOTATION_PREFIX}.kind"
BUILD_TYPE_ANNOTATION = f"{ANNOTATION_PREFIX}.buildtype"
INPUTS_ANNOTATION = f"{ANNOTATION_PREFIX}.compose.inputs"

COMPOSE_BUILD_TYPE = f"{URI_BASE}/buildtypes/compose/v1"
COMPONENT_BUILD_TYPE = f"{URI_BASE}/buildtypes/component/v1"
LOCAL_BUILDER = f"{URI_BASE}/builders/local/v1"
