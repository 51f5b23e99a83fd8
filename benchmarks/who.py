"""Who is who by looks, beside what the data say: precision and recall of pairs of training clips.

python benchmarks/who.py DATA [DATA ...]

Of each dataset all training clips, then two, three and five of each individual, then any 40, then
those of two individuals. `said` are the pairs that were found to show one individual. Where nobody
appears twice also: in how many of 105 subsets of 8 to 600 clips somebody was found.
"""

import argparse
from collections.abc import Iterator
from time import process_time

import numpy as np

from vdsm.data import open_clips
from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.who import find, looks_of, pairs, without_commonest
from vdsm.who.looks import Looks

SEED = 1
SUBSETS, REPEATED = (8, 15, 30, 60, 120, 250, 600), 15
HEADS = (
    "data",
    "which",
    "clips",
    "people",
    "found",
    "gap",
    "precision",
    "recall",
    "said",
    "sure",
    "CPU s",
)
COLUMNS = "{:<28} {:<10} {:>6} {:>6} {:>6} {:>5} {:>9} {:>9} {:>7} {:>5} {:>6}"


def some(group: Ints) -> Iterator[tuple[str, Ints]]:
    """Which clips, and what they are called."""
    rng = np.random.default_rng(SEED)
    people = np.unique(group)
    yield "all", np.arange(len(group))
    if len(people) < len(group):
        for each in (2, 3, 5):
            chosen = [rng.permutation(np.flatnonzero(group == p))[:each] for p in people]
            yield f"{each} each", np.concatenate(chosen)
    yield "any 40", rng.permutation(len(group))[:40]
    if len(people) < len(group):
        yield "of two", np.flatnonzero(np.isin(group, people[:2]))


def mistaken(looks: Looks) -> int:
    """In how many subsets somebody was found."""
    rng = np.random.default_rng(SEED)
    sizes = [size for size in SUBSETS if size <= len(looks) for _ in range(REPEATED)]
    subsets = [looks[rng.permutation(len(looks))[:size]] for size in sizes]
    return sum(find(some, without_commonest(some)).anybody for some in subsets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", nargs="+")
    options = parser.parse_args()
    print(COLUMNS.format(*HEADS))
    try:
        for path in options.data:
            measure(path)
    except InputError as error:
        parser.error(str(error))


def measure(path: str) -> None:
    """Print a row for each choice of clips."""
    clips = open_clips(path)
    train = clips.select("train")
    looks, (_, group) = looks_of(clips, train), np.unique(clips.table.group[train], False, True)
    for name, rows in some(group):
        began = process_time()
        found = find(looks[rows], without_commonest(looks[rows]))
        both, said, true = pairs(found.individual, group[rows])
        spent = process_time() - began
        print(
            COLUMNS.format(
                path[-28:],
                name,
                len(rows),
                len(np.unique(group[rows])),
                len(np.unique(found.individual)),
                f"{found.gap:.1f}" if found.anybody else "-",
                f"{100 * both / said:.1f}" if said else "-",
                f"{100 * both / true:.1f}" if true else "-",
                said,
                f"{found.sure.mean():.2f}",
                f"{spent:.1f}",
            ),
            flush=True,
        )
    if len(np.unique(group)) == len(group):
        print(f"{path[-28:]:<28} somebody was found in {mistaken(looks)} subsets", flush=True)


if __name__ == "__main__":
    main()
