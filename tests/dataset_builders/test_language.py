import re

import numpy as np
import pytest

from dataset_builders.language import VST_TEMPLATES, expand, say, wordings
from dataset_builders.pager import pages
from dataset_builders.question import Fact
from dataset_builders.tasks import RULES
from dataset_builders.taxonomy import TASK_NAMES

UNITS = re.compile(r"\b(mm|cm|km|met(er|re)s?|millimet|centimet|kilomet|square met)")
FACT = Fact("vsi.object_size", "object_size", "regression", "text", "62", {"thing": "lamp", "sides": "62 x 9 x 9 cm"})


def slots(template: str) -> set[str]:
    return set(re.findall(r"\{([^}]*)\}", template))


@pytest.mark.parametrize(
    ("grammar", "texts"),
    [
        ("plain (not a choice) text", ["plain (not a choice) text"]),
        ("(a|b) (c|d)", ["a c", "a d", "b c", "b d"]),
        ("(How far|At (what|which) distance)( now|)?", [
            "How far now?", "How far?", "At what distance now?", "At what distance?",
            "At which distance now?", "At which distance?",
        ]),
        ("{a} (or|) {b}", ["{a} or {b}", "{a} {b}"]),
    ],
)  # fmt: skip
def test_a_grammar_stands_for_all_its_alternatives(grammar, texts):
    assert expand(grammar) == texts


def test_there_are_three_thousand_templates_and_the_pager_ends_with_their_number():
    lines, known = list(pages()), [*wordings().values(), *wordings(VST_TEMPLATES).values()]
    assert int(lines[-1]) == len({text for one in known for text in one.questions}) >= 3000
    assert {f"# {one.task}: {one.name} ({len(one.questions)} questions)" for one in known} <= set(lines)


@pytest.mark.parametrize("name", sorted(wordings()))
def test_every_template_can_be_filled_and_reads_as_english(name):
    wording = wordings()[name]
    assert wording.task in TASK_NAMES
    used = set().union(*(slots(text) for text in (*wording.questions, *wording.rationales)))
    assert used - {"answer"} <= set(wording.example)
    for text in wording.questions:
        filled = text.format_map(wording.example)
        assert filled[0].isupper() or filled[0].isdigit(), filled
        assert filled[-1] in ".?:!)", filled
        assert "  " not in filled and " ." not in filled and " ?" not in filled and " ," not in filled, filled
        assert not re.search(r"\b(?!that|had|x|y)(\w+) \1\b", filled), filled
        assert not UNITS.search(text), f"the unit gives the scale away: {text}"
    for text in wording.rationales:
        assert text.rstrip(".").endswith("{answer}"), text


def test_every_rule_has_words():
    known = wordings()
    assert all(any(name == rule.name or name.startswith(rule.name.split(".")[0]) for name in known) for rule in RULES)


def test_a_fact_is_put_in_words_that_are_not_taken_until_there_are_none():
    rng, taken = np.random.default_rng(0), set()
    while (question := say(FACT, rng, taken, most=7)) is not None:
        assert question.text not in taken and "lamp" in question.text and question.rationale.endswith("62.")
        taken.add(question.text)
    assert len(taken) == 7
