"""A transparency log like Rekor: a Merkle tree (RFC 6962), signed checkpoints, and promises of before them."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.sigstore.authority import PrivateKey, new_key, sign, spki

if TYPE_CHECKING:
    from datetime import datetime

ORIGIN = "rekor.box.example"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_hash(leaves[:half]) + tree_hash(leaves[half:])).digest()


def tree_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*tree_path(index, leaves[:half]), tree_hash(leaves[half:])]
    return [*tree_path(index - half, leaves[half:]), tree_hash(leaves[:half])]


@dataclass
class Rekor:
    """A log in which others have entries as well."""

    key: PrivateKey = field(default_factory=new_key)
    leaves: list[bytes] = field(default_factory=lambda: [b"{}", b"[]", b"0", b"1", b"2"])

    @property
    def identifier(self) -> bytes:
        return hashlib.sha256(spki(self.key)).digest()

    def enter(self, body: dict[str, Any], at: datetime | None) -> dict[str, Any]:
        """The entry of `body` as a bundle has it; with a promise that names the time, where there is one."""
        leaf = canonical(body)
        index = len(self.leaves)
        self.leaves += [leaf, b"3", b"4"]
        root = tree_hash(self.leaves)
        note = f"{ORIGIN} - 1\n{len(self.leaves)}\n{text(root)}\n"
        signature = text(self.identifier[:4] + sign(self.key, note.encode()))
        entry: dict[str, Any] = {
            "logIndex": str(index),
            "logId": {"keyId": text(self.identifier)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": text(root),
                "treeSize": str(len(self.leaves)),
                "hashes": [text(each) for each in tree_path(index, self.leaves)],
                "checkpoint": {"envelope": f"{note}\n\u2014 {ORIGIN} {signature}\n"},
            },
            "canonicalizedBody": text(leaf),
        }
        if at is not None:
            seconds = int(at.timestamp())
            promise = {
                "body": text(leaf), "integratedTime": seconds, "logID": self.identifier.hex(), "logIndex": index
            }  # fmt: skip
            entry["integratedTime"] = str(seconds)
            entry["inclusionPromise"] = {"signedEntryTimestamp": text(sign(self.key, canonical(promise)))}
        return entry
