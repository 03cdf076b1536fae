"""Names, options and commands: misspelt, unknown, of something that does not exist, or leading out of their folder."""

from __future__ import annotations

from pathlib import Path

from conftest import STUDY

from bad_inputs.cases import Case


def asked(name: str, command: str, **files: str) -> Case:
    """Return a case of a command line on the small study."""
    return Case(name, command, files={file.replace("__", "."): text for file, text in files.items()})


def journal(name: str, text: str) -> Case:
    """Return a case of a journal's file."""
    return Case(name, "build --journal ours.yaml", files={"ours.yaml": text})


def not_empty(folder: Path) -> None:
    """The folder mine holds a file already."""
    (folder / "mine").mkdir()
    (folder / "mine" / "study.yaml").write_text(STUDY)


CASES = (
    asked("a study file that is not there", "build elsewhere.yaml"),
    asked("a folder without a study file", "build build"),
    asked("a study file whose name is misspelt", "build study.yml"),
    asked("a journal misspelt", "build --journal lancett"),
    asked("a journal that does not exist", "build --journal 'Annals of Everything'"),
    asked("a journal's file that is not there", "build --journal ours.yaml"),
    journal("a journal's file that is empty", ""),
    journal("a journal's file without a name", "citations: bmj\n"),
    journal("a journal with an unknown key", "name: Ours\ncitation: bmj\n"),
    journal("a journal with an unknown way of numbers", "name: Ours\nnumbers: {decimal: ','}\n"),
    journal("a journal whose decimals are a word", "name: Ours\nnumbers: {percent_decimals: two}\n"),
    journal("a journal with an unknown limit", "name: Ours\nlimits: {words: 3000}\n"),
    journal("a journal with an unknown style of citations", "name: Ours\ncitations: ourstyle\n"),
    journal("a journal's file that is no YAML", "name: [Ours\n"),
    asked("a layout misspelt", "build --layout artcle"),
    asked("a format misspelt", "build --formats pdf,htm"),
    asked("no format", "build --formats ''"),
    asked("an engine misspelt", "build --engine embeded"),
    asked("a site report of a study that declares none", "sites"),
    asked("a new study without data", "new mine --data missing.csv"),
    asked("a new study from an empty file", "new mine --data empty.csv", empty__csv=""),
    asked("a new study from a header alone", "new mine --data header.csv", header__csv="id,site,day\n"),
    asked("a new study from a file of no known kind", "new mine --data data.pages", data__pages="id"),
    Case("a new study in a folder that is not empty", "new mine --data data.csv", prepared=not_empty),
    asked("a new study with a dictionary that is none", "new mine --data data.csv --dictionary words.csv", words__csv="a,b\n1,2\n"),
    asked("a new study with a dictionary that is not there", "new mine --data data.csv --dictionary words.csv"),
    Case("an example in a folder that is not empty", "example mine", prepared=not_empty),
    asked("a folder for outputs below a file", "build --out data.csv/build"),
    asked("a folder for lists below a file", "check --out data.csv/check"),
)
