"""`python -m examples.news news.csv`: 200 articles of the BBC in five sections, as a table with `text` and `label`."""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from examples.demo.material import prepare_news

EACH = 40


def write_news(file: Path, each: int = EACH) -> int:
    """Write `each` articles a section to `file`; gives the number of rows."""
    with tempfile.TemporaryDirectory() as scratch:
        articles = sorted(prepare_news(Path(scratch) / "news", each).glob("*/*.txt"))
        rows = [(article.read_text(encoding="utf-8"), article.parent.name) for article in articles]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    print(f"Wrote {write_news(Path(sys.argv[1]))} rows to {sys.argv[1]}")
