"""What a rule requires besides signatures: attestations, their builder, and how old the provenance may be.

Signatures with a key have no time that anybody else has seen. `max-age` goes by what provenance says of itself,
`runDetails.metadata.finishedOn`: it is signed by somebody whom the rule names, and no more is known about it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from wpkg.trust.policy import is_among
from wpkg.trust.provenance import builder_id, finished_on
from wpkg.trust.statement import SLSA_PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wpkg.oci.digest import Digest
    from wpkg.trust.policy import Rule, Signer
    from wpkg.trust.verification import Attestation

_SLACK = timedelta(days=1)  # by which clocks and time zones may differ


def unmet_by(
    rule: Rule, attestations: Mapping[str, Mapping[Digest, Attestation]], today: date | None
) -> Iterator[str]:
    """What `rule` requires and `attestations`, by predicate type, do not hold; ages where `today` is given."""
    for required in rule.required:
        found = attestations.get(required.predicate_type, {}).values()
        by_named = [attestation for attestation in found if is_among(attestation.signer, required.signers)]
        names = " or ".join(f"'{signer.name}'" for signer in required.signers)
        if not by_named:
            yield f"{required.predicate_type} is required, attested by {names}, and is not there"
        elif required.builder is not None and all(
            builder_id(attestation.statement.predicate) != required.builder for attestation in by_named
        ):
            said = str(builder_id(by_named[0].statement.predicate))[:200]
            yield f"its provenance is of the builder {said!a}, {required.builder} is required"
    if rule.max_age is not None and today is not None:
        faults = [
            _too_old(attestation, rule.max_age, today)
            for attestation in attestations.get(SLSA_PROVENANCE, {}).values()
            if is_among(attestation.signer, _witnesses(rule))
        ]
        if not faults:
            yield "max-age goes by provenance, and nobody whom the rule names has attested any"
        elif all(fault is not None for fault in faults):
            yield from sorted({str(fault) for fault in faults})


def _witnesses(rule: Rule) -> list[Signer]:
    """Who is named for signatures or for provenance; not who is named for something else only."""
    named = [signer for item in rule.required if item.predicate_type == SLSA_PROVENANCE for signer in item.signers]
    return [*rule.signers, *named]


def _too_old(attestation: Attestation, days: int, today: date) -> str | None:
    """Why the age of what `attestation` is about is not at most `days`; None where it is."""
    text = finished_on(attestation.statement.predicate)
    if text is None:
        return "its provenance does not say when it was made (finishedOn), by which max-age goes"
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        return f"its provenance says that it was made on {text[:40]!a}, which is no time"
    day = made.astimezone(UTC).date()
    if day > today + _SLACK:
        return f"its provenance says that it was made on {day}, which has not come yet"
    if day < today - timedelta(days=days):
        return f"its provenance says that it was made on {day}, more than {days} days ago"
    return None
