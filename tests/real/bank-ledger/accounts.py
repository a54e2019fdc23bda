"""The accounts: the component that owns the resource."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.accounts import Failure_Overdrawn, Failure_UnknownCurrency
from wit_world.imports import rates


class Account(exports.accounts.Account):
    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._balance = 0

    def owner(self) -> str:
        return self._owner

    def balance(self) -> int:
        return self._balance

    def deposit(self, amount: int, currency: str) -> int:
        rate = rates.rate(currency)
        if rate is None:
            raise Err(Failure_UnknownCurrency(currency))
        self._balance += amount * rate
        return self._balance

    def withdraw(self, amount: int) -> int:
        if amount > self._balance:
            raise Err(Failure_Overdrawn(amount - self._balance))
        self._balance -= amount
        return self._balance
