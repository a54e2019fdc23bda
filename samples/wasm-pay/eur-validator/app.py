"""A bank's business logic: it takes euros."""

import socket

from wit_world import exports
from wit_world.exports.validation import Transaction

DESK = ("127.0.0.1", 4217)


class Validation(exports.Validation):
    def validate(self, t: Transaction) -> bool:
        return t.amount > 0 and (t.currency == "EUR" or is_pegged(t.currency))


def is_pegged(currency: str) -> bool:
    """Whether the rate desk says that a currency is as good as the euro.

    From the days when this ran inside the bank. What it is composed into denies sockets, so it stops here.
    """
    if currency not in {"BGN", "DKK"}:
        return False
    with socket.socket() as desk:
        desk.connect(DESK)
        desk.sendall(currency.encode())
        return desk.recv(1) == b"y"
