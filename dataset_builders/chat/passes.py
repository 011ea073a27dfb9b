"""A pass over a dataset folder: every row is asked about, and where the reply holds up it gets new words."""

import asyncio
import hashlib
import json
import shutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from dataset_builders.card import write_card
from dataset_builders.chat.cache import ReplyCache
from dataset_builders.chat.client import ChatClient, ChatSettings, Reply, Usage
from dataset_builders.chat.replies import Words
from dataset_builders.inspection.files import DatasetFiles, Group, read_group
from dataset_builders.sieve import measure_shortcuts
from dataset_builders.staging import staged_folder

CHANGED = ("id", "question", "rationale", "provenance")


class Author(ABC):
    """What is asked about a row, and whether the reply may replace its words.

    Attributes:
        model: That writes.
        name: Of the pass, its key in build_report.json.
        verb: What the progress bar says.
        origin: Keys in `provenance` of the id of the original row and of the model.
    """

    name: str
    verb: str
    origin: tuple[str, str]

    def __init__(self, model: str):
        """Take the name of the model on the server."""
        self.model = model

    @abstractmethod
    def refusal(self, row: Mapping) -> str | None:
        """Return why nothing is asked about a row, or None."""

    @abstractmethod
    def request(self, row: Mapping) -> dict:
        """Return the body of the request: it alone decides the reply, as far as the server allows."""

    @abstractmethod
    def read(self, row: Mapping, content: str) -> Words | str:
        """Return what a reply says, or why it is not kept."""

    @abstractmethod
    def paragraph(self, report: "PassReport") -> str:
        """Return what the card of the dataset says about the pass."""


@dataclass
class PassReport:
    """What a pass did.

    Attributes:
        model: That wrote.
        total: Questions.
        rejected: Reason → questions that stay as they were.
        usage: Of the server; not part of the dataset.
    """

    model: str
    total: int = 0
    rejected: Counter = field(default_factory=Counter)
    usage: Usage = field(default_factory=Usage)

    @property
    def kept(self) -> int:
        """Questions in new words."""
        return self.total - self.rejected.total()

    def to_json(self) -> dict:
        """Return what build_report.json holds: nothing that depends on when or how often the server was asked."""
        return {"model": self.model, "kept": self.kept, "rejected": dict(sorted(self.rejected.items()))}

    def text(self, price_in: float | None = None, price_out: float | None = None) -> str:
        """Lay out the counts.

        Args:
            price_in: Of a million tokens of prompts; None if unknown.
            price_out: Of a million tokens of replies; None if unknown.
        """
        usage = self.usage
        lines = [
            f"requests: {usage.requests} ({usage.retries} of them retries), replies from the cache: {usage.cached}",
            f"tokens: {usage.tokens_in} in, {usage.tokens_out} out",
        ]
        if price_in is not None or price_out is not None:
            cost = (usage.tokens_in * (price_in or 0) + usage.tokens_out * (price_out or 0)) / 1e6
            lines.append(f"cost: {cost:.4f}")
        lines.append(f"kept: {self.kept} of {self.total} ({self.kept / max(self.total, 1):.1%})")
        lines += [f"rejected: {count} ({reason})" for reason, count in sorted(self.rejected.items())]
        return "\n".join(lines)


def run_pass(
    files: DatasetFiles, output: Path | str, author: Author, settings: ChatSettings, cache: Path | str | None = None
) -> PassReport:
    """Ask about every question of a dataset folder; the output appears complete or not at all.

    A row whose reply is kept gets a new id, and the old one and the model in its provenance; all others, and
    everything but question and rationale, stay as they are.

    Args:
        files: What a build wrote.
        output: New folder.
        author: Asks and judges.
        settings: Of the server.
        cache: Folder of the replies, which a later run uses instead of asking again; beside `output` if None.

    Returns:
        What happened to the questions.

    Raises:
        InputError: if `output` is taken, or the server cannot be used.
    """
    target = Path(output).absolute()
    with staged_folder(output) as staging, ReplyCache(cache or target.with_name(f"{target.name}.replies")) as replies:
        report = asyncio.run(_ask_about_all(files, staging, author, settings, replies))
        _finish(files, staging, author, report)
    return report


async def _ask_about_all(
    files: DatasetFiles, staging: Path, author: Author, settings: ChatSettings, cache: ReplyCache
) -> PassReport:
    report = PassReport(author.model)
    (staging / "questions").mkdir()
    total = sum(pq.read_metadata(path).num_rows for path in files.parts["questions"])
    with tqdm(total=total, desc=author.verb, unit="question", delay=1) as progress:
        async with ChatClient.open(settings, cache) as client:

            async def ask(rows: Sequence[dict], num_left_out: int) -> list[Reply]:
                progress.update(num_left_out)
                return await client.ask_all(_Requests(author, rows), progress.update)

            for path in files.parts["questions"]:
                places = pq.read_table(path, columns=["source", "scene_id", "question"]).to_pylist()
                await _copy_file(path, staging / "questions" / path.name, ask, _Judge(author, places, report))
            report.usage = client.usage
    return report


class _Requests(Sequence):
    """Requests that are made when they are sent, so that no more than those under way are in memory."""

    def __init__(self, author: Author, rows: Sequence[dict]):
        self._author, self._rows = author, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict:
        return self._author.request(self._rows[index])


async def _copy_file(path: Path, target: Path, ask: Callable, judge: "_Judge") -> None:
    """Copy a file row group by row group, so that memory is bounded, with the texts that are kept."""
    with pq.ParquetWriter(target, pq.read_schema(path), compression="zstd") as writer:
        for number in range(pq.read_metadata(path).num_row_groups):
            table = read_group(Group(path, number))
            # A row tells which scene is its own only with its split.
            rows = [row | {"split": Group(path, number).split} for row in table.to_pylist()]
            rows = await judge.decide_all(rows, ask)
            for name in CHANGED:
                place = table.schema.get_field_index(name)
                column = pa.array([row[name] for row in rows], table.schema.field(name).type)
                table = table.set_column(place, table.schema.field(name), column)
            writer.write_table(table)


class _Judge:
    """Decides in the order of the rows, whatever the order of the replies, and counts."""

    def __init__(self, author: Author, rows: Iterable[dict], report: PassReport):
        self._author, self._report = author, report
        # The questions of a scene are distinct, and stay so.
        self._taken = {_place(row, row["question"]) for row in rows}

    async def decide_all(self, rows: Sequence[dict], ask: Callable) -> list[dict]:
        refusals = [self._author.refusal(row) for row in rows]
        asked = [row for row, refusal in zip(rows, refusals, strict=True) if refusal is None]
        replies = iter(await ask(asked, len(rows) - len(asked)))
        given = [next(replies) if refusal is None else Reply(failure=refusal) for refusal in refusals]
        return [self._decide(row, reply) for row, reply in zip(rows, given, strict=True)]

    def _decide(self, row: dict, reply: Reply) -> dict:
        """Return the row in new words, or as it is."""
        self._report.total += 1
        words = reply.failure or self._author.read(row, reply.content)
        if isinstance(words, Words) and words.question != row["question"]:
            place = _place(row, words.question)
            words = "question repeats another of the scene" if place in self._taken else words
            self._taken.add(place)
        if isinstance(words, str):
            self._report.rejected[words] += 1
            return row
        origin = dict(zip(self._author.origin, (row["id"], self._author.model), strict=True))
        return row | {
            "id": hashlib.sha256(json.dumps([row["id"], words.question]).encode()).hexdigest()[:16],
            "question": words.question,
            "rationale": words.rationale,
            "provenance": json.dumps(json.loads(row["provenance"]) | origin, sort_keys=True),
        }


def _place(row: dict, question: str) -> int:
    return hash((row["source"], row["scene_id"], question))


def _finish(files: DatasetFiles, staging: Path, author: Author, report: PassReport) -> None:
    (staging / "scenes").mkdir()
    for path in files.parts["scenes"]:
        shutil.copyfile(path, staging / "scenes" / path.name)
    quarantine = files.folder / "quarantine.jsonl"
    if quarantine.is_file():
        shutil.copyfile(quarantine, staging / quarantine.name)
    shortcuts = measure_shortcuts(sorted(staging.glob("questions/*.parquet")))
    content = files.report | {"shortcuts": shortcuts, author.name: report.to_json()}
    (staging / "build_report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    card = files.folder / "README.md"
    body = card.read_text(encoding="utf-8").partition("\n---\n")[2] if card.is_file() else ""
    write_card(staging, content, f"{body}\n{author.paragraph(report)}")
