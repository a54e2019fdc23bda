"""What the pages say, and that nothing anybody pushed can make them say or do anything else."""

from __future__ import annotations

import json
import re
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry_shim.gate.gate import Gate
from registry_shim.gate.policy_file import PolicyFile
from registry_shim.gate.waiting import WAITING_FILE, WaitingTags
from registry_shim.page.html import escape, tag, visible
from registry_shim.protocol.messages import ErrorCode, Refusal, Response
from registry_shim.protocol.registry import Registry
from tests.components import compose, from_wit
from tests.shim.gate.conftest import KEYS, write_policy
from tests.shim.page.conftest import REGISTRY, Page, Shop, keyvalue, wit_package
from tests.shim.wire import push_blob, push_manifest, put
from wpkg.names.vocabulary import PACKAGE_ANNOTATION, VERSION_ANNOTATION
from wpkg.oci.digest import Digest
from wpkg.trust.bundle import build_bundle_referrer, sign_statement
from wpkg.trust.statement import COSIGN_SIGN, SLSA_PROVENANCE, Statement, Subject

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request
    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store
    from tests.shim.wire import Pushed

VERSION = "0.2.0"
STORE = keyvalue(VERSION, "export wasi:keyvalue/store@V;")
APP = keyvalue(VERSION, "import wasi:keyvalue/store@V; export run: func(message: string) -> u32;")
HOSTILE = "<script>alert(1)</script>'\"&<img src=x onerror=alert(1)>\u202e\x00\x1b[31m"


def attach(
    shop: Shop, repository: str, about: Pushed, predicate_type: str, predicate: dict[str, Any], key: str = "acme"
) -> str:
    """Sign a statement about what was pushed, as `acme:app` 1.0.0; the digest of the referrer."""
    named = {PACKAGE_ANNOTATION: "acme:app", VERSION_ANNOTATION: "1.0.0"}
    subjects = (Subject({"sha256": about.descriptor.digest.encoded}, "x", named),)
    bundle = sign_statement(KEYS[key], Statement(subjects, predicate_type, predicate))
    data = build_bundle_referrer(about.descriptor, bundle, predicate_type).encode()
    push_blob(shop.client, repository, b"{}")
    push_blob(shop.client, repository, bundle)
    assert put(shop.client, repository, str(Digest.of(data)), data).status == 201
    return str(Digest.of(data))


def check(page: Page) -> Page:
    """What holds for every page: valid, in order, labelled, and without anything that could run or be fetched."""
    tree = page.tree
    headings = [int(element.tag[1]) for element in tree.iter() if re.fullmatch("h[1-6]", str(element.tag))]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    for landmark in ("header", "main", "footer"):
        assert len(list(tree.iter(landmark))) == 1
    assert tree.get("lang") == "en"
    assert tree.find("head/title").text
    for table in tree.iter("table"):
        assert table.find("caption").text
        assert all(cell.get("scope") in ("col", "row") for cell in table.iter("th"))
    labelled = {id(field) for label in tree.iter("label") for field in label.iter("input")}
    assert all(id(field) in labelled for field in tree.iter("input"))
    for element in tree.iter():
        assert element.tag not in ("script", "style", "iframe", "object", "img", "svg", "base")
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
        for name in ("src", "action"):
            assert element.get(name, "/").startswith("/")
        href = element.get("href", "/")
        assert href.startswith(("/", "#", "https://", "http://")), href
        if not href.startswith(("/", "#")):
            assert "noreferrer" in element.get("rel")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    return page


class TestPages:
    def test_an_empty_registry(self, shop: Shop) -> None:
        page = check(shop.get("/"))
        assert "There is nothing here yet" in page.shown()
        assert f'default = "{REGISTRY}"' in page.shown()

    def test_repositories_and_versions(self, shop: Shop) -> None:
        for version in ("0.9.0", "0.10.0", "1.0.0-rc.1"):
            shop.publish(
                "acme/kv",
                version,
                STORE,
                record="acme:kv",
                annotations={"org.opencontainers.image.description": "Keeps values"},
            )
        push_manifest(shop.client, "plain/image", "latest")
        home = check(shop.get("/"))
        assert home.links()["acme/kv"] == "/repositories/acme/kv"
        assert home.links()["0.10.0"] == "/repositories/acme/kv:0.10.0"
        assert "plain/image latest no component 1 tag" in home.shown()
        repository = check(shop.get("/repositories/acme/kv"))
        assert [text for text in repository.links() if text[0].isdigit()] == ["0.10.0", "0.9.0", "1.0.0-rc.1"]
        assert "Keeps values" in repository.shown()
        assert check(shop.get("/repositories/plain/image")).status == 200
        assert "no component" not in check(shop.get("/repositories/plain/image:latest")).shown()

    def test_a_component(self, shop: Shop) -> None:
        pushed = shop.publish("demo/acme/app", "1.0.0", APP, record="acme:app")
        page = check(shop.get("/repositories/demo/acme/app:1.0.0"))
        shown = page.shown()
        assert "acme:app 1.0.0" in shown
        assert f'With acme = "{REGISTRY}/demo" under [registries] in wasmcloud.toml:' in shown
        assert "wpkg add acme:app@1.0.0" in shown
        assert f"Manifest {pushed.digest}" in shown
        assert f"Component {Digest.of(APP)}" in shown
        assert f"Size {len(APP) / 1000:.1f} kB" in shown
        assert "run func(message: string) -> u32" in shown
        assert page.links()["who exports it"] == "/search?exports=wasi:keyvalue/store"
        assert "interface store { get: func(key: string) -> option<string>; }" in shown
        assert "No components in it" in shown
        assert "Nothing refers to it." in shown
        assert check(shop.get(f"/repositories/demo/acme/app@{pushed.digest}")).links()["1.0.0"]

    def test_what_is_no_package_is_pulled(self, shop: Shop) -> None:
        pushed = shop.publish("x/y", "latest", APP)
        assert f"wpkg pull {REGISTRY}/x/y@{pushed.digest}" in check(shop.get("/repositories/x/y:latest")).shown()

    def test_a_composition_links_what_it_is_made_of(self, shop: Shop) -> None:
        shop.publish("acme/kv", "1.0.0", STORE, record="acme:kv")
        shop.publish(
            "acme/whole",
            "1.0.0",
            compose({"acme:app": APP, "acme:kv": STORE}),
            record="acme:whole",
            kind="composed",
        )
        page = check(shop.get("/repositories/acme/whole:1.0.0"))
        assert page.links()["acme/kv:1.0.0"] == "/repositories/acme/kv:1.0.0"
        assert "(no name)" in page.shown()  # the other one is nowhere in this registry, and the file names neither
        assert str(Digest.of(APP)) in page.shown()

    def test_signatures_are_claims_without_a_policy(self, shop: Shop) -> None:
        pushed = shop.publish("acme/kv", "1.0.0", STORE)
        referrer = attach(shop, "acme/kv", pushed, COSIGN_SIGN, {})
        page = check(shop.get("/repositories/acme/kv:1.0.0"))
        assert "Claims, not verified" in page.shown()
        assert KEYS["acme"].public.hint in page.shown()
        assert f"/repositories/acme/kv@{referrer}" in page.links().values()
        assert check(shop.get(f"/repositories/acme/kv@{referrer}")).status == 200

    def test_signatures_under_the_tag_of_cosign_2(self, shop: Shop) -> None:
        pushed = shop.publish("acme/kv", "1.0.0", STORE)
        tag_of = pushed.digest.replace(":", "-") + ".sig"
        push_manifest(shop.client, "acme/kv", tag_of)
        page = check(shop.get("/repositories/acme/kv:1.0.0"))
        assert page.links()["signatures in the older form of cosign"] == f"/repositories/acme/kv:{tag_of}"

    def test_provenance(self, shop: Shop) -> None:
        kv = shop.publish("acme/kv", "1.0.0", STORE)
        pushed = shop.publish("acme/app", "1.0.0", APP)
        inputs = [
            {
                "name": "acme:kv@1.0.0",
                "mediaType": "application/wasm",
                "digest": {"sha256": "0" * 64},
                "annotations": {"manifestDigest": kv.digest},
                "uri": "pkg:oci/kv",
            },
            {"name": "wpkg.lock", "digest": {"sha256": "1" * 64}},
        ]
        attach(
            shop,
            "acme/app",
            pushed,
            SLSA_PROVENANCE,
            {
                "buildDefinition": {"buildType": "https://wpkg.dev/x", "resolvedDependencies": inputs},
                "runDetails": {"builder": {"id": "https://builder.test", "version": {"wpkg": "9.9"}}},
            },
        )
        page = check(shop.get("/repositories/acme/app:1.0.0"))
        assert page.links()["acme:kv@1.0.0"] == "/repositories/acme/kv:1.0.0"
        for said in ("https://builder.test", "https://wpkg.dev/x", "wpkg 9.9", "1" * 64, "a claim, not verified"):
            assert said in page.shown()

    @pytest.mark.parametrize(
        "predicate",
        [
            {},
            {"buildDefinition": []},
            {"buildDefinition": {"resolvedDependencies": [1, None, {"digest": "x"}]}},
            {"runDetails": {"builder": {"id": 7, "version": ["x"]}}},
            {
                "buildDefinition": {
                    "resolvedDependencies": [{"name": HOSTILE, "uri": HOSTILE, "digest": {"sha256": HOSTILE}}]
                }
            },
        ],
    )
    def test_provenance_of_any_shape(self, shop: Shop, predicate: dict[str, Any]) -> None:
        pushed = shop.publish("acme/app", "1.0.0", APP)
        attach(shop, "acme/app", pushed, SLSA_PROVENANCE, predicate)
        assert "Provenance" in check(shop.get("/repositories/acme/app:1.0.0")).shown()

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"\0asm\x01\0\0\0", "it is a core module"),
            (b"", "it is"),
            (APP[:-3], "malformed component: section 0x00"),
            (b"\xff" * 9, "it is not WebAssembly"),
        ],
    )
    def test_what_is_no_component(self, shop: Shop, data: bytes, said: str) -> None:
        shop.publish("bad/one", "1.0.0", data)
        assert f"The component cannot be shown: {said}" in check(shop.get("/repositories/bad/one:1.0.0")).shown()

    def test_a_component_that_disk_has_spoilt(self, shop: Shop) -> None:
        shop.publish("bad/one", "1.0.0", APP)
        (shop.root / "bad/one/blobs/sha256" / Digest.of(APP).encoded).write_bytes(STORE)
        assert "does not match its digest" in check(shop.get("/repositories/bad/one:1.0.0")).shown()

    def test_a_wit_package_with_its_docs(self, shop: Shop) -> None:
        text = f"/// {HOSTILE[: HOSTILE.index(chr(0x202E))]} </code></pre>\npackage a:b;\ninterface i {{ f: func(); }}\n"
        shop.publish("a/b", "1.0.0", wit_package(text))
        page = check(shop.get("/repositories/a/b:1.0.0"))
        assert "<script>alert(1)</script>" in page.shown()
        assert "<script" not in page.text


class TestHostile:
    def test_annotations(self, shop: Shop) -> None:
        names = ("title", "description", "created", "licenses", "source", "authors")
        notes = {f"org.opencontainers.image.{name}": HOSTILE for name in names}
        shop.publish("a/b", "1.0.0", APP, annotations=notes)
        for path in ("/", "/repositories/a/b", "/repositories/a/b:1.0.0", "/search?q=a"):
            page = check(shop.get(path))
            assert "\u202e" not in page.text
            assert "\x1b" not in page.text
            assert "<script" not in page.text
        assert "\\u202e\\u0000\\u001b[31m" in shop.get("/repositories/a/b:1.0.0").text

    @pytest.mark.parametrize(
        "source", ["javascript:alert(1)", "data:text/html,x", "//evil.test/", "JAVASCRIPT:x", " https://x"]
    )
    def test_links_lead_only_where_browsers_may_go(self, shop: Shop, source: str) -> None:
        shop.publish("a/b", "1.0.0", APP, annotations={"org.opencontainers.image.source": source})
        page = check(shop.get("/repositories/a/b:1.0.0"))
        assert source.strip() in page.shown()
        assert source not in page.links().values()
        shop.publish(
            "a/b", "2.0.0", APP, annotations={"org.opencontainers.image.source": "https://x.test/?a=1&b=2"}
        )
        assert (
            check(shop.get("/repositories/a/b:2.0.0")).links()["https://x.test/?a=1&b=2"]
            == "https://x.test/?a=1&b=2"
        )

    def test_searches(self, shop: Shop) -> None:
        shop.publish("a/b", "1.0.0", APP)
        for name in ("q", "exports", "imports", "offset"):
            page = check(shop.get(f"/search?{name}=%22%3E%3Cscript%3E%00%E2%80%AE"))
            assert "<script" not in page.text

    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
    @example("\U0001fffe\U0010ffff\ufdd0")
    def test_any_text_reads_back_as_what_can_be_seen_of_it(self, text: str) -> None:
        written = escape(tag("p", text, title=text))
        tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parseFragment(written)
        element = tree.find("p")
        assert (element.text or "") == visible(text)
        assert element.get("title") == visible(text)

    @pytest.mark.parametrize(
        "path",
        [
            "/repositories/",
            "/repositories/A",
            "/repositories/../etc",
            "/repositories/a:",
            "/repositories/a:-x",
            "/repositories/a@b",
            "/repositories/a@sha256:" + "0" * 64,
            "/repositories/a:1",
            "/repositories/%2e%2e%2f",
            "/repositories/a%00",
            "//",
            "/v1/",
            "/etc/passwd",
            "/..",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/v2x",
            "/x?y=%",
            "/repositories/" + "a" * 5000,
        ],
    )
    def test_nothing_there(self, shop: Shop, path: str) -> None:
        shop.publish("b", "1", APP)
        assert check(shop.get(path)).status == 404
        assert check(shop.get(path, "PUT")).status == 405

    @given(st.text(max_size=40))
    def test_any_path_is_answered(self, path: str) -> None:
        from registry_shim.page.paths import REPOSITORIES, read_place

        place = read_place(REPOSITORIES + path)
        assert place is None or read_place(place.path) == place


class TestProtocol:
    def test_conditional_and_head(self, shop: Shop) -> None:
        shop.publish("a/b", "1.0.0", APP)
        for path in (
            "/",
            "/repositories/a/b",
            "/repositories/a/b:1.0.0",
            "/search?q=a",
            "/api/v1/search",
            "/style.css",
            "/icon.svg",
        ):
            page = shop.get(path)
            assert (page.status, page.headers["content-length"]) == (200, str(len(page.body)))
            head = shop.get(path, "HEAD")
            assert (head.status, head.headers, head.body) == (200, page.headers, b"")
            held = shop.get(path, if_none_match=f'"other", W/{page.headers["etag"]}')
            assert (held.status, held.body, held.headers["etag"]) == (304, b"", page.headers["etag"])
            assert shop.get(path, if_none_match='"other"').status == 200
        before = shop.get("/").headers["etag"]
        shop.publish("a/b", "1.0.1", APP)
        assert shop.get("/").headers["etag"] != before

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_pages_are_only_read(self, shop: Shop, method: str) -> None:
        page = check(shop.get("/", method))
        assert (page.status, page.headers["allow"]) == (405, "GET, HEAD")

    def test_the_registry_is_where_it_was(self, shop: Shop) -> None:
        assert shop.get("/v2/").status == 200
        assert json.loads(shop.get("/v2/nothing/tags/list").body)["errors"][0]["code"] == "NAME_UNKNOWN"

    def test_colours_can_be_read(self, shop: Shop) -> None:
        """WCAG 2.2, 1.4.3: 4.5 to 1 for text, on either ground, in both schemes."""
        schemes = re.findall(r":root \{(.*?)\}", shop.get("/style.css").text, re.DOTALL)
        assert len(schemes) == 2
        for scheme in schemes:
            colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", scheme))
            for ground in ("ground", "raised"):
                for ink in ("ink", "quiet", "link", "good", "bad", "open"):
                    assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class TestWhatACallerMaySee:
    @pytest.fixture
    def guarded(self, shop: Shop, tmp_path: Path) -> Shop:
        policy = PolicyFile(write_policy(tmp_path))
        gate = Gate(
            Registry(shop.store),
            policy,
            WaitingTags(shop.root / WAITING_FILE),
            REGISTRY,
            lambda: 0.0,
            lambda: date(2026, 11, 26),
        )
        shop.service, shop.judge = gate, gate.verdict
        shop.open()
        return shop

    def test_what_the_gate_hides_is_not_on_the_page(self, guarded: Shop) -> None:
        signed = guarded.publish("acme/app", "1.0.0", APP)
        attach(guarded, "acme/app", signed, COSIGN_SIGN, {})
        attach(guarded, "acme/app", signed, COSIGN_SIGN, {"again": 1}, "stranger")
        guarded.publish("acme/app", "2.0.0", STORE)
        guarded.publish("acme/hidden", "1.0.0", STORE)
        assert guarded.find() == ["acme/app:1.0.0"]
        assert guarded.find(exports="wasi:keyvalue") == []
        for path in ("/", "/repositories/acme/app", "/search?q=acme"):
            page = check(guarded.get(path))
            assert "2.0.0" not in page.shown()
            assert "hidden" not in page.shown()
        page = check(guarded.get("/repositories/acme/app:1.0.0"))
        assert "Verified: it is signed by acme." in page.shown()
        assert "verified, by acme" in page.shown()
        assert "does not count: it is signed by a key that the rule does not name" in page.shown()
        refused = check(guarded.get("/repositories/acme/app:2.0.0"))
        assert refused.status == 403
        assert "unsigned: acme/app:2.0.0" in refused.shown()
        command = "cosign sign --key KEY -a dev.wpkg.version=2.0.0 registry.test/acme/app@sha256:"
        assert command in refused.shown()

    def test_where_a_password_is_needed(self, shop: Shop, store: Store, root: Path) -> None:
        shop.publish("open/app", "1.0.0", APP)
        shop.publish("secret/app", "1.0.0", STORE)
        other = Shop(store, root, Locked(Registry(store)))
        assert (other.get("/").status, other.get("/").headers["www-authenticate"]) == (401, 'Basic realm="x"')
        assert "secret" not in check(other.get("/", authorization="Basic guest")).shown()
        assert other.get("/repositories/secret/app", authorization="Basic guest").status == 404
        assert other.get("/repositories/secret/app:1.0.0", authorization="Basic guest").status != 200
        assert "secret/app" in check(other.get("/", authorization="Basic owner")).shown()
        assert check(other.get("/repositories/secret/app:1.0.0", authorization="Basic owner")).status == 200
        assert other.get("/style.css").status == 200
        other.door.close()


class Locked:
    """A registry that wants to know who asks, and shows what is secret only to its owner."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def begin(self, request: Request) -> Response | Intake:
        caller = request.headers.get("authorization")
        if caller is None:
            raise Refusal(
                401, ErrorCode.UNAUTHORIZED, "who is it?", headers=(("WWW-Authenticate", 'Basic realm="x"'),)
            )
        if "secret" in request.path and caller != "Basic owner":
            raise Refusal(401, ErrorCode.UNAUTHORIZED, "not yours")
        return self._service.begin(request)

    def is_immediate(self, request: Request) -> bool:
        return self._service.is_immediate(request)


def test_a_long_wit_is_shown_whole(shop: Shop) -> None:
    functions = " ".join(
        f"export function-number-{n}: func(a: string, b: list<tuple<u32, string>>) -> result<u64, string>;"
        for n in range(300)
    )
    shop.publish("a/long", "1.0.0", from_wit(functions))
    page = check(shop.get("/repositories/a/long:1.0.0"))
    assert page.text.count("export function-number-") == 300
