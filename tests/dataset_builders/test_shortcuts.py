import numpy as np
import pytest

from dataset_builders.debias import questions_to_drop
from dataset_builders.shortcuts import Item, measure


def choice(number: int, text: str, options, answer) -> Item:
    scene = f"scene {number // 4}"
    return Item(str(number), scene, "size_comparison", "r", text, tuple(options), answer, "", "")


def number(index: int, category: str, answer: float) -> Item:
    return Item(str(index), f"scene {index // 4}", "object_size", "r", "How long?", (), f"{answer:.1f}", "m", category)


def fair(count: int, seed: int = 0) -> list[Item]:
    rng = np.random.default_rng(seed)
    pairs = [("red", "blue"), ("green", "yellow")]
    drawn = [pairs[index] for index in rng.integers(2, size=count)]
    return [choice(i, "Which one is larger?", pair, pair[rng.integers(2)]) for i, pair in enumerate(drawn)]


def biased(count: int, share: float = 0.9) -> list[Item]:
    """Which is larger is settled by the names in this share of the questions."""
    rng = np.random.default_rng(1)
    items = []
    for place in range(count):
        asked = "larger" if rng.random() < 0.5 else "smaller"
        usual, other = ("truck", "cup") if asked == "larger" else ("cup", "truck")
        answer = usual if rng.random() < share else other
        items.append(choice(place, f"Which one is {asked}, the truck or the cup?", ("truck", "cup"), answer))
    return items


def test_fair_choices_have_no_shortcut():
    strength = measure(fair(2000))["choices"]["size_comparison"]
    assert strength.chance == 50 and abs(strength.plain - 50) < 3 and abs(strength.prior - 50) < 3


def test_words_that_give_the_answer_away_are_found_by_the_prior_and_not_by_the_majority():
    strength = measure(biased(2000))["choices"]["size_comparison"]
    assert strength.chance == 50 and abs(strength.plain - 50) < 4
    assert strength.prior == pytest.approx(90, abs=2)
    assert strength.shortcut == pytest.approx(strength.prior - strength.chance) and 0 < strength.error < 1
    assert strength.to_json() == {name: round(value, 1) for name, value in vars(strength).items()}


def test_the_better_of_two_guessers_is_not_the_luckier_one():
    """Words that tell nothing set the guessers apart: on each set one of the two is luckier, and none is better."""
    rng, strengths = np.random.default_rng(0), []
    for _ in range(40):
        words, answers = rng.choice(["larger", "heavier", "nearer", "higher"], 200), rng.choice(["red", "blue"], 200)
        pairs = zip(words, answers, strict=True)
        items = [
            choice(place, f"Which is {word}?", ("red", "blue"), answer) for place, (word, answer) in enumerate(pairs)
        ]
        strengths.append(measure(items)["choices"]["size_comparison"])
    lucky = [max(one.plain, one.prior) - one.chance for one in strengths]
    error = np.mean([one.error for one in strengths]) / len(strengths) ** 0.5
    assert np.mean(lucky) > 2 * error and abs(np.mean([one.shortcut for one in strengths])) < 2 * error


def test_the_error_counts_scenes_and_not_questions():
    """Four questions of each scene that are all right or all wrong tell no more than one of them."""
    answers = np.random.default_rng(0).choice(["red", "blue"], 400)
    apart = [choice(4 * i, "Which?", ("red", "blue"), answer) for i, answer in enumerate(answers)]
    alike = [
        choice(4 * i + j, "Which?", ("red", "blue"), answer) for i, answer in enumerate(answers) for j in range(4)
    ]
    one, four = (measure(items)["choices"]["size_comparison"] for items in (apart, alike))
    assert four.questions == 4 * one.questions
    assert one.error == pytest.approx(100 * 0.5 / one.questions**0.5, rel=0.01) == four.error


def test_a_number_that_is_usual_is_found_by_the_majority_whatever_its_rank():
    """Twelve is mostly right, beside smaller and larger ones alike."""
    rng, items = np.random.default_rng(0), []
    for place in range(600):
        other = ("8 cm", "17 cm")[rng.integers(2)]
        items.append(choice(place, "How long?", ("12 cm", other), "12 cm" if rng.random() < 0.8 else other))
    assert measure(items)["choices"]["size_comparison"].plain == pytest.approx(80, abs=3)


def test_a_number_in_the_question_that_gives_the_answer_away_is_found_by_the_prior():
    rng, items = np.random.default_rng(0), []
    for place in range(1000):
        size = rng.uniform(1, 30)
        answer = "yes" if (size < 10) == (rng.random() < 0.9) else "no"
        items.append(choice(place, f"Is it more than {size:.1f} times as large?", ("yes", "no"), answer))
    assert measure(items)["choices"]["size_comparison"].prior == pytest.approx(87, abs=4)


def test_an_option_that_is_often_right_is_found_by_the_majority():
    items = [choice(i, "Is it free?", ("yes", "no"), "yes" if i % 4 else "no") for i in range(800)]
    assert measure(items)["choices"]["size_comparison"].plain == pytest.approx(75, abs=1)


def test_numbers_count_by_their_rank_so_that_a_true_middle_is_found():
    rng, items = np.random.default_rng(0), []
    for place in range(600):
        truth = rng.uniform(1, 9)
        options = [f"{truth * share:.1f} m" for share in (0.8, 1.0, 1.25)]
        items.append(choice(place, "How long is it?", rng.permutation(options).tolist(), options[1]))
    strength = measure(items)["choices"]["size_comparison"]
    assert strength.plain == 100 and strength.chance == pytest.approx(100 / 3)


def test_a_category_tells_a_size_and_the_median_of_all_does_not():
    rng = np.random.default_rng(0)
    kinds = {"cup": 0.1, "car": 4.2, "house": 11.0}
    names = rng.choice(list(kinds), 900)
    items = [number(i, name, kinds[name] * rng.uniform(0.97, 1.03)) for i, name in enumerate(names)]
    strength = measure(items)["numbers"]["object_size"]
    assert strength.prior > 95 and strength.plain < 45 and strength.chance < 45


def test_pruning_brings_a_shortcut_to_chance_and_leaves_fair_questions_alone():
    items = biased(2000, share=0.7)
    gone = questions_to_drop(items)
    kept = [item for item in items if item.key not in gone]
    assert measure(items)["choices"]["size_comparison"].prior == pytest.approx(70, abs=2)
    assert abs(measure(kept)["choices"]["size_comparison"].prior - 50) < 4
    assert len(questions_to_drop(fair(2000))) < 120


def test_at_most_half_of_a_task_is_pruned():
    assert len(questions_to_drop(biased(1000, share=1.0))) == 500


def test_pruning_is_the_same_each_time():
    assert questions_to_drop(biased(400)) == questions_to_drop(biased(400))
