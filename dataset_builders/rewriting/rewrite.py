"""Dataset folder → the same questions, ids and answers traceable, in the words of a model where these hold up."""

import asyncio
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from dataset_builders.card import write_card
from dataset_builders.chat.cache import ReplyCache
from dataset_builders.chat.client import ChatClient, ChatSettings, Reply, Usage
from dataset_builders.inspection.files import DatasetFiles, Group, read_group
from dataset_builders.rewriting.check import rejection
from dataset_builders.rewriting.prompt import Rewrite, chat_request, parse_rewrite
from dataset_builders.sieve import measure_shortcuts
from dataset_builders.staging import staged_folder

COLUMNS = ["id", "scene_id", "source", "question", "options", "answer", "unit", "anchors", "rationale", "provenance"]
CHANGED = ("id", "question", "rationale", "provenance")


@dataclass
class RewriteReport:
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


def rewrite_dataset(
    folder: Path | str, output: Path | str, settings: ChatSettings, cache: Path | str | None = None
) -> RewriteReport:
    """Have a model put the questions of a dataset folder in other words; the output appears complete or not at all.

    A row whose rewrite is kept gets a new id and the old one as `rewritten_from` in its provenance; all others, and
    everything but question and rationale, stay as they are.

    Args:
        folder: What a build wrote.
        output: New folder.
        settings: Of the server.
        cache: Folder of the replies, which a later run uses instead of asking again; beside `output` if None.

    Returns:
        What happened to the questions.

    Raises:
        InputError: if `folder` is not a dataset, `output` is taken, or the server cannot be used.
    """
    files = DatasetFiles.open(folder)
    target = Path(output).absolute()
    with staged_folder(output) as staging, ReplyCache(cache or target.with_name(f"{target.name}.replies")) as replies:
        report = asyncio.run(_rewrite_all(files, staging, settings, replies))
        _finish(files, staging, report)
    return report


async def _rewrite_all(files: DatasetFiles, staging: Path, settings: ChatSettings, cache: ReplyCache) -> RewriteReport:
    report, names = RewriteReport(settings.model), _scene_names(files)
    (staging / "questions").mkdir()
    total = sum(pq.read_metadata(path).num_rows for path in files.parts["questions"])
    with tqdm(total=total, desc="rewriting", unit="question", delay=1) as progress:
        async with ChatClient.open(settings, cache) as client:

            async def ask(rows: Sequence[dict]) -> list[Reply]:
                return await client.ask_all([chat_request(row, settings.model) for row in rows], progress.update)

            for path in files.parts["questions"]:
                judge = _Judge(settings.model, names, pq.read_table(path, columns=COLUMNS[1:4]).to_pylist(), report)
                await _rewrite_file(path, staging / "questions" / path.name, ask, judge)
            report.usage = client.usage
    return report


async def _rewrite_file(path: Path, target: Path, ask: Callable, judge: "_Judge") -> None:
    """Copy a file row group by row group, so that memory is bounded, with the texts that are kept."""
    with pq.ParquetWriter(target, pq.read_schema(path), compression="zstd") as writer:
        for number in range(pq.read_metadata(path).num_row_groups):
            table = read_group(Group(path, number))
            rows = table.select(COLUMNS).to_pylist()
            rows = [judge.decide(row, reply) for row, reply in zip(rows, await ask(rows), strict=True)]
            for name in CHANGED:
                place = table.schema.get_field_index(name)
                column = pa.array([row[name] for row in rows], table.schema.field(name).type)
                table = table.set_column(place, table.schema.field(name), column)
            writer.write_table(table)


class _Judge:
    """Decides in the order of the rows, whatever the order of the replies, and counts."""

    def __init__(self, model: str, names: dict[str, tuple[str, ...]], rows: Iterable[dict], report: RewriteReport):
        self._model, self._names, self._report = model, names, report
        # The questions of a scene are distinct, and stay so.
        self._taken = {_place(row, row["question"]) for row in rows}

    def decide(self, row: dict, reply: Reply) -> dict:
        """Return the row in new words, or as it is."""
        self._report.total += 1
        rewrite = None if reply.content is None else parse_rewrite(reply.content)
        reason = reply.failure or self._rejection(row, rewrite)
        if reason:
            self._report.rejected[reason] += 1
            return row
        self._taken.add(_place(row, rewrite.question))
        origin = {"rewritten_from": row["id"], "rewriter": self._model}
        return row | {
            "id": hashlib.sha256(json.dumps([row["id"], rewrite.question]).encode()).hexdigest()[:16],
            "question": rewrite.question,
            "rationale": rewrite.rationale,
            "provenance": json.dumps(json.loads(row["provenance"]) | origin, sort_keys=True),
        }

    def _rejection(self, row: dict, rewrite: Rewrite | None) -> str | None:
        if rewrite is None:
            return "reply is not the JSON asked for"
        reason = rejection(row, rewrite, self._names.get(row["scene_id"], ()))
        if reason is None and rewrite.question != row["question"] and _place(row, rewrite.question) in self._taken:
            return "question repeats another of the scene"
        return reason


def _place(row: dict, question: str) -> int:
    return hash((row["source"], row["scene_id"], question))


def _scene_names(files: DatasetFiles) -> dict[str, tuple[str, ...]]:
    """Return scene → categories of its objects; of scenes that share a name, those of all."""
    names: dict[str, set[str]] = {}
    for _, table in files.groups("scenes", ["scene_id", "objects.list.element.category"]):
        for row in table.to_pylist():
            names.setdefault(row["scene_id"], set()).update(box["category"] for box in row["objects"])
    return {scene_id: tuple(sorted(found)) for scene_id, found in names.items()}


def _finish(files: DatasetFiles, staging: Path, report: RewriteReport) -> None:
    (staging / "scenes").mkdir()
    for path in files.parts["scenes"]:
        shutil.copyfile(path, staging / "scenes" / path.name)
    quarantine = files.folder / "quarantine.jsonl"
    if quarantine.is_file():
        shutil.copyfile(quarantine, staging / quarantine.name)
    shortcuts = measure_shortcuts(sorted(staging.glob("questions/*.parquet")))
    content = files.report | {"shortcuts": shortcuts, "rewriting": report.to_json()}
    (staging / "build_report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    write_card(staging, content, _card_body(files.folder / "README.md", report))


def _card_body(card: Path, report: RewriteReport) -> str:
    """Return the card's text with a paragraph about the new words."""
    body = card.read_text(encoding="utf-8").partition("\n---\n")[2] if card.is_file() else ""
    return f"""{body}
## Model-written language

A language model, `{report.model}`, put {report.kept} of the {report.total} questions in other words and wrote their
rationales from the computed quantities. Answers, options and marks are as computed; a rewrite was kept only if it
ends in the computed answer and no number, name, colour, direction or comparison changed. `provenance` names the
`rewriter` and, as `rewritten_from`, the id of the original.
"""
