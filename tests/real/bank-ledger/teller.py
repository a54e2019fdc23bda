"""The root of the diamond: makes an account and hands it to both sides."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import accounts, fees, limits


class Teller(exports.Teller):
    def serve(self, owner: str, deposits: list[tuple[int, str]]) -> list[str]:
        said = []
        with accounts.Account(owner) as account:
            for amount, currency in deposits:
                try:
                    account.deposit(amount, currency)
                except Err as error:
                    said.append(f"{error.value.value} is not taken")
            before = account.balance()
            said.append(f"{account.owner()} has {before}, {fees.charge(account)} after the fee")
            said.append(f"now {account.balance()}")
            said += [f"may spend {n}: {limits.allows(account, n)}" for n in (before - 1, before)]
        return said
