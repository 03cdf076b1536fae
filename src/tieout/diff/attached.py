"""The results that a PDF of Tieout carries inside itself."""

from __future__ import annotations

import sys
from pathlib import Path

from tieout.audit.hostile import LARGEST, alone, limit_memory

NAME = "results.json"
MOST_ATTACHED = 1_000
MOST_SECONDS = 20


def results(path: Path) -> bytes:
    """Return the text of the results attached to a PDF, which a process of its own finds; nothing where there are none."""
    done = alone("tieout.diff.attached", str(path.resolve()), seconds=MOST_SECONDS)
    return b"" if done is None or done.returncode else done.stdout


def attachment(path: Path) -> bytes:
    """Return the first attachment that is called results.json, or nothing.

    PDFium unpacks a stream whole before it says how long that is: call this where memory is limited.
    """
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    for index in range(min(document.count_attachments(), MOST_ATTACHED)):
        attached = document.get_attachment(index)
        if attached.get_name() == NAME:
            data = bytes(attached.get_data())
            return data if len(data) <= LARGEST else b""
    return b""


if __name__ == "__main__":
    limit_memory()
    sys.stdout.buffer.write(attachment(Path(sys.argv[1])))
