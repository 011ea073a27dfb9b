import pytest
from huggingface_hub import ModelCard

from trl_recipes.model_card import write_model_card


def _stage(name, base, dataset, loss=0.25):
    final = {} if loss is None else {"loss": loss}
    return {"stage": name, "base_model": base, "dataset": dataset, "num_samples": 1234, "steps": 500, "final": final}


@pytest.mark.parametrize(
    ("base", "dataset", "ids"),
    [
        ("Qwen/Qwen2.5-VL-3B-Instruct", "someone/spacevista", ("Qwen/Qwen2.5-VL-3B-Instruct", ["someone/spacevista"])),
        ("assembled", "synthetic", (None, None)),
        (None, "synthetic", (None, None)),
    ],
)
def test_only_names_of_the_hub_are_metadata(base, dataset, ids, tmp_path):
    write_model_card(
        str(tmp_path / "README.md"), [_stage("sft", base, dataset), _stage("experts", "sft", dataset, None)]
    )
    card = ModelCard.load(tmp_path / "README.md")
    assert (card.data.base_model, card.data.datasets) == ids
    assert card.data.library_name == "transformers" and "experts" in card.data.tags
    assert f"| sft | {base or 'scratch'} | {dataset} | 1,234 | 500 | 0.25 |" in card.text
    assert f"| experts | sft | {dataset} | 1,234 | 500 |  |" in card.text
    assert "None" not in card.text


def test_a_stream_has_no_number_of_rows(tmp_path):
    write_model_card(str(tmp_path / "README.md"), [{**_stage("sft", None, "synthetic"), "num_samples": None}])
    assert "| sft | scratch | synthetic | a stream | 500 | 0.25 |" in ModelCard.load(tmp_path / "README.md").text
