"""Conditions on a request: `If-Match` and `If-None-Match` (RFC 9110 sections 13.1.1, 13.1.2).

The entity tag of a manifest or blob is its digest in double quotes. Who moves a tag says with `If-Match` what it
must name until then, or with `If-None-Match: *` that it must name nothing, and so never undoes what somebody else
did meanwhile. Grammar::

    condition  ::= '*' | entity-tag ( ',' entity-tag )*
    entity-tag ::= 'W/'? '"' visible ASCII but '"' '"'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.protocol.messages import ErrorCode, Refusal, Response, bad_request

if TYPE_CHECKING:
    from registry_shim.protocol.messages import Headers, Request
    from wpkg.oci.digest import Digest

_ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
_CONDITION = re.compile(rf"\*|{_ENTITY_TAG}(?:\s*,\s*{_ENTITY_TAG})*")
_WEAK = "W/"


def entity_tag(digest: Digest) -> str:
    """What stands for the content with `digest`, in `ETag` and in conditions."""
    return f'"{digest}"'


def answer_condition(request: Request, digest: Digest, headers: Headers) -> Response | None:
    """The answer to who has the content with `digest` already, None where it is to be sent.

    Malformed conditions are ignored: whoever reads gets the whole. Raises: Refusal when `If-Match` fails.
    """
    wanted, unwanted = request.headers.get("if-match"), request.headers.get("if-none-match")
    if wanted is not None and _is_condition(wanted) and not _names(wanted, digest, is_weak=False):
        raise _failed(digest)
    if unwanted is not None and _is_condition(unwanted) and _names(unwanted, digest, is_weak=True):
        return Response(HTTPStatus.NOT_MODIFIED, headers)
    return None


def read_conditions(request: Request) -> Conditions:
    """What must hold for the request to change anything. Raises: Refusal for malformed ones."""
    conditions = Conditions(request.headers.get("if-match"), request.headers.get("if-none-match"))
    for text in (conditions.wanted, conditions.unwanted):
        if text is not None and not _is_condition(text):
            raise bad_request(ErrorCode.UNSUPPORTED, "a condition is '*' or a list of digests in double quotes")
    return conditions


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of a name for it to be changed."""

    wanted: str | None  # If-Match
    unwanted: str | None  # If-None-Match

    def check(self, current: Digest | None) -> None:
        """Nothing, if a name that names `current` may be changed. Raises: Refusal."""
        if self.wanted is not None and not _names(self.wanted, current, is_weak=False):
            raise _failed(current)
        if self.unwanted is not None and _names(self.unwanted, current, is_weak=True):
            raise _failed(current)


def _is_condition(text: str) -> bool:
    return _CONDITION.fullmatch(text.strip()) is not None


def _names(condition: str, current: Digest | None, *, is_weak: bool) -> bool:
    if current is None:
        return False
    if condition.strip() == "*":
        return True
    tags: list[str] = re.findall(_ENTITY_TAG, condition)
    return entity_tag(current) in (tag.removeprefix(_WEAK) if is_weak else tag for tag in tags)


def _failed(current: Digest | None) -> Refusal:
    return Refusal(
        HTTPStatus.PRECONDITION_FAILED,
        ErrorCode.DENIED,
        f"the condition does not hold: this is {current} now" if current else "there is nothing here to match",
        headers=(("ETag", entity_tag(current)),) if current is not None else (),
    )
