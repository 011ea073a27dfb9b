"""What a training goes through: the questions, general data mixed in by weight, packed or not, loaded or streamed.

Legend: a place is (source, row); a group is the rows that one item of the training set holds.
"""

from collections.abc import Sequence

import numpy as np
from datasets import Dataset, Features, IterableDataset, interleave_datasets, load_dataset
from tqdm import tqdm

from dataset_builders.errors import InputError
from dataset_builders.general import RowError
from trl_recipes.arguments import Source, one_line
from trl_recipes.data import ROWS, SPLIT
from trl_recipes.encoding import SampleEncoder
from trl_recipes.packing import pack

WINDOW = 1024
"""Rows of a stream that are shuffled, and rows that are packed, together."""


def training_rows(
    questions: Dataset | IterableDataset, mix: Sequence[Source], encoder: SampleEncoder, packing: bool, seed: int
) -> Dataset | IterableDataset:
    """Mix general data into the questions and pack them, as asked; a stream where the questions are one.

    Raises:
        InputError: if general data cannot be used, or a row cannot be read and is not to be skipped.
    """
    streaming = isinstance(questions, IterableDataset)
    sources = [questions, *(load_general(source.path, streaming) for source in mix)]
    weights = [source.weight for source in mix]
    if streaming:
        return stream(sources, weights, seed, encoder if packing else None)
    if not mix and not packing:
        return questions
    places = mixed_places(list(map(len, sources)), weights, seed)
    return grouped_rows(sources, packed_places(sources, places, encoder) if packing else [[place] for place in places])


def load_general(path: str, streaming: bool = False) -> Dataset | IterableDataset:
    """Load general data, its train split.

    Raises:
        InputError: if there is no such dataset, or it has no column `messages` or no rows.
    """
    fix = "give a dataset with the column messages, and images or videos if it has such"
    try:
        rows = load_dataset(path, split=SPLIT, streaming=streaming)
    except (OSError, ValueError) as error:
        raise InputError(path, "mix", one_line(error), fix) from error
    if "messages" not in (rows.column_names or ()):
        raise InputError(path, "mix", f"has the columns {', '.join(rows.column_names or ())}", fix)
    if not streaming and not len(rows):
        raise InputError(path, "mix", "has no rows", fix)
    return rows


def mixed_places(sizes: Sequence[int], weights: Sequence[float], seed: int) -> list[tuple[int, int]]:
    """Draw an epoch: every row of the first source once, and of each other its weight times as many.

    A source that is smaller than its share is gone through again, in another order every time; of a larger one, a
    random part is taken.

    Args:
        sizes: Rows of every source.
        weights: Of every source but the first.
        seed: Of the orders.

    Returns:
        Places in random order.
    """
    places = [(0, row) for row in range(sizes[0])]
    for source, weight in enumerate(weights, start=1):
        generator = np.random.default_rng([seed, source])
        wanted = round(weight * sizes[0])
        rounds = [generator.permutation(sizes[source]) for _ in range(-(-wanted // sizes[source]))]
        places += [(source, int(row)) for row in np.concatenate([[], *rounds])[:wanted]]
    order = np.random.default_rng([seed, 0]).permutation(len(places))
    return [places[place] for place in order]


def grouped_rows(sources: Sequence[Dataset], groups: Sequence[Sequence[tuple[int, int]]]) -> Dataset:
    """Present groups of places as a dataset whose items hold the rows under `ROWS`; nothing is decoded."""
    stored = [source.with_format("arrow") for source in sources]

    def fetch(items: dict[str, list]) -> dict[str, list]:
        rows = [[stored[source][row].to_pylist()[0] for source, row in group] for group in items["places"]]
        return {ROWS: rows}

    return Dataset.from_dict({"places": [list(map(list, group)) for group in groups]}).with_transform(fetch)


def packed_places(
    sources: Sequence[Dataset], places: Sequence[tuple[int, int]], encoder: SampleEncoder
) -> list[list[tuple[int, int]]]:
    """Pack places into groups of at most `encoder.max_length` tokens, in windows of `WINDOW` rows.

    Raises:
        RowError: if a row cannot be read and is not to be skipped.
    """
    stored = [source.with_format("arrow") for source in sources]
    groups = []
    for start in tqdm(range(0, len(places), WINDOW), desc="packing", unit="window", delay=2):
        window = places[start : start + WINDOW]
        rows = [stored[source][row].to_pylist()[0] for source, row in window]
        groups += [[window[place] for place in group] for group in pack_rows(rows, encoder)]
    return groups


def pack_rows(rows: Sequence[dict], encoder: SampleEncoder) -> list[list[int]]:
    """Pack rows by their tokens; those that cannot be read are left out under `skip`.

    Returns:
        The rows of every group, by their places in `rows`.

    Raises:
        RowError: as in `packed_places`.
    """
    kept, lengths = [], []
    for place, row in enumerate(rows):
        try:
            lengths.append(encoder.length(row))
            kept.append(place)
        except RowError as error:
            encoder.bad_rows.handle(error)
    return [[kept[place] for place in group] for group in pack(lengths, encoder.max_length)]


def stream(
    sources: Sequence[IterableDataset],
    weights: Sequence[float],
    seed: int,
    encoder: SampleEncoder | None = None,
) -> IterableDataset:
    """Go through sources without an end, mixed, and packed if asked for; nothing is decoded.

    Every source is gone through again and again, shuffled within windows of `WINDOW` rows, each window in an order of
    its own; the next source is drawn by weight. The state (`state_dict`) holds places alone: after a stop, the window
    at hand is read again, and the same rows follow that would have.

    Args:
        sources: As `load_dataset(…, streaming=True)` returns them.
        weights: Of every source but the first, in rows for each of its rows.
        seed: Of the orders.
        encoder: Packs groups of at most its `max_length` tokens; left out, a group is one row.

    Returns:
        A dataset without an end whose items hold rows under `ROWS`.
    """
    shuffled = [_shuffled(source.decode(False), str(place), [seed, place]) for place, source in enumerate(sources)]
    mixed = shuffled[0]
    if weights:
        shares = np.array([1.0, *weights]) / (1 + sum(weights))
        mixed = interleave_datasets(shuffled, shares.tolist(), seed, stopping_strategy="all_exhausted")
    columns = list(map(str, range(len(sources))))
    if encoder is None:
        return mixed.map(_ungrouped, batched=True, batch_size=WINDOW, remove_columns=columns)
    return mixed.map(_packed, batched=True, batch_size=WINDOW, remove_columns=columns, fn_kwargs={"encoder": encoder})


def _shuffled(source: IterableDataset, name: str, seed: list[int]) -> IterableDataset:
    """Repeat and shuffle a source; its rows become one column, so that sources of any columns can be interleaved."""

    def shuffle(columns: dict[str, list], indices: list[int]) -> dict[str, list]:
        # Indices go on counting when a source begins anew, so that every round has an order of its own.
        order = np.random.default_rng([*seed, indices[0]]).permutation(len(indices))
        return {name: [{column: values[place] for column, values in columns.items()} for place in order]}

    return source.repeat(None).map(
        shuffle,
        batched=True,
        batch_size=WINDOW,
        with_indices=True,
        remove_columns=source.column_names,
        # Given, because the library would infer them from the first rows, of which a column may be all null.
        features=Features({name: dict(source.features)}),
    )


def _rows(columns: dict[str, list]) -> list[dict]:
    """Return the rows of a window; each is in the column of its source."""
    return [row for values in zip(*columns.values(), strict=True) for row in values if row is not None]


def _ungrouped(columns: dict[str, list]) -> dict[str, list]:
    return {ROWS: [[row] for row in _rows(columns)]}


def _packed(columns: dict[str, list], encoder: SampleEncoder) -> dict[str, list]:
    rows = _rows(columns)
    return {ROWS: [[rows[place] for place in group] for group in pack_rows(rows, encoder)]}
