"""Verdicts, remembered for a while: a tag that is pulled a thousand times is verified once a minute.

A verdict is forgotten when the policy changes, when something about its artifact is pushed or deleted here, and
after `VERDICT_SECONDS` in any case, for evidence may also change where this process does not see it. That it could
not be checked is forgotten soon: it may go better in a moment.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.gate.verdict import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_shim.gate.verdict import Verdict
    from wpkg.oci.digest import Digest

VERDICT_SECONDS = 60.0
UNCHECKED_SECONDS = 5.0
MAX_VERDICTS = 20_000  # a few hundred bytes each; then all are forgotten

Key = tuple[str, str, "Digest"]  # repository, tag, manifest


class _Kept(Struct, frozen=True):
    revision: int  # of the policy
    until: float  # by the clock
    verdict: Verdict


class Verdicts:
    """Verdicts by what they are about. Safe for several threads, which may come to the same one twice."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[Key, _Kept] = {}
        self._changes = 0

    def get(self, key: Key, revision: int, judge: Callable[[], Verdict]) -> Verdict:
        """The verdict under revision `revision` of the policy, from `judge` where none is kept."""
        kept = self._kept.get(key)
        if kept is not None and kept.revision == revision and self._monotonic() < kept.until:
            return kept.verdict
        changes = self._changes
        began = self._monotonic()
        verdict = judge()
        is_checked = verdict.standing is not Standing.NOT_CHECKED
        until = began + (VERDICT_SECONDS if is_checked else UNCHECKED_SECONDS)
        with self._lock:
            # What changed while it was being judged may not be in it.
            if changes == self._changes:
                if len(self._kept) >= MAX_VERDICTS:
                    self._kept.clear()
                self._kept[key] = _Kept(revision, until, verdict)
        return verdict

    def forget(self, repository: str, subject: Digest | None = None) -> None:
        """Judge anew what is in `repository`, or only what is about `subject` there."""
        with self._lock:
            self._changes += 1
            for key in [key for key in self._kept if key[0] == repository and subject in (None, key[2])]:
                del self._kept[key]
