"""Writes the table of providers in guide/providers.md from the rows of the core.

    python docs/providers.py            writes it
    python docs/providers.py --check    fails where it is not up to date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/guide/providers.md"
BEGIN, END = "<!-- providers: begin -->\n", "<!-- providers: end -->\n"
WORDS = {True: "yes", False: "no", None: "?"}


def table() -> str:
    rows = json.loads((ROOT / "core/src/providers/rows.json").read_text())
    lines = ["| provider | slug | key | protocol | trains | retains |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: row["slug"]):
        policy = row.get("policy") or {}
        retains = WORDS[policy.get("retains")]
        if policy.get("retention_days"):
            retains = f"{policy['retention_days']} days"
        name = f"[{row['name']}]({row['docs']})" if row.get("docs") else row["name"]
        key = " or ".join(f"`{variable}`" for variable in row.get("key_env", [])) or "none"
        cells = [name, f"`{row['slug']}`", key, row.get("protocol", "openai_chat"), WORDS[policy.get("trains")], retains]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}{table()}{END}{after}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(new)
    elif new != text:
        raise SystemExit("docs/guide/providers.md is older than the rows: run `python3 docs/providers.py`")


if __name__ == "__main__":
    main()
