"""What bodies of answers are, once they have been read whole and verified where they can be."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from wpkg.documents.strict_json import InvalidJson, Members, load_json
from wpkg.oci.manifest import IMAGE_INDEX, Index, MalformedManifest, read_manifest
from wpkg.registry.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from wpkg.registry.transport import Answer

MAX_LIST_SIZE = 8 * 1024 * 1024  # bytes of one page


def is_index(answer: Answer) -> bool:
    """Whether an answer says that it is an index."""
    media_type = (answer.header("Content-Type") or "").partition(";")[0].strip()
    return answer.status == HTTPStatus.OK and media_type == IMAGE_INDEX


def read_list(answer: Answer, what: str) -> Members:
    """The members of a page of a list. Raises: UnexpectedAnswer."""
    try:
        return Members(load_json(answer.body(MAX_LIST_SIZE)))
    except InvalidJson as error:
        raise UnexpectedAnswer(f"{what}: {error}") from error


def read_index(data: bytes, what: str) -> Index:
    """The index in `data`. Raises: MalformedManifest."""
    index = read_manifest(data)
    if not isinstance(index, Index):
        raise MalformedManifest(f"{what}: the answer is not an index")
    return index


def declared_type(data: bytes) -> str:
    """The media type that a manifest says that it has, '' where it says none or cannot be read."""
    try:
        return Members(load_json(data)).optional_text("mediaType") or ""
    except InvalidJson:
        return ""
