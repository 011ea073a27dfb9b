"""Conversations as rows: what each turn holds, what is counted, written, pruned and said to a model."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from dataset_builders import language, shards
from dataset_builders.answers import in_forms
from dataset_builders.ask import ask
from dataset_builders.build import build_dataset
from dataset_builders.conversation import completion_text, prompt_text, to_messages
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.inspection.overview import Overview
from dataset_builders.inspection.site import Site
from dataset_builders.items import read_items
from dataset_builders.language import Wording, say
from dataset_builders.question import Fact, Region
from dataset_builders.record import (
    LETTERS,
    QUESTION_FEATURES,
    TURN_FEATURES,
    LetterBalance,
    named,
    numbered,
    to_record,
)
from dataset_builders.report import BuildReport
from dataset_builders.rewriting.rewrite import Rewriter
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import Rule
from dataset_builders.taxonomy import SCALE_NAMES
from dataset_builders.turns import conversation_id, earlier_turns, transcript, turns_of, without_turns
from dataset_builders.writer import PartWriter, prune_part

CUP = SceneObject(1, "cup", np.zeros(3), np.ones(3), np.eye(3))
SCENE = Scene("desk", "test", "CC0-1.0", "tabletop", (CUP,))
RED, BLUE = (Region(frame, "point", colour, point=(1.0, 2.0)) for frame, colour in ((3, "red"), (1, "blue")))
ROW_ONLY = QUESTION_FEATURES.keys() - TURN_FEATURES.keys()


@pytest.fixture(autouse=True)
def plain_words(monkeypatch):
    """One template that says the one slot, and one that says it in two ways."""
    texts = {"plain": ("{text}",), "twice": ("{text}", "{text}!")}
    known = {name: Wording(name, "object_size", {}, texts[name], ("It is {answer}.",)) for name in texts}
    monkeypatch.setattr(language, "wordings", lambda *folder: known)


def fact(text: str, wording: str = "plain", **fields) -> Fact:
    kept = {"task": "object_size", "answer_type": "regression", "prompt_type": "point", "answer": "2", "unit": "cm"}
    return Fact("talk", **(kept | fields), words={"text": text}, wording=wording)


def choice(text: str, **fields) -> Fact:
    task = "position_comparison"
    return fact(text, task=task, answer_type="multiple_choice", answer="left", unit="", options=OPTIONS, **fields)


OPTIONS = ("left", "right", "ahead", "behind")
TALK = replace(fact("How high?", regions=(RED,)), then=(choice("Where?", regions=(BLUE, RED)), fact("How wide?")))


def row(spoken: Fact = TALK, letters: LetterBalance | None = None) -> dict:
    question = say(spoken, np.random.default_rng(0))
    return to_record(question, SCENE, letters or LetterBalance("desk"))


def rule(*facts: Fact) -> Rule:
    return Rule("talk", "object_size", frozenset(), frozenset(SCALE_NAMES), lambda scene, rng: iter(facts))


def texts(*facts: Fact, **settings) -> list[str]:
    return [question.transcript for question in ask(SCENE, [rule(*facts)], 0, 100, **settings).questions]


def test_a_row_holds_what_all_turns_share_once_and_the_rest_per_turn():
    record = row()
    assert record.keys() == QUESTION_FEATURES.keys()
    assert [turn.keys() for turn in record["turns"]] == [TURN_FEATURES.keys()] * 2
    assert [mark["colour"] for mark in record["regions"]] == ["red", "blue"] and record["key_frames"] == [1, 3]
    assert (record["question"], record["answer"], record["unit"]) == ("How high?", "2", "cm")
    where, wide = record["turns"]
    assert (where["question"], where["task"], sorted(where["options"])) == (
        "Where?",
        "position_comparison",
        sorted(OPTIONS),
    )
    assert where["options"][LETTERS.index(where["answer"])] == "left"
    assert [json.loads(one["provenance"])["template"] for one in (record, where, wide)] == ["plain/0"] * 3


def test_letters_balance_over_all_turns():
    talk = replace(choice("0?"), then=tuple(choice(f"{place}?") for place in range(1, 8)))
    found = [turn["answer"] for turn in turns_of(row(talk))]
    assert sorted(found) == sorted("ABCD" * 2)


def test_the_id_tells_conversations_apart_and_ordinary_questions_keep_theirs():
    alone = replace(TALK, then=())
    talks = [TALK, replace(TALK, then=TALK.then[:1]), replace(TALK, then=TALK.then[::-1]), alone]
    assert len({row(talk)["id"] for talk in talks}) == 4 and row()["id"] == row()["id"]


def test_each_turn_is_an_ordinary_record_with_the_frames_and_marks_of_the_row():
    record = row()
    turns = turns_of(record)
    assert [turn["id"] for turn in turns] == [record["id"], f"{record['id']}.1", f"{record['id']}.2"]
    for place, turn in enumerate(turns):
        own = record if place == 0 else record["turns"][place - 1]
        assert all(turn[name] == own[name] for name in TURN_FEATURES)
        assert all(turn[name] == record[name] for name in ROW_ONLY - {"id", "turns"}) and turn["turns"] == []
        before = [{name: one[name] for name in TURN_FEATURES} for one in turns[:place]]
        assert turn["earlier"] == before and conversation_id(turn) == record["id"]
        assert earlier_turns(turn) == turns[:place]
        assert turns_of(turn) == [turn]
    alone = row(replace(TALK, then=()))
    assert turns_of(alone) == [alone] and earlier_turns(alone) == [] and conversation_id(alone) == alone["id"]


def test_a_turn_says_what_it_says_and_no_two_say_the_same():
    assert texts(replace(fact("x", "twice"), then=(fact("x", "twice"),)))[0] in ("x\nx!", "x!\nx")
    assert texts(replace(fact("x"), then=(fact("x"),))) == []
    assert texts(replace(fact("x"), then=(fact("y"), fact("y")))) == []


def test_conversations_may_begin_alike_and_are_held_once():
    talks = [replace(fact("x"), then=(fact(name),)) for name in "ab"]
    assert texts(*talks, fact("x"), talks[0]) == ["x\na", "x\nb", "x"]
    assert texts(replace(fact("x", "twice"), then=(fact("a"),))) in (["x\na"], ["x!\na"])
    assert len(texts(fact("x", "twice"))) == 2


@given(st.integers(0, 2**32 - 1))
def test_a_conversation_is_asked_as_it_was_computed(seed):
    talks = [replace(fact(f"{n}", answer=f"{10 + 3 * n}"), then=(fact("y"),)) for n in range(8)]
    talks.append(replace(choice("z", open_ended=True), then=(fact("y"),)))
    assert all(form is spoken for spoken, form in in_forms(talks, np.random.default_rng(seed)))


def test_labels_are_names_or_numbers_in_every_turn():
    record = row()
    assert named(numbered(record, QUESTION_FEATURES), QUESTION_FEATURES) == record
    turn = numbered(record, QUESTION_FEATURES)["turns"][0]
    assert (turn["task"], turn["answer_type"]) == (
        TURN_FEATURES["task"].str2int("position_comparison"),
        TURN_FEATURES["answer_type"].str2int("multiple_choice"),
    )


def test_the_frames_are_shown_once_and_every_turn_is_asked_in_full():
    record = row()
    turns = turns_of(record)
    messages = to_messages(record, ["frame"], with_completion=True)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3
    kinds = [[part["type"] for part in message["content"]] for message in messages]
    assert kinds == [["video", "text"], *[["text"]] * 5]
    said = [message["content"][-1]["text"] for message in messages]
    assert said == [text for turn in turns for text in (prompt_text(turn), completion_text(turn))]
    # Each turn is asked behind what training shows before it, and the first as if nothing followed.
    for place, turn in enumerate(turns):
        assert to_messages(turn, ["frame"]) == messages[: 2 * place + 1]
        assert to_messages(turn, ["frame"], with_completion=True) == messages[: 2 * place + 2]
    assert to_messages(record, ["frame"]) == messages[:1]


def test_a_turn_can_follow_other_replies_than_the_right_ones():
    turn = turns_of(row())[2]
    messages = to_messages(turn, None, replies=["one", "two"])
    assert [message["content"][0]["text"] for message in messages[1::2]] == ["one", "two"]
    assert [message["content"][0]["text"] for message in messages[::2]] == [
        prompt_text(one) for one in (*earlier_turns(turn), turn)
    ]
    with pytest.raises(ValueError, match="shorter|longer"):
        to_messages(turn, None, replies=["one"])


@given(st.sets(st.integers(0, 2)))
def test_turns_can_be_taken_out(dropped):
    record = row()
    ids = [turn["id"] for turn in turns_of(record)]
    left = without_turns(record, {ids[place] for place in dropped})
    kept = [turn["question"] for place, turn in enumerate(turns_of(record)) if place not in dropped]
    assert (left is None) == (not kept)
    if kept:
        assert [turn["question"] for turn in turns_of(left)] == kept and left.keys() == record.keys()
        assert (left is record) == (not dropped) and (left["id"] == record["id"]) == (not dropped)


def test_a_finished_part_is_pruned_turn_by_turn_and_not_twice(tmp_path):
    talk, alone = row(), row(fact("How long?"))
    path = tmp_path / "test.part"
    with PartWriter(path, QUESTION_FEATURES, 10) as part:
        part.write(talk)
        part.write(alone)
    keys = {talk["id"], f"{talk['id']}.2", "elsewhere"}
    left = prune_part(path, keys)
    assert [transcript(one) for one in left] == ["Where?", "How long?"]
    assert left == pq.read_table(path).to_pylist() == prune_part(path, keys)
    assert prune_part(path, {left[0]["id"], left[1]["id"]}) == []


def test_a_rewriter_leaves_conversations_as_they_are():
    rewriter = Rewriter("model", {})
    assert rewriter.refusal(row()) == "not asked: a conversation of several turns"
    assert rewriter.refusal(row(fact("How long?"))) is None


def test_every_turn_is_seen_by_the_guessers(tmp_path):
    talk = row()
    with PartWriter(tmp_path / "test.part", QUESTION_FEATURES, 10) as part:
        part.write(talk)
    items = read_items([tmp_path / "test.part"])
    assert [(item.key, item.task, item.text, item.answer, item.options) for item in items] == [
        (talk["id"], "object_size", "How high?", "2", ()),
        (f"{talk['id']}.1", "position_comparison", "Where?", "left", tuple(talk["turns"][0]["options"])),
        (f"{talk['id']}.2", "object_size", "How wide?", "2", ()),
    ]


def test_a_build_counts_rows_turns_and_the_letters_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(BuildSettings, "rules", [rule(TALK, fact("Alone?"))])
    monkeypatch.setattr(shards, "frame_hashes", lambda scene: [])
    build_dataset(SyntheticSource(5, 0, rendered=False), tmp_path / "talks", BuildSettings())
    report = json.loads((tmp_path / "talks" / "build_report.json").read_text())
    assert (report["num_questions"], report["repeated"]) == (10, 0)
    assert report["conversations"] == {"talk": {"3": 5}} and sum(report["letters"]["4"].values()) == 5
    text = BuildReport.from_json(report).text()
    assert "5 of the questions begin conversations, of 15 turns in all" in text
    assert (
        "5 of the questions begin conversations, of 15 turns in all" in (tmp_path / "talks" / "README.md").read_text()
    )
    overview = Overview.read(DatasetFiles.open(tmp_path / "talks"))
    letters = {letter: count for (number, letter), count in overview.statistics.letters.items() if number == 4}
    assert letters == report["letters"]["4"]
    assert overview.statistics.answer_types == {
        ("object_size", "regression"): 15,
        ("position_comparison", "multiple_choice"): 5,
    }
    site = Site(overview)
    assert '<tr data-talk="talk 3">' in site.page("").content.decode()
    page = site.page("scene/0.html").content.decode()
    assert re.findall(r"turn (\d) · ([a-z ]+) · ([a-z ]+)", page) == [
        ("2", "position comparison", "multiple choice"),
        ("3", "object size", "regression"),
    ]
    assert page.count("How wide?") == 1 and re.search(r'class="right">[A-D]. left', page)
    rows = load_dataset(str(tmp_path / "talks"), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.features == QUESTION_FEATURES
    named_alike = {"data_dir": str(tmp_path / "talks"), "split": "train", "cache_dir": str(tmp_path / "cache")}
    assert load_dataset("spacevista-1m", **named_alike).to_list() == rows.to_list()
    assert list(load_dataset("spacevista-1m", **named_alike, streaming=True)) == rows.to_list()
    for one in rows:
        assert len(turns_of(one)) == (3 if one["question"] == "How high?" else 1)
        assert to_messages(one, None, with_completion=True) == to_messages(
            named(one, QUESTION_FEATURES), None, with_completion=True
        )
