"""Write the table of bad inputs into docs/reliability.md, from the tests that show what comes of each.

A test (tests/test_bad_inputs.py) fails when the page is not up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from bad_inputs import BEGIN, DOCUMENT, END
from bad_inputs_shown import table

SECTION = f"""
## Bad inputs

Each is refused by a code of its own, in a reply that names the field, and the node goes on. What the codes mean is in
[wire.md](wire.md). The table is generated from the tests: `python scripts/write-bad-inputs.py`.

{BEGIN}
{END}
"""


def main() -> None:
    """Put the table between its two marks; the section is made where there is none."""
    page = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "# Reliability\n"
    if BEGIN not in page:
        page += SECTION
    before, rest = page.split(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
