"""`--config`: its page, words and counts; the same seed, the same bytes; a default build is as before."""

import hashlib
import json
import re
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from dataset_builders.ask import ask
from dataset_builders.cli import main
from dataset_builders.conversation import SAYS_WHAT_TO_WRITE, prompt_text
from dataset_builders.errors import InputError
from dataset_builders.language import VST_TEMPLATES, wordings
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import RULES
from dataset_builders.taxonomy import TASK_NAMES
from dataset_builders.vst import CONFIGS, VST_RULES

PAGE = Path(__file__).parents[3] / "docs" / "vst.md"
COMMANDS = [
    block.replace("\\\n", " ").strip()
    for block in re.findall(r"```bash\n(python -m dataset_builders build .*?)```", PAGE.read_text("utf-8"), re.DOTALL)
]
SMALLER = {"--num-scenes 50": "--num-scenes 5 --max-per-scene 60 --frame-size 224x168"}


def run(command: str, folder: Path) -> Path:
    """Run a command of the page, smaller, and return where it wrote."""
    for long, short in SMALLER.items():
        command = command.replace(long, short)
    words = shlex.split(command)[3:]
    words[words.index("--output") + 1] = str(folder / words[words.index("--output") + 1])
    (folder / "build").mkdir(exist_ok=True)
    assert main(words) == 0
    return Path(words[words.index("--output") + 1])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_runs(command, tmp_path, capsys):
    output = run(command, tmp_path)
    report, text = json.loads((output / "build_report.json").read_text()), capsys.readouterr().out
    rows = load_dataset(str(output), split="train")
    skills = [json.loads(row["provenance"])["rule"] for row in rows]
    assert report["by_skill"] == {name: skills.count(name) for name in sorted(set(skills))}
    config = re.search("--config (\\S+)", command).group(1)
    wanted = ("vst.detection", "vst.grounding") if "--tasks" in command else [rule.name for rule in CONFIGS[config]]
    assert set(report["by_skill"]) == set(wanted)
    assert all(
        re.search(rf"^{re.escape(name)} +{count}$", text, re.MULTILINE) for name, count in report["by_skill"].items()
    )


def test_the_page_lists_every_skill():
    page = PAGE.read_text("utf-8")
    assert all(f"`{rule.name}`" in page for rules in CONFIGS.values() for rule in rules)


def test_what_rules_leave_out_is_counted_over_the_scenes_and_printed(tmp_path, capsys):
    asked = ["--source", "synthetic", "--config", "vst-r", "--tasks", "vst.object_direction", "vst.detection_pair"]
    asked += ["--num-scenes", "10", "--num-frames", "4", "--frame-size", "224x168"]
    assert main(["build", *asked, "--output", str(tmp_path / "built")]) == 0
    text, wanted = capsys.readouterr().out, Counter()
    source = SyntheticSource(10, 0, 4, (224, 168))
    for scene in map(source.load, source.refs()):
        for rule in (rule for rule in CONFIGS["vst-r"] if rule.name in asked and scene.scale in rule.scales):
            wanted.update({(rule.name, reason): count for reason, count in rule.left_out(scene).items()})
    wanted = +wanted
    report = json.loads((tmp_path / "built" / "build_report.json").read_text("utf-8"))["left_out"]
    assert {(rule, reason): count for rule, row in report.items() for reason, count in row.items()} == wanted
    assert len(report) == 2
    for (rule, reason), count in wanted.items():
        assert f"left out: {rule}: {reason}: {count}\n" in text


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_however_many_workers(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        run(f"{COMMANDS[0]} --num-proc {workers}", tmp_path / name)
    first, second = (digests(tmp_path / name) for name in ("one", "two"))
    assert first == second and len(first) > 5


def test_every_template_can_be_filled():
    for wording in wordings(VST_TEMPLATES).values():
        assert wording.task in TASK_NAMES and len(wording.questions) >= 6 and len(wording.rationales) >= 3
        for text in wording.questions:
            filled = text.format_map(wording.example)
            assert (filled[0].isupper() or filled[0].isdigit()) and filled[-1] in ".?:", filled
            assert not re.search(r"  | [.,?]|\{|\b(?!that|had)(\w+) \1\b", filled), filled
        for text in wording.rationales:
            assert text.format_map({**wording.example, "answer": "ANSWER"}).rstrip(".").endswith("ANSWER")


def test_the_default_build_has_none_of_these_rules():
    assert not {rule.name for rule in VST_RULES} & {rule.name for rule in RULES}
    assert BuildSettings().rules == list(RULES) and "config" not in BuildSettings().recorded("synthetic")
    assert BuildSettings(config="vst-p").recorded("synthetic")["config"] == "vst-p"


def test_an_unknown_config_or_skill_is_refused_in_one_line():
    with pytest.raises(InputError, match="--config: vst-q: is not a set of rules; use one of vst-p"):
        BuildSettings(config="vst-q")
    with pytest.raises(InputError, match="--tasks: vst.detection: is not a task with rules"):
        BuildSettings(tasks=("vst.detection",))
    assert [rule.name for rule in BuildSettings(config="vst-p", tasks=("vst.detection",)).rules] == ["vst.detection"]


def test_a_question_that_asks_for_json_or_sentences_is_not_told_to_be_short(by_hand):
    (scene, _), short = by_hand.rendered(), "Answer in a few words."
    for rule in VST_RULES:
        for question in ask(scene, [rule], seed=0, limit=30).questions:
            fact = question.fact
            row = {"question": question.text, "options": list(fact.options), "unit": fact.unit}
            row |= {"answer_type": fact.answer_type, "provenance": json.dumps({"template": question.template})}
            long = rule.name.startswith(("vst.detection", "vst.caption", "vst.depth_list"))
            long = long or "spelled" in question.template
            if fact.answer_type == "free_form":
                assert (short in prompt_text(row)) == (not long)


def test_rules_are_lazy_end_and_ask_nothing_twice(by_hand):
    for scale in ("indoor", "outdoor", "drone", "tabletop"):
        for scene in by_hand.rendered(scale, 1):
            for rule in VST_RULES:
                if scale in rule.scales:
                    facts = list(rule.generate(scene, np.random.default_rng(0)))
                    told = {
                        json.dumps([fact.wording, fact.answer, fact.words, str(fact.regions)], default=dict)
                        for fact in facts
                    }
                    assert len(told) == len(facts) and {fact.task for fact in facts} <= {rule.task}


def test_a_rationale_ends_its_sentence_unless_its_answer_is_json_or_a_list():
    for wording in wordings(VST_TEMPLATES).values():
        if not SAYS_WHAT_TO_WRITE.search(f'"template": "{wording.name}/0"'):
            assert all(text.endswith(".") for text in wording.rationales), wording.name
