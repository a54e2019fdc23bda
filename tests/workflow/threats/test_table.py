"""The threats that wpkg defends against, each as an attack on a real registry, from the command line of its victim.

The attacker sits between wpkg and the registry, or writes to the registry, or publishes there. Each test of this folder
that bears the number of a row of `THREATS` is an attack of that kind; that no row is without one is a test.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.workflow.threats import test_content, test_evidence
from tests.workflow.threats.scene import VERIFY

if TYPE_CHECKING:
    from tests.workflow.threats.scene import Scene

THREATS = {
    1: "a tag moves between verification and use",
    2: "the registry serves other bytes for a digest",
    3: "the signature of another digest is copied onto this one",
    4: "the signature is stripped, the index deleted, the referrers API hidden",
    5: "an attestation is taken for a signature",
    6: "the right key, and another package or an old version as a new one",
    7: "the registry keeps serving an old, validly signed version",
    8: "a poisoned index of referrers",
    9: "endless and oversize answers",
    10: "a signature is lost to others who write at the same time",
    11: "a public namespace shadows a private one",
    12: "an unsigned input of a composed component",
    13: "a key is compromised or replaced",
    14: "JSON and base64 that mean two things",
    15: "a digest or a title that is a path",
    16: "redirects that carry credentials away, or lead into a network",
    17: "an error that hides the reason",
}


def test_every_threat_has_an_attack() -> None:
    attacks = {
        int(found[1])
        for module in (test_content, test_evidence)
        for name in vars(module)
        if (found := re.match(r"test_(\d\d)_", name))
    }
    assert attacks == set(THREATS)


def test_the_victim_is_served_well_without_an_attack(scene: Scene) -> None:
    assert "verified" in scene.succeeds(*VERIFY)
    scene.succeeds("lock")
    scene.succeeds("fetch")
