"""What the directory of a repository has in it, by name; the records are `records`' own."""

from wpkg.documents.strict_json import dump_json

LAYOUT_FILE = "oci-layout"
BLOBS_DIRECTORY = "blobs"
# No component of a repository's name begins like these.
UPLOADS_DIRECTORY = "_uploads"
QUARANTINE_DIRECTORY = "_quarantine"

LAYOUT = dump_json({"imageLayoutVersion": "1.0.0"})  # image-spec v1.1.1 `image-layout.md`
