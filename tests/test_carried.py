"""What the outputs carry for an audit: the keys of the figures, the woven document, and the results."""

from __future__ import annotations

import html
import json
import random
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import docx
import pymupdf
import pytest
from conftest import DATA, STUDY, TEMPLATE, Small
from lxml import etree
from test_render import CREATED, stand_in

from tieout import keyed, render
from tieout.audit import carried
from tieout.audit import report as reports
from tieout.errors import TieoutError
from tieout.render import embedded, word
from tieout.results import load

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FIGURE = re.compile(r'\[([^]]*)\]\{\.stat key="([^"]*)"\}|<span class="stat" data-key="([^"]*)">([^<]*)</span>')


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Return the outputs of the small study."""
    small = Small(tmp_path_factory.mktemp("small"))
    small.write("study.yaml", STUDY).write("data.csv", DATA).write("m.qmd", TEMPLATE)
    small.build("pdf", "docx")
    return small.folder / "build"


@pytest.fixture(scope="module")
def woven(built) -> str:
    return (built / "manuscript" / "manuscript.qmd").read_text(encoding="utf-8")


def keyed_figures(woven: str) -> list[tuple[str, str]]:
    """Return the key of each keyed figure, with the figure's text."""
    return [
        (html.unescape(key or data_key), re.sub(r"\\(.)", r"\1", text) or html.unescape(cell))
        for text, key, data_key, cell in FIGURE.findall(woven)
    ]


def controls(path: Path) -> list[tuple[str, str]]:
    """Return title and text of the content controls of a Word file."""
    with zipfile.ZipFile(path) as archive:
        body = etree.fromstring(archive.read("word/document.xml"))
    return [
        (each.find(f"{W}sdtPr/{W}alias").get(f"{W}val"), "".join(t.text for t in each.iter(f"{W}t")))
        for each in body.iter(f"{W}sdt")
    ]


def changed(path: Path, target: Path, name: str, data: bytes) -> Path:
    """Copy a Word file with one of its parts replaced."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for each in source.namelist():
            copy.writestr(each, data if each == name else source.read(each))
    return target


def pdf_of(*objects: bytes) -> bytes:
    """Return a PDF of these objects, the first of which is its catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    return data + end % (size, table, size, len(data))


def pdf_with(name: bytes, content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(%s) 4 0 R]>>>>>>" % name,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F 5 0 R>>>>" % (name, name),
        b"<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed),
    )


def test_each_keyed_figure_of_the_woven_document_stands_in_a_content_control_of_its_key(built, woven):
    expected = keyed_figures(woven)
    assert len(expected) > 60
    squeezed = [(name, re.sub(r"\s", "", text)) for name, text in controls(built / "manuscript.docx")]
    assert Counter(squeezed) == Counter((name, re.sub(r"\s", "", text)) for name, text in expected)


def test_content_controls_look_like_text_can_be_edited_and_have_numbers_that_no_other_has(built):
    with zipfile.ZipFile(built / "manuscript.docx") as archive:
        body = etree.fromstring(archive.read("word/document.xml"))
    found = [[(etree.QName(part).localname, list(part.attrib.values())) for part in each] for each in body.iter(f"{W}sdtPr")]
    numbers = [int(dict(parts)["id"][0]) for parts in found]
    assert len(set(numbers)) == len(numbers) > 60
    for parts in found:
        (_, [title]), (_, [tag]), *rest = parts
        assert [name for name, _ in parts] == ["alias", "tag", "id", "appearance", "text"]
        assert title == tag and ("appearance", ["hidden"]) in rest
    assert {each.getparent().tag for each in body.iter(f"{W}sdt")} == {f"{W}p"}


def test_a_figure_typed_over_keeps_its_key_and_the_woven_document_still_tells_the_old_one(built, woven, tmp_path):
    document = docx.Document(str(built / "manuscript.docx"))
    text = next(t for t in document.element.body.iter(f"{W}t") if t.text == "12")
    text.text = "13"
    document.save(str(tmp_path / "edited.docx"))
    before, after = controls(built / "manuscript.docx"), controls(tmp_path / "edited.docx")
    differing = [(name, old, new) for (name, old), (_, new) in zip(before, after, strict=True) if old != new]
    assert differing == [("study.patients.n", "12", "13")]
    assert carried.woven(tmp_path / "edited.docx") == woven


@pytest.mark.parametrize("name", ["pdf", "docx"])
def test_pdf_and_word_files_carry_the_woven_document_to_the_letter(built, woven, name):
    assert carried.woven(built / f"manuscript.{name}") == woven


def test_the_pdf_carries_the_results_that_are_published_beside_it(built):
    pdf = pymupdf.open(built / "manuscript.pdf")
    assert pdf.embfile_names() == ["manuscript.qmd", "results.json", "study.yaml"]
    assert pdf.embfile_get("study.yaml").decode() == STUDY
    results = (built / "results.json").read_bytes()
    assert pdf.embfile_get("results.json") == results
    assert "programs" in json.loads(results)["meta"]


def test_each_attachment_of_the_pdf_says_its_kind_and_what_it_is_to_the_document(built):
    pdf = pymupdf.open(built / "manuscript.pdf")
    objects = "\n".join(pdf.xref_object(number, compressed=True) for number in range(1, pdf.xref_length()))
    for relation in ("Source", "Data", "Supplement"):
        assert objects.count(f"/AFRelationship/{relation}") == 1
    for kind in ("application#2Fjson", "text#2Fmarkdown", "application#2Fyaml"):
        assert objects.count(f"/Subtype/{kind}") == 1


def test_two_builds_in_different_folders_give_the_same_bytes_and_name_no_folder(built, tmp_path):
    small = Small(tmp_path)
    template = TEMPLATE.replace("abstract:", "bibliography: refs.bib\nabstract:")
    small.write("study.yaml", STUDY).write("data.csv", DATA).write("m.qmd", template)
    small.write("refs.bib", "@book{a, title={T}, year={2000}}")
    made = small.build("pdf", "docx").outputs
    again = {name: path.read_bytes() for name, path in made.items()}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("study.yaml", "data.csv", "m.qmd", "refs.bib"):
        shutil.move(small.folder / name, elsewhere / name)
    other = Small(elsewhere).build("pdf", "docx").outputs
    assert {name: path.read_bytes() for name, path in other.items()} == again
    carried_files = pymupdf.open(other["pdf"])
    texts = [carried_files.embfile_get(name) for name in carried_files.embfile_names()]
    with zipfile.ZipFile(other["docx"]) as archive:
        texts += [archive.read(name) for name in archive.namelist()]
    for folder in (str(tmp_path), str(Path.home()), str(Path(__file__).parents[1])):
        assert not [text for text in texts if folder.encode() in text]


def test_no_field_of_a_record_is_carried(built):
    pdf = pymupdf.open(built / "manuscript.pdf")
    text = "".join(pdf.embfile_get(name).decode() for name in pdf.embfile_names())
    assert not re.search(r"r-\d\d|2024-0[1-8]-\d\d", text)


def test_comments_for_the_authors_are_not_carried(small):
    small.change("m.qmd", "# Results\n", "# Results\n\n<!-- Is reviewer 2\nright? -->\n")
    made = small.build("pdf", "docx").outputs
    for path in made.values():
        text = carried.woven(path)
        assert text and "# Results" in text and "reviewer" not in text


def test_signs_that_xml_cannot_hold_do_not_break_the_word_file(small):
    small.change("m.qmd", "# Results\n", "# Results\n\nBell \x07, \ufffe, ]]> & \\<b> end.\n")
    path = small.build("docx").outputs["docx"]
    assert docx.Document(str(path)).paragraphs
    assert r"Bell , , ]]> & \<b> end." in (carried.woven(path) or "")


def test_the_parts_of_custom_xml_are_declared_and_related_as_word_does_it(built):
    office, package = (
        "http://schemas.openxmlformats.org/officeDocument/2006",
        "http://schemas.openxmlformats.org/package/2006",
    )
    with zipfile.ZipFile(built / "manuscript.docx") as archive:
        relations = etree.fromstring(archive.read("word/_rels/document.xml.rels"))
        own = etree.fromstring(archive.read("customXml/_rels/item1.xml.rels"))
        types = etree.fromstring(archive.read("[Content_Types].xml"))
        properties = etree.fromstring(archive.read("customXml/itemProps1.xml"))
    targets = {r.get("Target"): r.get("Type") for r in [*relations, *own]}
    assert targets["../customXml/item1.xml"] == f"{office}/relationships/customXml"
    assert targets["itemProps1.xml"] == f"{office}/relationships/customXmlProps"
    identities = [r.get("Id") for r in relations]
    assert len(identities) == len(set(identities))
    declared = {o.get("PartName"): o.get("ContentType") for o in types.iter(f"{{{package}/content-types}}Override")}
    assert declared["/customXml/itemProps1.xml"].endswith("customXmlProperties+xml")
    assert re.fullmatch(r"\{[0-9A-F-]{36}\}", properties.get(f"{{{office}/customXml}}itemID"))


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not on the PATH")
def test_libreoffice_opens_the_word_file_and_keeps_keys_and_woven_document_when_it_saves(built, woven, tmp_path):
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "docx", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(built / "manuscript.docx")], check=True, capture_output=True, timeout=120)
    assert controls(tmp_path / "manuscript.docx") == controls(built / "manuscript.docx")
    assert carried.woven(tmp_path / "manuscript.docx") == woven


def test_under_quarto_the_word_file_gets_its_keys_from_the_same_filter(tmp_path):
    import pypandoc

    from tieout import resources

    source = '<p><span class="stat" data-key="a.b">1</span> <span data-key="c">2</span></p>'
    command = [pypandoc.get_pandoc_path(), "-f", "html", "-t", "docx", "-o", str(tmp_path / "made.docx")]
    command += ["--lua-filter", str(resources.templates() / "controls.lua")]
    subprocess.run(command, input=source.encode(), check=True)
    front = word.front({})
    made = word.finished((tmp_path / "made.docx").read_bytes(), front, CREATED, "")
    (tmp_path / "finished.docx").write_bytes(made)
    assert controls(tmp_path / "finished.docx") == [("a.b", "1")]
    assert "filters: [quarto, report.lua, controls.lua]" in render.quarto.PROJECT


def test_under_quarto_the_files_to_attach_lie_in_the_project_and_its_settings_name_them(built, tmp_path, monkeypatch):
    script = f"#!/bin/sh\ncp -r . {tmp_path / 'seen'}\ntouch manuscript.pdf\n"
    stand_in(tmp_path, script, monkeypatch)
    render.render(
        built / "manuscript", formats=("pdf",), out=tmp_path, engine="quarto", created=CREATED,
        attached={"results.json": lambda: "{}"},
    )  # fmt: skip
    from ruamel.yaml import YAML

    seen = tmp_path / "seen"
    assert YAML(typ="safe").load(seen / "_quarto.yml")["carried"] == ["manuscript.qmd", "results.json"]
    source = b'#import "journal.typ": journal\n#show: journal.with(title: [T], carried: ("manuscript.qmd", "results.json",))\nT'
    made = embedded.typst.Compiler(root=seen, font_paths=embedded.fonts_for(False)).compile(input=source)
    pdf = pymupdf.open(stream=made)
    assert pdf.embfile_get("results.json") == b"{}"
    assert b".stat key=" in pdf.embfile_get("manuscript.qmd")


def test_files_that_carry_nothing_give_none(built, tmp_path):
    document = docx.Document()
    document.add_paragraph("Words")
    document.save(str(tmp_path / "plain.docx"))
    (tmp_path / "plain.pdf").write_bytes(pdf_with(b"notes.txt", b"[1]{.stat key='a'}"))
    (tmp_path / "plain.html").write_text("<p>%PDF is a format</p>")
    (tmp_path / "empty.pdf").write_bytes(b"")
    other = b'<woven xmlns="urn:else">text</woven>'
    changed(built / "manuscript.docx", tmp_path / "other.docx", "customXml/item1.xml", other)
    for name in ("plain.docx", "plain.pdf", "plain.html", "empty.pdf", "other.docx"):
        assert carried.woven(tmp_path / name) is None


def test_any_name_that_ends_in_qmd_is_read_and_nothing_but_text(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_with(b"report.qmd", "naïve".encode()))
    assert carried.woven(path) == "naïve"
    path.write_bytes(pdf_with(b"report.qmd", b"\xff\xfe\x00"))
    assert carried.woven(path) is None


def test_what_unpacks_to_more_than_the_limit_is_not_read(built, tmp_path):
    much = b"a" * (carried.LARGEST_WOVEN + 1)
    (tmp_path / "large.pdf").write_bytes(pdf_with(b"manuscript.qmd", much))
    part = b'<woven xmlns="urn:tieout:woven">' + much + b"</woven>"
    changed(built / "manuscript.docx", tmp_path / "large.docx", "customXml/item1.xml", part)
    assert carried.woven(tmp_path / "large.pdf") is None
    assert carried.woven(tmp_path / "large.docx") is None


def test_a_pdf_that_unpacks_to_gigabytes_ends_with_the_process_that_reads_it(tmp_path):
    pytest.importorskip("resource")
    half = zlib.compress(bytes(300_000_000), 9)
    packed = zlib.compress(half, 9)
    path = tmp_path / "bomb.pdf"
    names = b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(m.qmd) 3 0 R]>>>>>>"
    stream = b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream" % (len(packed), packed)
    file = b"<</Type/Filespec/F(m.qmd)/UF(m.qmd)/EF<</F 4 0 R>>>>"
    path.write_bytes(pdf_of(names, b"<</Type/Pages/Kids[]/Count 0>>", file, stream))
    assert path.stat().st_size < 5_000
    assert carried.woven(path) is None


@pytest.mark.parametrize("names", [b"3 0 R", b"<</Kids[3 0 R 3 0 R]>>", b"<</Kids 3 0 R>>", b"<</Names[3 0 R 3 0 R]>>"])
def test_a_pdf_whose_names_lead_in_a_circle_gives_none(tmp_path, names):
    path = tmp_path / "circle.pdf"
    catalogue = b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles 3 0 R>>>>"
    path.write_bytes(pdf_of(catalogue, b"<</Type/Pages/Kids[]/Count 0>>", names))
    assert carried.woven(path) is None


def test_entities_in_the_part_are_not_expanded(built, tmp_path):
    (tmp_path / "secret").write_text("secret")
    for declared in (f"SYSTEM '{(tmp_path / 'secret').as_uri()}'", "'secret'"):
        part = f"<!DOCTYPE woven [<!ENTITY x {declared}>]><woven xmlns='urn:tieout:woven'>a &x;</woven>"
        path = changed(built / "manuscript.docx", tmp_path / "e.docx", "customXml/item1.xml", part.encode())
        assert carried.woven(path) is None


@pytest.mark.parametrize("name", ["pdf", "docx"])
def test_a_damaged_file_gives_the_document_or_none_and_never_an_error(built, woven, tmp_path, name):
    data = (built / f"manuscript.{name}").read_bytes()
    chance = random.Random(3)
    path = tmp_path / f"damaged.{name}"
    for _ in range(12 if name == "pdf" else 60):
        damaged = bytearray(data[: chance.randrange(20, len(data))] if chance.random() < 0.5 else data)
        for _ in range(chance.randrange(1, 40)):
            damaged[chance.randrange(8, len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        found = carried.woven(path)
        assert found is None or found[:3] == woven[:3]


def test_a_key_too_long_for_word_is_called_by_its_digest():
    assert keyed.control("outcome.favourable.pct") == "outcome.favourable.pct"
    long = "a." + "b" * 63
    assert re.fullmatch("t_[0-9a-f]{12}", keyed.control(long))
    assert len({keyed.control(f"{long}{i}") for i in range(20_000)}) == 20_000



def test_the_pdf_alone_is_all_that_its_audit_needs(built, tmp_path):
    shutil.copyfile(built / "manuscript.pdf", tmp_path / "manuscript.pdf")
    command = [sys.executable, "-c", "from tieout.cli import main; main()", "audit", "manuscript.pdf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"[1-9]\d* confirmed, 0 consistent, 0 contradicted", done.stdout)
    assert "Judged by the results that it carries (sha256:" in done.stdout and "--study" in done.stdout


def test_a_figure_that_differs_from_the_results_inside_is_contradicted_and_results_that_are_given_come_first(built, tmp_path):
    saved = json.loads((built / "results.json").read_text(encoding="utf-8"))
    (row,) = [row for row in saved["statistics"] if row["key"] == "study.patients.n"]
    row["value"] += 1
    attached = {"results.json": lambda: json.dumps(saved)}
    project = built / "manuscript"
    other = render.render(project, formats=("pdf",), out=tmp_path, engine="embedded", created=CREATED, attached=attached)["pdf"]
    inside = reports.audit(other)
    assert inside.exit_code == 1 and inside.carried.startswith("sha256:")
    given = reports.audit(other, load(built / "results.json"))
    assert given.exit_code == 0 and given.carried == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved["statistics"][0].update(label=5),
        lambda saved: saved["statistics"][0].update(value="much"),
        lambda saved: saved["statistics"][0].update(value=10**400),
        lambda saved: saved["statistics"][0].update(colour="red"),
        lambda saved: saved["statistics"].append(saved["statistics"][0]),
        lambda saved: saved["meta"].update(profile={"decimal_point": 5}),
        lambda saved: saved["meta"].update(profile=7),
        lambda saved: saved["meta"].update(synthetic=["a", "list"]),
        lambda saved: saved["meta"].update(edition=5),
        lambda saved: saved.update(meta=[1]),
        lambda saved: saved["meta"].pop("snapshot"),
        lambda saved: saved.update(statistics=7),
    ],
)
def test_results_inside_that_somebody_bent_are_refused_in_a_sentence(built, tmp_path, change):
    saved = json.loads((built / "results.json").read_text(encoding="utf-8"))
    change(saved)
    (tmp_path / "bent.pdf").write_bytes(pdf_with(b"results.json", json.dumps(saved).encode()))
    with pytest.raises(TieoutError, match="the results that this file carries were changed"):
        carried.results(tmp_path / "bent.pdf")


def test_results_inside_that_are_nested_without_end_are_refused_and_those_that_are_too_large_are_not_read(tmp_path):
    (tmp_path / "deep.pdf").write_bytes(pdf_with(b"results.json", b"[" * 2_000_000))
    with pytest.raises(TieoutError, match="were changed"):
        carried.results(tmp_path / "deep.pdf")
    (tmp_path / "large.pdf").write_bytes(pdf_with(b"results.json", b" " * (carried.LARGEST + 1)))
    assert carried.results(tmp_path / "large.pdf") is None
