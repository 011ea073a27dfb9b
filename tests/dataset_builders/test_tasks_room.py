import re

import numpy as np
import pytest

from dataset_builders.ask import ask
from dataset_builders.scene import Scene
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.tasks.room import RULES
from evaluate_metrics.parsing import parse_measure


def room(area: float, **fields) -> Scene:
    return Scene("room", "vsi-meta", "none", "indoor", room_size=area, **fields)


@pytest.mark.parametrize(("area", "answer"), [(26.371, "26.4"), (0.5, "0.5"), (149.96, "150.0"), (0.4, None)])
def test_room_size_is_given_in_square_metres_with_one_decimal(area, answer):
    found = list(RULES[0].generate(room(area), np.random.default_rng(0)))
    assert [(fact.answer, fact.unit) for fact in found] == ([] if answer is None else [(answer, "m²")])


def test_a_room_is_asked_about_in_many_words_and_without_options():
    asked = ask(room(26.371), RULES, seed=0, limit=60).questions
    assert len({question.text for question in asked}) == 60
    assert {question.fact.answer_type for question in asked} == {"regression"}
    for question in asked:
        assert parse_measure(f"<answer>{question.fact.answer} {question.fact.unit}</answer>", "m²") == 26.4
        assert parse_measure(question.rationale.split()[-2] + " m²", "m²") == 26.4
        side = float(re.search(r"([\d.]+) m\b", question.rationale)[1])
        assert side**2 == pytest.approx(26.371, abs=0.06)


def test_only_metric_indoor_rooms_are_asked_about():
    assert RULES[0].scales == {"indoor"} and RULES[0].needs == {"room_size", "metric"}


def test_every_real_room_gives_its_published_size(real_data):
    source = VsiMetaSource(real_data("vsi_meta_info"))
    for ref in source.refs()[::12]:
        scene = source.load(ref)
        (fact,) = RULES[0].generate(scene, np.random.default_rng(0))
        assert float(fact.answer) == pytest.approx(scene.room_size, abs=0.0501)
