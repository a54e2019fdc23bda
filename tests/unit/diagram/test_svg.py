"""The picture, read back: what is there, that nothing touches what it must not, and that names stay text."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.diagram import plans
from tests.unit.diagram.picture import NAMESPACE, flaws, read_picture
from wpkg.compose.plan import make_plan
from wpkg.diagram.model import Diagram, diagram_of
from wpkg.diagram.svg import svg_of

ALL = [plans.pair, plans.diamond, plans.alone, plans.long_names]


@st.composite
def diagrams(draw: st.DrawFn) -> Diagram:
    count = draw(st.integers(1, 14))
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    links = {(draw(st.integers(0, j - 1)), j) for j in range(1, count)}  # everyone is needed by someone
    links |= set(draw(st.lists(st.sampled_from(pairs), max_size=12))) if pairs else set()
    return plans.generated(sorted(links), count, draw(st.integers(0, 7)), draw(st.integers(0, 4)))


@pytest.mark.parametrize("plan", ALL)
def test_nothing_overlaps_leaves_its_box_or_is_crossed(plan: object) -> None:
    assert flaws(read_picture(svg_of(diagram_of(plan())))) == []  # type: ignore[operator]


@settings(max_examples=150, deadline=None)
@given(diagrams())
def test_in_no_composition_anything_overlaps(diagram: Diagram) -> None:
    picture = read_picture(svg_of(diagram))
    assert flaws(picture) == []
    assert len(picture.of("component")) + len(picture.of("root")) == len(diagram.components)
    assert len(picture.of("label")) == len(diagram.edges)
    assert len(picture.of("host")) == len(diagram.host_blocks)
    assert len(picture.of("export")) == len(diagram.export_blocks)


def test_a_hundred_components_are_drawn_without_a_flaw() -> None:
    links = sorted({(j * 7919 % j, j) for j in range(1, 100)} | {(j // 2, j) for j in range(1, 100)})
    assert flaws(read_picture(svg_of(plans.generated(links, 100, 3, 1)))) == []


def test_everything_of_a_composition_is_there() -> None:
    picture = read_picture(svg_of(diagram_of(plans.pair())))
    (root,) = picture.of("root")
    assert [text for text, _ in root.texts][:2] == ["acme:harness", "root"]
    assert re.fullmatch(r"1\.2\.0-rc\.1 · \d\.\d kB · [0-9a-f]{12}", root.texts[2][0])
    assert root.title.startswith("acme:harness@1.2.0-rc.1\nsha256:")
    (types,) = picture.of("component")
    assert types.texts[0][0] == "acme:types"
    (label,) = picture.of("label")
    assert (label.text, label.title) == ("types\nns:lib@1.0.0", "ns:lib/types@1.0.0")
    (exported,) = picture.of("export")
    assert exported.text == "exports\nwasi:io@0.2.6\npoll\nrun"
    shared, own = picture.of("host")
    assert (shared.text, own.text) == ("wasi:io@0.2.6\nerror, streams", "wasi:cli@0.2.6\nstdout")
    assert shared.title == "imported by acme:harness, acme:types\nwasi:io@0.2.6: error, streams"
    assert [caption for caption, _ in picture.captions] == ["composition", "imported from the host"]
    assert len(picture.arrows) == 1 + 1 + 2 + 1  # exports, types, the shared block twice, the own one


def test_what_is_exported_again_and_what_is_not_needed_are_shown() -> None:
    picture = read_picture(svg_of(diagram_of(plans.diamond())))
    own, again = picture.of("export")
    assert own.text == "exports\nns:lib@1.0.0\nuser"
    assert again.text == "exported again, for its types\nns:lib@1.0.0\ntypes"
    dashed = [
        r
        for r in picture.root.iter(f"{NAMESPACE}rect")
        if r.get("class") == "export" and r.get("stroke-dasharray")
    ]
    assert len(dashed) == 1
    assert picture.captions[-1][0] == "not needed: idle"


def test_the_arrow_points_from_the_importer_to_the_exporter() -> None:
    picture = read_picture(svg_of(diagram_of(plans.pair())))
    (root,), (types,) = picture.of("root"), picture.of("component")
    assert root.rect.bottom < types.rect.y
    assert any(y == types.rect.y and types.rect.x < x < types.rect.right for x, y in picture.arrows)
    assert not any(abs(y - root.rect.bottom) < 1 for _, y in picture.arrows)


def test_the_order_in_which_components_are_given_has_no_say() -> None:
    nodes = plans.diamond_nodes()
    pictures = {svg_of(diagram_of(make_plan(order, root="root"))) for order in itertools.permutations(nodes)}
    assert len(pictures) == 1


def test_names_from_outside_stay_text() -> None:
    text = svg_of(diagram_of(plans.long_names()))
    picture = read_picture(text)
    allowed = {NAMESPACE + tag for tag in ("svg", "title", "desc", "style", "rect", "path", "g", "text")}
    assert {element.tag for element in picture.root.iter()} == allowed
    assert "<script" not in text
    (box,) = picture.of("component")
    shown = "\"]<b onload=x><script>alert(1)&amp;'`#%%{init}\\\ufffd\ufffd\ufffd]]>-->"
    assert box.title.startswith(f"{shown}\nsha256:")
    assert shown.startswith(box.texts[0][0])
    assert not set(text) & set("\x1b\u202e\udcff")
    names = {name for element in picture.root.iter() for name in element.attrib}
    assert not {name for name in names if name.startswith("on") or "href" in name or name in ("id", "style")}
    assert "url(" not in text
    assert "@import" not in text


def test_it_is_an_image_with_words_for_those_who_cannot_see_it() -> None:
    root = read_picture(svg_of(diagram_of(plans.pair()))).root
    assert root.get("role") == "img"
    assert [child.tag.removeprefix(NAMESPACE) for child in root][:2] == ["title", "desc"]
    assert root.findtext(f"{NAMESPACE}title") == "Composition of acme:harness and 1 other component"
    said = root.findtext(f"{NAMESPACE}desc")
    assert said is not None
    assert "acme:harness imports ns:lib/types@1.0.0 from acme:types." in said
    assert "Imported from the host: wasi:cli/stdout@0.2.6, wasi:io/error@0.2.6, wasi:io/streams@0.2.6." in said


def test_every_colour_has_a_dark_counterpart_and_is_there_without_css() -> None:
    root = read_picture(svg_of(diagram_of(plans.diamond()))).root
    style = root.findtext(f"{NAMESPACE}style")
    assert style is not None
    assert style.startswith("@media (prefers-color-scheme:dark){")
    for element in root.iter():
        kind = element.get("class")
        if kind is None:
            continue
        (dark,) = re.findall(rf"\.{kind}\{{([^}}]*)\}}", style)
        light = {name for name in ("fill", "stroke") if element.get(name) not in (None, "none")}
        assert light == {declaration.partition(":")[0] for declaration in dark.split(";")}


def test_without_digests_a_new_build_is_the_same_picture() -> None:
    text = svg_of(diagram_of(plans.pair()).without_digests())
    assert "kB" not in text
    assert "sha256" not in text
    assert "1.2.0-rc.1" in text
    assert flaws(read_picture(text)) == []
