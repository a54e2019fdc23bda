"""How the gate says no: 403 `DENIED`, which of the three reasons it is, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.gate.verdict import Standing
from registry_shim.protocol.messages import ErrorCode, Refusal, warning
from wpkg.names.version import RAW_SUFFIX, Version
from wpkg.names.vocabulary import VERSION_ANNOTATION

if TYPE_CHECKING:
    from registry_shim.gate.verdict import Verdict
    from wpkg.oci.digest import Digest

_WHAT_TO_DO = {
    Standing.UNSIGNED: "sign it by digest, then the tag shows it: {sign}",
    Standing.SIGNATURE_WRONG: "let a signer of the policy sign it: {sign}",
    Standing.NOT_CHECKED: "try again; if it happens again, the registry's log says more",
}


def refuse_tag(registry: str, repository: str, tag: str, digest: Digest, verdict: Verdict) -> Refusal:
    """The refusal to show or to set `tag`, which names `digest`."""
    message = explain(registry, repository, tag, digest, verdict)
    detail = {"reason": str(verdict.standing), "digest": str(digest), "hint": verdict.hint or ""}
    return Refusal(HTTPStatus.FORBIDDEN, ErrorCode.DENIED, message, headers=warning(message), detail=detail)


def explain(registry: str, repository: str, tag: str, digest: Digest, verdict: Verdict) -> str:
    """Why `tag` is not shown, and what to do."""
    what_to_do = _WHAT_TO_DO[verdict.standing].format(sign=_sign(tag, f"{registry}/{repository}@{digest}"))
    return f"{verdict.standing}: {repository}:{tag} ({digest.short}) {verdict.reason}; {what_to_do}"


def _sign(tag: str, by_digest: str) -> str:
    """The command that signs what `tag` names, as the version that it names where it does."""
    version = Version.from_tag(tag.removesuffix(RAW_SUFFIX))
    named = f" -a {VERSION_ANNOTATION}={version}" if version is not None else ""
    return f"cosign sign --key KEY{named} {by_digest}"
