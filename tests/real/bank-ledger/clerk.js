// A root in JavaScript: makes accounts of a component in another language.
import { Account } from 'bank:ledger/accounts@0.1.0';

export const teller = {
  serve(owner, deposits) {
    const account = new Account(owner);
    const said = [];
    for (const [amount, currency] of deposits) {
      try {
        said.push(`${account.owner()} has ${account.deposit(amount, currency)}`);
      } catch (error) {
        said.push(`${error.payload.tag}: ${error.payload.val}`);
      }
    }
    try {
      account.withdraw(account.balance() + 7n);
    } catch (error) {
      said.push(`${error.payload.tag}: ${error.payload.val}`);
    }
    return said;
  },
};
