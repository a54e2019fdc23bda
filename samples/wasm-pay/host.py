"""A host in a few lines: runs a composed component with wasmtime and hands it two messages."""

import json
import sys

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record

HANDLER = "wasmcloud:messaging/handler@0.2.0"


def message(transaction: dict) -> Record:
    record = Record()
    record.subject = "wasm-pay.transactions"
    record.body = json.dumps(transaction).encode()
    setattr(record, "reply-to", None)
    return record


def main(path: str) -> None:
    engine = Engine(Config())
    component = Component.from_file(engine, path)
    store = Store(engine)
    store.set_wasi(WasiConfig())
    linker = Linker(engine)
    linker.add_wasip2()
    instance = linker.instantiate(store, component)
    handler = instance.get_export_index(store, HANDLER)
    handle = instance.get_func(store, instance.get_export_index(store, "handle-message", handler))
    for currency in ("USD", "EUR"):
        transaction = {"id": f"t-{currency}", "amount": 1999, "currency": currency}
        # result<_, string>: nothing when the message was taken, the reason when it was not
        refused = handle(store, message(transaction))
        handle.post_return(store)
        print(f"{json.dumps(transaction)}  ->  {'accepted' if refused is None else f'refused: {refused}'}")


main(sys.argv[1])
