"""General data among the questions of GRPO (VST, section 3.3): prompts that can be checked, with pictures or frames.

A row has `messages`, perhaps `images` or `videos` of frames, `answer`, and `answer_type`: one of ours, or `ocr`, a
text that was read; and for multiple choice `options`. What its prompt holds of pictures is a reference, as for the
questions, and its reply is to have the same form.
"""

from collections.abc import Sequence

from datasets import Dataset
from PIL import Image

from dataset_builders.conversation import FORMAT
from dataset_builders.errors import InputError
from dataset_builders.general import COLUMNS, RowError, general_messages, row_name
from trl_recipes.arguments import Source
from trl_recipes.data import REWARD_COLUMNS
from trl_recipes.encoding import BadRows
from trl_recipes.mixing import load_general, mixed_places
from trl_recipes.rewards.rules import REWARDED_TYPES

MARK = "mix"
# A reward column of rows that have no such thing: no anchors, no marks, no scale, and no options or unit unless given.
NONE = {
    "options": [],
    "unit": "",
    "anchors": {"semantics": [], "scale_value": None, "scale_unit": None},
    "regions": [],
    "scale": None,
}


class GeneralPrompts:
    """The rows of one source of general data, as GRPO reads them."""

    def __init__(self, path: str, place: int, bad_rows: BadRows):
        """Load the train split.

        Args:
            path: Folder or Hub id.
            place: Number of the source, for the references to its pictures.
            bad_rows: What to do about rows that cannot be read; another gives its place to the next one.

        Raises:
            InputError: if it cannot be used, or a row says no answer or no type that can be rewarded.
        """
        rows = load_general(path)
        # As they are stored: the library would decode a row's pictures to tell its text.
        self._rows, self._place, self._bad_rows = rows.with_format("arrow"), place, bad_rows
        self._path, self._instead = path, {}
        fix = f"give answers, as text, and answer types of {', '.join(REWARDED_TYPES)}"
        for name in ("answer", "answer_type"):
            if name not in rows.column_names:
                raise InputError(path, "mix", f"has no column {name}", fix)
        for row, (answer, kind) in enumerate(zip(rows["answer"], rows["answer_type"], strict=True)):
            if kind not in REWARDED_TYPES or not isinstance(answer, str):
                raise InputError(path, "mix", f"row {row} has the answer {answer!r} of type {kind!r}", fix)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def __getitem__(self, row: int) -> dict:
        """Return `prompt` and the reward columns of a row, or of the next one that can be read.

        Raises:
            RowError: if it cannot be read, under `fail`.
            InputError: if none can be read.
        """
        if row not in self._instead:
            try:
                self._messages(row)
            except RowError as error:
                self._bad_rows.handle(error)
                self._instead[row] = self._next(row)
        return self._prompt(self._instead.get(row, row))

    def visual(self, row: int, kind: str, number: int) -> Image.Image | list[Image.Image]:
        """Return the picture, or the frames of the video, that a reference stands for.

        Raises:
            RowError: if it cannot be decoded.
        """
        parts = [part for message in self._messages(row) for part in message["content"] if part["type"] == kind]
        return parts[number][kind]

    def _record(self, row: int) -> dict:
        return self._rows[row].to_pylist()[0]

    def _messages(self, row: int) -> list[dict]:
        record = self._record(row)
        messages = general_messages(record)
        for part in (part for message in messages for part in message["content"]):
            if part["type"] == "video" and not isinstance(part["video"], list):
                raise RowError(row_name(record), COLUMNS["video"], "holds a file", "give the frames of a video")
        return messages

    def _next(self, row: int) -> int:
        for step in range(1, len(self)):
            other = (row + step) % len(self)
            try:
                self._messages(other)
            except RowError:
                continue
            return other
        raise InputError(self._path, "mix", "none of its rows can be read", "repair or remove them")

    def _prompt(self, row: int) -> dict:
        record = self._record(row)
        messages = general_messages(record, decode=False)
        if messages[-1]["role"] == "assistant":
            messages = messages[:-1]
        numbers = dict.fromkeys(COLUMNS, 0)
        for part in (part for message in messages for part in message["content"]):
            kind = part["type"]
            if kind in numbers:
                part[kind] = [f"{MARK}/{self._place}/{row}/{kind}/{numbers[kind]}"]
                numbers[kind] += 1
        messages[-1]["content"].append({"type": "text", "text": f"\n{FORMAT}"})
        given = {name: record[name] for name in REWARD_COLUMNS if record.get(name) is not None}
        return {"prompt": messages, **NONE, **given}


def mixed_prompts(prompts: Dataset, general: Sequence[GeneralPrompts], mix: Sequence[Source], seed: int) -> Dataset:
    """Present an epoch of questions and general data, see `mixed_places`, as a dataset of prompts and reward columns.

    Args:
        prompts: From `grpo_prompts`.
        general: The sources.
        mix: Their weights.
        seed: Of the order.
    """
    sources = [prompts, *general]
    places = mixed_places(list(map(len, sources)), [source.weight for source in mix], seed)

    def fetch(items: dict[str, list]) -> dict[str, list]:
        asked = list(zip(items["source"], items["row"], strict=True))
        # TRL reads a row once for every reply of its group.
        read = {place: sources[place[0]][place[1]] for place in dict.fromkeys(asked)}
        return {name: [read[place][name] for place in asked] for name in ("prompt", *REWARD_COLUMNS)}

    columns = {name: [place[number] for place in places] for number, name in enumerate(("source", "row"))}
    return Dataset.from_dict(columns).with_transform(fetch)
