"""The platform's transport over HTTP: a transaction is posted, and answered with what the bank says of it.

Every decision goes to the audit service first; what cannot be written down there is not accepted.
"""

import json

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import log, validation
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam

MOST = 1 << 16  # bytes of a transaction
OK, BAD_REQUEST, TOO_LARGE, UNPROCESSABLE, UNAVAILABLE = 200, 400, 413, 422, 503


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        status, said = decide(read_body(request))
        response = OutgoingResponse(Fields())
        response.set_status_code(status)
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            stream.blocking_write_and_flush(f"{said}\n".encode())
        OutgoingBody.finish(body, None)


def decide(body: bytes) -> tuple[int, str]:
    """The status and the text of the answer."""
    if len(body) > MOST:
        return TOO_LARGE, f"more than {MOST} bytes are no transaction"
    try:
        given = json.loads(body)
        transaction = validation.Transaction(str(given["id"]), int(given["amount"]), str(given["currency"]))
    except (ValueError, KeyError, TypeError) as error:
        return BAD_REQUEST, f"not a transaction: {error}"
    is_accepted = validation.validate(transaction)
    said = "accepted" if is_accepted else f"refused: {transaction.amount} {transaction.currency}"
    try:
        number = log.append(log.Entry(transaction.id, said))
    except Err as error:
        return UNAVAILABLE, f"not accepted, because it could not be written down: {error.value}"
    return (OK if is_accepted else UNPROCESSABLE), f"{said}, entry {number}"


def read_body(request: IncomingRequest) -> bytes:
    """The body, or a little more than may be in it."""
    read = b""
    with request, request.consume() as body, body.stream() as stream:
        while len(read) <= MOST:
            try:
                read += stream.blocking_read(MOST)
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    break
                raise
    return read
