"""The platform's transport: takes messages from a broker and asks a bank's component about them."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import validation
from wit_world.imports.types import BrokerMessage


class Handler(exports.Handler):
    def handle_message(self, msg: BrokerMessage) -> None:
        try:
            body = json.loads(msg.body)
            transaction = validation.Transaction(body["id"], body["amount"], body["currency"])
        except (ValueError, KeyError) as error:
            raise Err(f"not a transaction: {error}") from error
        if not validation.validate(transaction):
            raise Err(f"transaction {transaction.id}: {transaction.currency} is refused")
