"""A table by itself, in the formats in which others take it."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path

import pypandoc

from tieout import comparison_tables, followed_tables, grid, keyed, render, tables
from tieout.display import profile_of, text
from tieout.errors import TieoutError, nearest
from tieout.render import document as documents
from tieout.render import tree as trees
from tieout.results import Results
from tieout.spreadsheet import as_csv, harmless

EPOCH = datetime(1980, 1, 1)


def every(results: Results) -> dict[str, str]:
    """Return each table that a template can insert, by its name, in the one table dialect."""
    profile = profile_of(results.meta)
    kinds = (tables, comparison_tables, followed_tables)
    return {name: made for kind in kinds for name, made in kind.every(results, profile).items()}


def table(results: Results, name: str) -> str:
    """Return one table by its name; an unknown name raises TieoutError with the nearest and all that there are."""
    made = every(results)
    if name not in made:
        raise TieoutError(
            "table", f"no table is called '{name}'", nearest(name, made) or f"there are: {', '.join(made)}"
        )
    return made[name]


def stamps(results: Results) -> list[str]:
    """Return what every copy of a table says below it: that its data are synthetic, if so, and their snapshot."""
    return [line for line in (results.meta["synthetic"], f"Data snapshot: {results.stamp}") if line]


def as_rows(results: Results, name: str) -> bytes:
    """Return the table as CSV with one row of headers, its notes and stamps beneath."""
    found = grid.parsed(table(results, name))
    under = [[line] for line in (*found.notes, *stamps(results))]
    rows = [[harmless(" ".join(cell.split())) for cell in row] for row in (*found.flat, *under)]
    return as_csv(rows).encode("utf-8-sig")


def as_workbook(results: Results, name: str) -> bytes:
    """Return the table as a workbook: a sheet as it is printed, and one with the figures behind it, unrounded, by key."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Border, Font, Side
    from openpyxl.utils import get_column_letter

    found, book = grid.parsed(table(results, name)), Workbook()
    sheet, top = book.active, 3
    assert sheet is not None, "a new workbook has a sheet"
    sheet.title = "Table"
    sheet.cell(1, 1, harmless(f"{results.meta['title']}: {name}")).font = Font(bold=True)
    if results.meta["synthetic"]:
        sheet.cell(2, 1, harmless(results.meta["synthetic"])).font = Font(bold=True, color="A61C1C")
    for cell in found.cells:
        row, column = cell.row + top, cell.column + 1
        written = sheet.cell(row, column, harmless(cell.text) or None)
        written.data_type = "s" if cell.text else written.data_type
        written.font = Font(bold=cell.head)
        written.alignment = Alignment(wrap_text=True, vertical="bottom" if cell.row < found.heads else "top")
        if cell.rows > 1 or cell.columns > 1:
            sheet.merge_cells(start_row=row, start_column=column, end_row=row + cell.rows - 1, end_column=column + cell.columns - 1)
    rule = Side(style="thin")
    for column in range(1, found.width + 1):
        sheet.cell(top + found.heads - 1, column).border = Border(bottom=rule)
        inside = [c.text for c in found.cells if c.column == column - 1 and c.columns == 1]
        longest = max((len(line) for words in inside for line in words.split("\n")), default=0)
        sheet.column_dimensions[get_column_letter(column)].width = min(max(longest + 2, 9), 48)
    sheet.freeze_panes = sheet.cell(top + found.heads, 2)
    below = max((cell.row for cell in found.cells), default=0) + top + 2
    for number, line in enumerate([*found.notes, *stamps(results)]):
        sheet.cell(below + number, 1, harmless(line)).font = Font(italic=True, size=9)
    behind(book.create_sheet("Figures"), results, found.keys)
    book.properties.creator, book.properties.title = "", results.meta["title"]
    book.properties.created = book.properties.modified = created(results).replace(tzinfo=None)
    return same_bytes(book)


def behind(sheet, results: Results, keys: tuple[str, ...]) -> None:
    """Write the figures behind a table, unrounded, with what each counts and how it was made."""
    profile = profile_of(results.meta)
    sheet.append(["Key", "Printed", "Value", "Unit", "n", "N", "Of whom", "What it is", "Method"])
    for s in (results[key] for key in keys):
        told = profile.not_estimable if s.error else text(s, profile)
        sheet.append([s.key, told, s.value, s.unit, s.n, s.total, harmless(s.among), harmless(s.label), harmless(s.error or s.method)])
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDEFGHI", (46, 12, 20, 8, 8, 8, 34, 44, 44), strict=True):
        sheet.column_dimensions[letter].width = width


def same_bytes(book) -> bytes:
    """Return a workbook whose parts carry no time, so that the same results give the same bytes."""
    made, kept = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, EPOCH.timetuple()[:6]), source.read(name), zipfile.ZIP_DEFLATED)
    return kept.getvalue()


def created(results: Results) -> datetime:
    return datetime.combine(datetime.fromisoformat(results.meta["cut"]), time(12), tzinfo=UTC)


def document(results: Results, name: str) -> str:
    """Return a Quarto document that holds the table alone."""
    front = {"title": results.meta["title"], "lang": profile_of(results.meta).language, "snapshot": results.stamp}
    if results.meta["synthetic"]:
        front["synthetic"] = results.meta["synthetic"]
    lines = "".join(f"{key}: {json.dumps(keyed.literal_markdown(value), ensure_ascii=False)}\n" for key, value in front.items())
    return f"---\n{lines}---\n\n::: {{#tbl-it}}\n{table(results, name)}\n\n{keyed.literal_markdown(name)}\n:::\n"


def typeset(format_: str) -> Callable[[Results, str], bytes]:
    """Return what makes a table the way the manuscript is made: with its keys, its look, its stamps."""

    def made(results: Results, name: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="tieout-") as place:
            folder = Path(place)
            (folder / "table.qmd").write_text(document(results, name), encoding="utf-8")
            render.project(folder)
            attached = {"results.json": results.to_json}
            outputs = render.render(folder, "table", (format_,), folder, "embedded", created=created(results), attached=attached)
            return outputs[format_].read_bytes()

    return made


def converted(to: str, *options: str, flat: bool = False) -> Callable[[Results, str], bytes]:
    """Return what hands a table to pandoc; `flat` with one row of headers, for formats that know no more."""

    def made(results: Results, name: str) -> bytes:
        found = grid.parsed(table(results, name))
        whole = simple(found) if flat else table(results, name).removeprefix("```{=html}\n").removesuffix("\n```")
        notes = "".join(f"<p>{keyed.literal_html(line)}</p>" for line in (*(found.notes if flat else ()), *stamps(results)))
        page = f"<p><strong>{keyed.literal_html(results.meta['title'])}: {keyed.literal_html(name)}</strong></p>{whole}{notes}"
        arguments = ["-f", "html", "-t", to, "--wrap=none", *options]
        return trees.pandoc(arguments, page.encode(), documents.Document(Path(pypandoc.__file__).parent, name, page))

    return made


def simple(found: grid.Grid) -> str:
    head, *body = found.flat
    heads = "".join(f"<th>{keyed.literal_html(cell)}</th>" for cell in head)
    rows = "".join(f"<tr>{''.join(f'<td>{keyed.literal_html(cell)}</td>' for cell in row)}</tr>" for row in body)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


FORMATS: dict[str, Callable[[Results, str], bytes]] = {
    "xlsx": as_workbook,
    "csv": as_rows,
    "html": typeset("html"),
    "docx": typeset("docx"),
    "tex": converted("latex"),
    "rtf": converted("rtf", "--standalone", flat=True),
    "md": converted("gfm", flat=True),
}
"""How a table becomes the bytes of a file, by its ending."""


def written(results: Results, name: str, to: str) -> bytes:
    """Return a table in a format; raise TieoutError for a table or a format that is not known."""
    if to not in FORMATS:
        raise TieoutError("--to", f"no format is called '{to}'", nearest(to, FORMATS) or ", ".join(FORMATS))
    return FORMATS[to](results, name)
