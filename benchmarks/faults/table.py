"""What came of a campaign, as a table in Markdown."""

from collections import Counter
from collections.abc import Sequence

Trial = dict[str, str]


def table(trials: Sequence[Trial]) -> str:
    """A row for each kind of fault; then what failed, if anything."""
    lines = ["| fault | trials | methods | same bytes | one line | failed |", "|---" * 6 + "|"]
    for kind in dict.fromkeys(t["kind"] for t in trials):
        of = [t for t in trials if t["kind"] == kind]
        found = Counter(t["outcome"] for t in of)
        methods = len({t["method"] for t in of})
        counts = " | ".join(str(found[name]) for name in ("same bytes", "one line", "failed"))
        lines.append(f"| {kind} | {len(of)} | {methods} | {counts} |")
    failed = [t for t in trials if t["outcome"] == "failed"]
    lines += [f"\nfailed: {t['kind']}, {t['method']}, {t['moment']}: {t['said']}" for t in failed]
    return "\n".join(lines)
