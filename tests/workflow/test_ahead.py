from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from wpkg.workflow.ahead import Ahead
from wpkg.workflow.parallel import AT_FIRST, GRACE, WORKERS, Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Steady(Load):
    """A load that stays as it is."""

    def __init__(self, *, low: bool) -> None:
        super().__init__()
        self._low = low
        self.looks = 0

    def is_low(self) -> bool:
        self.looks += 1
        return self._low


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What work may wait for; given at the end in any case."""
    event = threading.Event()
    yield event
    event.set()


def test_who_asks_does_what_nobody_has_begun() -> None:
    load = Steady(low=False)
    with Ahead(load=load) as ahead:
        tasks = [ahead.announce(threading.get_ident) for _ in range(20)]
        until(lambda: load.looks > 0)
        assert {task.result() for task in tasks} == {threading.get_ident()}


def test_others_come_while_all_only_wait() -> None:
    together = threading.Barrier(WORKERS)
    assert AT_FIRST < WORKERS
    with Ahead() as ahead:
        tasks = [ahead.announce(partial(together.wait, 10)) for _ in range(2 * WORKERS)]
        assert sorted(task.result() for task in tasks) == sorted([*range(WORKERS), *range(WORKERS)])


def test_others_come_while_the_one_who_asks_waits_for_the_first(released: threading.Event) -> None:
    with Ahead() as ahead:
        first = ahead.announce(partial(released.wait, 10))
        ahead.announce(released.set)
        assert first.result() is True


def test_no_more_of_them_than_so_many(released: threading.Event) -> None:
    begun: list[int] = []

    def work() -> None:
        begun.append(threading.get_ident())
        released.wait(10)

    load = Steady(low=True)
    with Ahead(2, load) as ahead:
        for _ in range(10):
            ahead.announce(work)
        until(lambda: load.looks >= 5)
        assert len(set(begun)) == len(begun) == 2
        released.set()


def test_work_is_done_once_and_its_result_is_there_for_everybody() -> None:
    done: list[int] = []
    with Ahead(load=Steady(low=True)) as ahead:
        tasks = [ahead.announce(partial(done.append, number)) for number in range(200)]
        for task in tasks * 2:
            assert task.result() is None
    assert sorted(done) == list(range(200))


@pytest.mark.parametrize("low", [False, True])
def test_a_failure_is_for_whoever_asks_for_the_result(low: bool) -> None:  # noqa: FBT001
    def fail() -> None:
        raise ValueError("of this one")

    load = Steady(low=low)
    with Ahead(load=load) as ahead:
        ahead.announce(fail)
        failing, fine = ahead.announce(fail), ahead.announce(lambda: "fine")
        until(lambda: load.looks > 0)
        for _ in range(2):
            with pytest.raises(ValueError, match="of this one"):
                failing.result()
        assert fine.result() == "fine"


def test_what_nobody_has_begun_at_the_end_is_left(released: threading.Event) -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        released.wait(10)

    load = Steady(low=True)
    with Ahead(2, load) as ahead:
        for number in range(10):
            ahead.announce(partial(work, number))
        until(lambda: len(begun) == 2)
        threading.Timer(0.1, released.set).start()
    assert begun == [0, 1]


def test_an_error_does_not_wait_for_what_is_under_way(released: threading.Event) -> None:
    begun = threading.Event()

    def work() -> None:
        begun.set()
        released.wait(10)

    def be_interrupted() -> None:
        with Ahead(load=Steady(low=True)) as ahead:
            ahead.announce(work)
            assert begun.wait(10)
            raise KeyboardInterrupt

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert time.monotonic() - before < GRACE
