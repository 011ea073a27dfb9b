"""Counts → what the templates draw: tables, bars, histograms and word clouds."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dataset_builders.inspection.statistics import bin_label

MOST_WORDS = 60
SMALLEST, LARGEST = 0.8, 2.6  # rem


@dataclass(frozen=True)
class Table:
    """A table of counts with sums.

    Attributes:
        columns: Names.
        rows: (name, counts by column, sum, share of all).
        sums: By column.
        total: Of all.
    """

    columns: list[str]
    rows: list[tuple[str, list[int], int, float]]
    sums: list[int]
    total: int

    @property
    def greatest(self) -> int:
        """The greatest sum of a row, to which bars are drawn."""
        return max(row[2] for row in self.rows)


def cross_table(counts: Counter, rows: Iterable[str], columns: Iterable[str]) -> Table:
    """Lay out (row, column) → count, without empty rows and columns.

    >>> cross_table(Counter({("a", "x"): 3, ("b", "x"): 1}), "abc", "xy")
    Table(columns=['x'], rows=[('a', [3], 3, 0.75), ('b', [1], 1, 0.25)], sums=[4], total=4)
    """
    used = {key for key, count in counts.items() if count}
    rows = [row for row in rows if any(key[0] == row for key in used)]
    columns = [column for column in columns if any(key[1] == column for key in used)]
    total = sum(counts[row, column] for row in rows for column in columns)
    lines = []
    for row in rows:
        cells = [counts[row, column] for column in columns]
        lines.append((row, cells, sum(cells), sum(cells) / total))
    return Table(columns, lines, [sum(counts[row, column] for row in rows) for column in columns], total)


@dataclass(frozen=True)
class Histogram:
    """Bars from the first bin that holds something to the last.

    Attributes:
        title: What is counted, e.g. `room_size`.
        unit: Of the bins.
        bars: (where the bin begins, count).
    """

    title: str
    unit: str
    bars: list[tuple[str, int]]

    @property
    def total(self) -> int:
        """Sum of the bars."""
        return sum(count for _, count in self.bars)

    @property
    def greatest(self) -> int:
        """Height of the highest bar."""
        return max(count for _, count in self.bars)


def histograms(counts: Counter, order: Iterable[str]) -> list[Histogram]:
    """Lay out (title, unit, bin) → count, titles in the given order.

    >>> histograms(Counter({("a", "m", 1): 5, ("a", "m", 3): 2}), "a")
    [Histogram(title='a', unit='m', bars=[('0.0001', 5), ('0.0002', 0), ('0.0005', 2)])]
    """
    places = {title: place for place, title in enumerate(order)}
    found = []
    for title, unit in sorted({key[:2] for key in counts}, key=lambda key: (places[key[0]], key[1])):
        numbers = [number for *group, number in counts if group == [title, unit]]
        bins = range(min(numbers), max(numbers) + 1)
        found.append(Histogram(title, unit, [(bin_label(number), counts[title, unit, number]) for number in bins]))
    return found


def word_cloud(counts: Counter) -> list[tuple[str, int, float]]:
    """Return (word, count, size in rem) in alphabetical order; the area of a word grows with its count.

    >>> word_cloud(Counter(cup=4, bowl=1))
    [('bowl', 1, 1.3), ('cup', 4, 2.6)]
    """
    words = counts.most_common(MOST_WORDS)
    most = words[0][1] if words else 1
    return sorted((word, count, round(max(SMALLEST, LARGEST * (count / most) ** 0.5), 2)) for word, count in words)
