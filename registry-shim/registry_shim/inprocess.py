"""A registry inside of a program, for as long as a block lasts: in threads of its own, on a free loopback port."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

from registry_shim.main import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike
    from typing import Unpack

    from registry_shim.limits import TransferLimits, UploadLimits
    from registry_shim.options import Security


class ServeOptions(TypedDict, total=False):
    """The options of `registry-shim serve`, by the same names."""

    host: str
    port: int
    policy: Path | None
    name: str | None
    upstreams: Sequence[str]
    upstream_ttl: float
    sparse: bool
    gc_every: int | None  # seconds
    gc_grace: int  # seconds
    gc_keep_untagged: bool
    security: Security
    uploads: UploadLimits
    transfers: TransferLimits


@dataclass(frozen=True)
class ServedRegistry:
    """A registry that answers."""

    url: str  # 'http://127.0.0.1:40123'
    root: Path  # its directory

    @property
    def host(self) -> str:
        """What references begin with: `127.0.0.1:40123`."""
        return self.url.partition("://")[2]


@contextmanager
def serving(data: str | PathLike[str] | None = None, **options: Unpack[ServeOptions]) -> Iterator[ServedRegistry]:
    """A registry with everything in the directory `data`, or in one that is removed afterwards.

    When the block ends it has answered, its threads and files are gone, and `data` is a plain root that
    `registry-shim serve` takes. Signals are left to the program.

    Raises: WpkgError, as the command says it.
    """
    with ExitStack() as stack:
        if data is None:
            data = stack.enter_context(TemporaryDirectory(prefix="registry-shim-"))
        thread = _Serving(Path(data), options)
        thread.start()
        stack.callback(thread.end)
        yield ServedRegistry(thread.wait(), Path(data))


class _Serving(threading.Thread):
    """The thread of the server, which has others."""

    def __init__(self, root: Path, options: ServeOptions) -> None:
        super().__init__(name="registry-shim")
        self._root = root
        self._options = options
        self._is_decided = threading.Event()  # it answers, or never will
        self._url: str | None = None
        self._error: BaseException | None = None
        self._end: Callable[[], None] | None = None
        self._is_over = False

    def run(self) -> None:
        """See Thread."""
        try:
            run(self._root, **self._options, announce=self._announce, register=self._register)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._error = error
        finally:
            self._is_decided.set()

    def _register(self, end: Callable[[], None]) -> None:
        self._end = end
        if self._is_over:
            end()

    def _announce(self, url: str) -> None:
        self._url = url
        self._is_decided.set()

    def wait(self) -> str:
        """The address, once it answers. Raises: what keeps it from that."""
        self._is_decided.wait()
        if self._error is not None:
            raise self._error
        if self._url is None:
            raise RuntimeError("the server ended before it began")
        return self._url

    def end(self) -> None:
        """Return when it is gone. Raises: what went wrong since it answered."""
        self._is_over = True  # also where it is only about to begin
        if self._end is not None:
            self._end()
        self.join()
        if self._url is not None and self._error is not None:
            raise self._error
