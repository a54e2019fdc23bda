"""The socket in the root by which the commands reach the registry that has the root.

One connection is one order and its answer, each a line of JSON. Only the user that the registry runs as can
connect. Orders are carried out one after the other, by one thread, as is what the registry does by itself every so
often.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import msgspec

from registry_shim.errors import RootInUse, UpkeepStopped
from registry_shim.upkeep.orders import Answer, CollectReport, Failed, Order
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from registry_shim.upkeep.orders import Report

    CarryOut = Callable[[Order, Callable[[], None]], Report]

logger = logging.getLogger("registry_shim")

SOCKET_FILE = ".control"  # in the root; no repository's name begins like this
MAX_ORDER_SIZE = 64 * 1024  # bytes
ORDER_SECONDS = 5  # within which a client must have sent its order
CONNECT_SECONDS = 1.0  # for which a registry that has just been started is waited for
CONNECT_TRIES = 10
_MAX_ADDRESS = 100  # bytes of a socket's path that every system takes


class Caretaker:
    """A thread that carries out orders: those that come through the socket in `root`, and `regular` ones.

    `carry_out` is given an order and what it must call between two steps. `regular` is carried out every `every`
    seconds, first that long after the start. A context manager; its end waits for the step that is under way.
    """

    def __init__(
        self, root: Path, carry_out: CarryOut, regular: Order | None = None, every: float | None = None
    ) -> None:
        self._root = root
        self._carry_out = carry_out
        self._regular = regular
        self._every = every
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="caretaker")

    def __enter__(self) -> Self:
        self._waker, self._woken = socket.socketpair()
        self._sockets = [self._woken]
        try:
            self._sockets.append(_listen(self._root))
        except OSError as error:  # not every file system has sockets
            logger.warning("no gc or scrub while this registry runs: no socket can be made: %s", error.strerror)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_ending.set()
        self._waker.send(b"x")
        self._thread.join()
        (self._root / SOCKET_FILE).unlink(missing_ok=True)
        for each in (self._waker, *self._sockets):
            each.close()

    def _run(self) -> None:
        due = time.monotonic() + self._every if self._every is not None else None
        while not self._is_ending.is_set():
            pause = max(0.0, due - time.monotonic()) if due is not None else None
            ready, _, _ = select.select(self._sockets, [], [], pause)
            for listener in ready:
                if listener is not self._woken:
                    self._serve_one(listener)
            if not ready and self._regular is not None and self._every is not None:
                _log(self._do(self._regular))
                due = time.monotonic() + self._every

    def _serve_one(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):  # whoever asked has gone
            connection.settimeout(ORDER_SECONDS)
            with connection.makefile("rwb") as stream:
                line = stream.readline(MAX_ORDER_SIZE)
                try:
                    order: Order = msgspec.json.decode(line, type=Order)
                except msgspec.MsgspecError as error:
                    answer: Answer = Failed(f"the order is not understood: {error}")
                else:
                    answer = self._do(order)
                connection.settimeout(None)
                stream.write(msgspec.json.encode(answer) + b"\n")

    def _do(self, order: Order) -> Answer:
        try:
            return self._carry_out(order, self._step)
        except UpkeepStopped as error:
            return Failed(str(error), error.hint)
        except WpkgError as error:
            logger.error("upkeep: %s", error)  # noqa: TRY400 - a sentence
            return Failed(str(error), error.hint)
        except Exception:
            # The last resort, as for requests: told in full to the log, and the thread goes on.
            logger.exception("upkeep")
            return Failed("the registry failed; its log says why")

    def _step(self) -> None:
        if self._is_ending.is_set():
            raise UpkeepStopped("the registry is being shut down; what was done until then holds")


def _log(answer: Answer) -> None:
    """Tell of what nobody asked for and somebody should know."""
    if isinstance(answer, CollectReport):
        for one in answer.repositories:
            if one.problem is not None:
                logger.warning("nothing can safely be removed from %s: %s", one.repository, one.problem)


def ask(root: Path, order: Order) -> Report:
    """What the registry that has `root` answers. Raises: RootInUse, UpkeepStopped."""
    try:
        with _connect(root) as connection, connection.makefile("rwb") as stream:
            stream.write(msgspec.json.encode(order) + b"\n")
            stream.flush()
            line = stream.readline()
    except OSError as error:
        raise RootInUse(
            f"another process has '{root}' and takes no orders: {error.strerror}",
            hint="try again when it has ended, or as the user that it runs as",
        ) from error
    if not line.endswith(b"\n"):
        raise UpkeepStopped("the registry ended before it answered; what was done until then holds")
    answer: Answer = msgspec.json.decode(line, type=Answer)
    if isinstance(answer, Failed):
        raise UpkeepStopped(answer.message, hint=answer.hint)
    return answer


def _connect(root: Path) -> socket.socket:
    """A connection to the registry that has `root`, which may be about to listen. Raises: OSError."""
    for wait in (*[CONNECT_SECONDS / CONNECT_TRIES] * (CONNECT_TRIES - 1), None):
        connection = socket.socket(socket.AF_UNIX)
        try:
            with _reachable(root) as address:
                connection.connect(address)
        except OSError as error:
            connection.close()
            if wait is None or not isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
                raise
            time.sleep(wait)
        else:
            return connection
    raise RuntimeError("the last try raises")


def _listen(root: Path) -> socket.socket:
    """The socket in `root`, of which this process is the only one that serves it."""
    (root / SOCKET_FILE).unlink(missing_ok=True)  # of a process that was killed
    listener = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(listener.fileno(), 0o600)  # which is then how the file is made
        with _reachable(root) as address:
            listener.bind(address)
        (root / SOCKET_FILE).chmod(0o600)  # where it was not
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _reachable(root: Path) -> Iterator[str]:
    """A path of the socket that is short enough for an address of a socket."""
    path = str(root / SOCKET_FILE)
    if len(os.fsencode(path)) <= _MAX_ADDRESS:
        yield path
        return
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET_FILE}"
    finally:
        os.close(handle)
