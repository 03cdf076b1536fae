"""What an audit, a comparison or a question cannot use: manuscripts that are none, results that are none, keys that do not exist."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from bad_inputs.cases import Case

TEXT = "A good outcome was seen in 50 of 75 patients (66.7%).\n"
DOCX = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><document>&b;</document>'
RESULTS = {"schema": 1, "meta": {"study": "small"}, "statistics": []}


def audit(name: str, file: str, text: str | bytes | None, options: str = "", prepared=None) -> Case:
    """Return a case of a manuscript that is audited."""
    return Case(name, f"audit {file} {options}".rstrip(), files={} if text is None else {file: text}, prepared=prepared)


def archive(path: Path, **parts: str | bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        for name, data in parts.items():
            made.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)


def no_document(folder: Path) -> None:
    """paper.docx is an archive without a document in it."""
    archive(folder / "paper.docx", readme_xml="<a/>")


def entities(folder: Path) -> None:
    """The document of paper.docx declares an entity."""
    archive(folder / "paper.docx", word__document_xml=DOCX)


def cut_docx(folder: Path) -> None:
    """paper.docx is a Word file cut in half."""
    archive(folder / "paper.docx", word__document_xml="<a>" + "x" * 5000 + "</a>")
    whole = (folder / "paper.docx").read_bytes()
    (folder / "paper.docx").write_bytes(whole[: len(whole) // 2])


def folder_of(folder: Path) -> None:
    """paper.docx is a folder."""
    (folder / "paper.docx").mkdir()


def blank_pdf(folder: Path) -> None:
    """scan.pdf has a page without any text."""
    import pymupdf

    with pymupdf.open() as made:
        made.new_page()
        made.save(folder / "scan.pdf")


def locked_pdf(folder: Path) -> None:
    """paper.pdf is encrypted with a password."""
    import pymupdf

    with pymupdf.open() as made:
        made.new_page().insert_text((72, 72), TEXT)
        made.save(folder / "paper.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="a", user_pw="b")


def results(name: str, text: str | bytes | None, command: str = "audit paper.md --results results.json") -> Case:
    """Return a case of results that are read."""
    return Case(name, command, files={"paper.md": TEXT, "results.json": text})


CASES = (
    audit("a manuscript that is not there", "paper.docx", None),
    audit("a manuscript of no known kind", "paper.pages", TEXT),
    audit("a manuscript of an old Word", "paper.doc", b"\xd0\xcf\x11\xe0"),
    audit("a manuscript that is a folder", "paper.docx", None, prepared=folder_of),
    audit("an empty manuscript", "paper.md", ""),
    audit("an empty Word file", "paper.docx", b""),
    audit("a text under the name of a Word file", "paper.docx", TEXT),
    audit("a Word file without a document", "paper.docx", None, prepared=no_document),
    audit("a Word file cut in half", "paper.docx", None, prepared=cut_docx),
    audit("a Word file that declares entities", "paper.docx", None, prepared=entities),
    audit("a text under the name of a PDF", "paper.pdf", TEXT),
    audit("a PDF cut short", "paper.pdf", b"%PDF-1.7\n1 0 obj\n<<"),
    audit("a scanned PDF", "scan.pdf", None, prepared=blank_pdf),
    audit("a PDF with a password", "paper.pdf", None, prepared=locked_pdf),
    audit("a page of a journal that is no XML", "paper.xml", "<article><body>"),
    audit("an XML that is no article", "paper.xml", "<invoice/>"),
    audit("a study that is not there", "paper.md", TEXT, "--study elsewhere/study.yaml"),
    audit("a study and results at once", "paper.md", TEXT, "--study study.yaml --results build/results.json"),
    audit("a page that cannot be written", "paper.md", TEXT, "--html study.yaml/audit.html"),
    audit("a list that cannot be written", "paper.md", TEXT, "--json study.yaml/audit.json"),
    audit("two manuscripts, one of them missing", "paper.md", TEXT, "other.md"),
    results("results that are not there", None),
    results("results that are no JSON", "66.7\n{"),
    results("results that are a list", "[1, 2]"),
    results("results of nothing", "{}"),
    results("results whose figure is a word", json.dumps({**RESULTS, "statistics": [
        {"key": "a.b", "value": "many", "kind": "count", "label": "A"}]})),
    results("results with a key twice", json.dumps({**RESULTS, "statistics": [
        {"key": "a.b", "value": 1, "kind": "count", "label": "A"}, {"key": "a.b", "value": 2, "kind": "count", "label": "A"}]})),
    results("results in UTF-16", json.dumps(RESULTS).encode("utf-16")),
    Case("a figure misspelt in a question", "show outcome.good.pctt"),
    Case("a figure of nothing in a question", "show mortality"),
    Case("a question before any build", "show outcome.good.pct", files={"build/results.json": None}),
    Case("a question to results that are none", "show outcome.good.pct", files={"build/results.json": "{"}),
    Case("a table misspelt", "table baselin"),
    Case("a table in an unknown format", "table baseline --to xls"),
    Case("a table before any build", "table baseline", files={"build/results.json": None}),
    Case("an export in an unknown format", "export --to sas"),
    Case("a comparison with a file that is not there", "diff old.json build/results.json"),
    Case("a comparison with what is no side", "diff data.csv study.yaml"),
    Case("a comparison with a digest that no snapshot has", "diff 0123456789ab ."),
    Case("a comparison with what is too short for a digest", "diff 01 ."),
    Case("a snapshot that does not exist", "build --snapshot 0123456789ab"),
    Case("a snapshot that is no digest", "build --snapshot yesterday"),
)  # fmt: skip
