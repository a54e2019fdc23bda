"""A bank's business logic, and nothing else: it takes US dollars."""

from wit_world import exports
from wit_world.exports.validation import Transaction


class Validation(exports.Validation):
    def validate(self, t: Transaction) -> bool:
        return t.currency == "USD" and t.amount > 0
