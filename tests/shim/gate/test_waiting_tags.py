"""Tags that were pushed before their signature: they wait, and lose nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from registry_shim.gate.waiting import WAITING_FILE, WaitingTag, WaitingTags
from registry_shim.protocol.messages import ErrorCode, Refusal
from tests.shim.gate.conftest import (
    POLICY,
    REPOSITORY,
    Guarded,
    component,
    sign,
    write_policy,
)
from tests.shim.wire import put
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path


class TestOrderOfDocker:
    """Tag first, sign afterwards: the tag waits."""

    def test_the_tag_appears_with_the_signature(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, answer.headers["docker-content-digest"]) == (201, app.digest)
        assert answer.location == f"/v2/{REPOSITORY}/manifests/{app.digest}"
        assert answer.headers["warning"].startswith('299 - "the tag waits: unsigned: acme/app:1.0.0 (sha256:')
        assert guarded.get("1.0.0") == (403, "unsigned")
        assert "unsigned" in guarded.get("1.0.0", method="HEAD")[1]
        assert guarded.tags() == []
        assert put(guarded.client, REPOSITORY, "1.0.0", app.data).status == 201  # once more is no harm
        sign(guarded.client, app, "stranger")
        assert guarded.get("1.0.0") == (403, "signature wrong")
        sign(guarded.client, app)
        assert guarded.store.find(REPOSITORY).find("1.0.0") is not None  # type: ignore[union-attr]
        assert guarded.get("1.0.0") == (200, app.digest)
        assert guarded.tags() == ["1.0.0"]

    def test_meanwhile_the_tag_shows_what_it_showed(self, guarded: Guarded) -> None:
        first, second = component(guarded.client), component(guarded.client, version="2.0.0")
        sign(guarded.client, first)
        assert put(guarded.client, REPOSITORY, "latest", first.data).status == 201
        assert "warning" in put(guarded.client, REPOSITORY, "latest", second.data).headers
        assert guarded.get("latest") == (200, first.digest)
        sign(guarded.client, second, version="2.0.0")
        assert guarded.get("latest") == (200, second.digest)

    def test_two_tags_of_one_manifest_wait(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        assert [put(guarded.client, REPOSITORY, tag, app.data).status for tag in ("1.0.0", "latest")] == [201, 201]
        sign(guarded.client, app)
        assert guarded.tags() == ["1.0.0", "latest"]

    def test_waiting_survives_a_restart(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        guarded.restart()
        assert guarded.get("1.0.0") == (403, "unsigned")
        sign(guarded.client, app)
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_what_waits_does_not_come_back_after_the_tag_has_moved(self, guarded: Guarded) -> None:
        old, new = component(guarded.client), component(guarded.client, version="2.0.0")
        put(guarded.client, REPOSITORY, "latest", old.data)
        sign(guarded.client, new, version="2.0.0")
        assert put(guarded.client, REPOSITORY, "latest", new.data).status == 201
        # a crash between the tag and the list of what waits leaves the older entry
        WaitingTags(guarded.folder / "root" / WAITING_FILE).add(
            WaitingTag(REPOSITORY, "latest", Digest.parse(old.digest), None)
        )
        guarded.restart()
        sign(guarded.client, old)
        assert guarded.get("latest") == (200, new.digest)

    def test_a_waiting_tag_can_be_deleted(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/1.0.0").status == 202
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/1.0.0").status == 404
        sign(guarded.client, app)
        assert guarded.get("1.0.0") == (404, "MANIFEST_UNKNOWN")

    @pytest.mark.parametrize("is_shown", [False, True])
    def test_a_delete_that_is_refused_leaves_it_waiting(self, guarded: Guarded, *, is_shown: bool) -> None:
        first, second = component(guarded.client), component(guarded.client, version="2.0.0")
        if is_shown:
            sign(guarded.client, first)
            assert put(guarded.client, REPOSITORY, "latest", first.data).status == 201
        assert "warning" in put(guarded.client, REPOSITORY, "latest", second.data).headers
        path = f"/v2/{REPOSITORY}/manifests/latest"
        stale, malformed = {"If-Match": f'"{second.digest}"'}, {"If-Match": second.digest}
        assert guarded.client.send("DELETE", path, headers=stale).status == 412
        assert guarded.client.send("DELETE", path, headers=malformed).status == 400
        failure = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, ErrorCode.UNSUPPORTED, "its disk is gone")
        guarded.behind.broken[path] = failure.response
        assert guarded.client.send("DELETE", path).status == 500
        guarded.behind.broken.clear()
        sign(guarded.client, second, version="2.0.0")
        assert guarded.get("latest") == (200, second.digest)

    def test_a_delete_whose_condition_holds_ends_the_waiting(self, guarded: Guarded) -> None:
        first, second = component(guarded.client), component(guarded.client, version="2.0.0")
        sign(guarded.client, first)
        put(guarded.client, REPOSITORY, "latest", first.data)
        put(guarded.client, REPOSITORY, "latest", second.data)
        seen = {"If-Match": f'"{first.digest}"'}
        assert guarded.client.send("DELETE", f"/v2/{REPOSITORY}/manifests/latest", headers=seen).status == 202
        sign(guarded.client, second, version="2.0.0")
        assert guarded.get("latest") == (404, "MANIFEST_UNKNOWN")

    def test_a_conditional_push_does_not_wait(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        headers = {"Content-Type": IMAGE_MANIFEST, "If-None-Match": "*"}
        answer = guarded.client.send("PUT", f"/v2/{REPOSITORY}/manifests/1.0.0", app.data, headers)
        assert (answer.status, answer.code) == (403, "DENIED")

    def test_a_new_policy_may_accept_what_waits(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        sign(guarded.client, app, "stranger")
        put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert guarded.get("1.0.0") == (403, "signature wrong")
        write_policy(guarded.folder, POLICY.replace("deputy", "stranger"))
        assert guarded.get("1.0.0") == (200, app.digest)

    def test_what_nothing_would_mend_does_not_wait(self, guarded: Guarded) -> None:
        app = component(guarded.client)
        guarded.behind.broken["/referrers/"] = Refusal(503, ErrorCode.UNSUPPORTED, "down").response
        answer = put(guarded.client, REPOSITORY, "1.0.0", app.data)
        assert (answer.status, answer.json["errors"][0]["detail"]["reason"]) == (403, "could not check")


def test_many_at_once(guarded: Guarded) -> None:
    """Tags that wait, their signatures and readers, all at the same time: nothing is shown too early or lost."""
    apps = [component(guarded.client, version=f"1.0.{number}") for number in range(12)]
    early: list[object] = []

    def publish(number: int) -> None:
        app, tag = apps[number], f"1.0.{number}"
        assert put(guarded.client, REPOSITORY, tag, app.data).status == 201
        early.append(guarded.get(tag))
        sign(guarded.client, app, version=tag)

    def read(_: int) -> None:
        for tag in guarded.tags():
            assert guarded.get(tag)[0] == 200

    with ThreadPoolExecutor(8) as pool:
        reading = [pool.submit(read, number) for number in range(8)]
        for done in [*pool.map(publish, range(12)), *reading]:
            if done is not None:
                done.result()
    assert set(early) == {(403, "unsigned")}
    assert guarded.tags() == sorted(f"1.0.{number}" for number in range(12))
    assert WaitingTags(guarded.folder / "root" / WAITING_FILE).of(REPOSITORY) == []


def test_a_damaged_list_of_waiting_tags_is_an_empty_one(tmp_path: Path) -> None:
    waiting = WaitingTags(tmp_path / WAITING_FILE)
    waiting.add(WaitingTag("a", "b", Digest.of(b""), None))
    assert WaitingTags(tmp_path / WAITING_FILE).find("a", "b") is not None
    (tmp_path / WAITING_FILE).write_bytes((tmp_path / WAITING_FILE).read_bytes()[:-3])
    assert WaitingTags(tmp_path / WAITING_FILE).find("a", "b") is None
