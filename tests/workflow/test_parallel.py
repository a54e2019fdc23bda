from __future__ import annotations

import threading

import pytest

from wpkg.workflow.parallel import AT_FIRST, WORKERS, Load, Stop, Stopped, in_parallel


def test_results_come_in_the_order_of_the_items() -> None:
    done: list[int] = []
    ended = threading.Event()

    def work(item: int, stop: Stop) -> int:
        if item == 0:
            assert ended.wait(10)
        done.append(item)
        if item == 3:
            ended.set()
        return item * item

    assert in_parallel(work, range(4), workers=4) == [0, 1, 4, 9]
    assert done[-1] == 0


def test_no_more_than_so_many_at_once() -> None:
    lock, now, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def work(item: int, stop: Stop) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(10)
        with lock:
            now -= 1

    in_parallel(work, range(12), workers=3)
    assert most == 3


def test_those_that_only_wait_are_joined_by_all_others() -> None:
    together = threading.Barrier(WORKERS)

    def work(item: int, stop: Stop) -> None:
        together.wait(10)

    assert AT_FIRST < WORKERS
    in_parallel(work, range(2 * WORKERS))


def test_load_is_what_was_used_since_the_last_look() -> None:
    now, used = iter([0.0, 1.0, 2.0, 3.0]), iter([5.0, 5.4, 6.0, 6.0])
    load = Load(lambda: next(now), lambda: next(used))
    assert [load.is_low(), load.is_low(), load.is_low()] == [True, False, True]


def test_nothing_to_do() -> None:
    assert in_parallel(lambda item, _: item, []) == []


def test_a_failure_stops_the_others_and_is_raised() -> None:
    begun: list[int] = []
    stopped: list[int] = []
    both = threading.Barrier(2)

    def work(item: int, stop: Stop) -> None:
        begun.append(item)
        both.wait(10)
        if item == 1:
            raise ValueError(item)
        try:
            while True:
                stop.check()
        except Stopped:
            stopped.append(item)
            raise

    with pytest.raises(ValueError, match="1"):
        in_parallel(work, range(100), workers=2)
    assert (sorted(begun), stopped) == ([0, 1], [0])


def test_of_several_failures_that_of_the_first_item_is_raised() -> None:
    both = threading.Barrier(2)

    def work(item: int, stop: Stop) -> None:
        both.wait(10)
        raise ValueError(item)

    for _ in range(20):
        with pytest.raises(ValueError, match="0"):
            in_parallel(work, range(2), workers=2)
