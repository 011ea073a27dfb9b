import hashlib
import json
import re

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from PIL import Image

from dataset_builders.errors import InputError
from hub_cards import write_model_card
from hub_cards.model_folder import open_model


def test_metadata_and_model_index_are_what_the_hub_reads(model, results):
    data = ModelCard.load(write_model_card(model, results)).data.to_dict()
    assert (data["library_name"], data["pipeline_tag"]) == ("transformers", "image-text-to-text")
    assert (data["license"], data["datasets"]) == ("apache-2.0", ["dataset"])
    assert "base_model" not in data
    name, found = model_index_to_eval_results(data["model-index"])
    scores = json.loads((results / "results.json").read_text())
    expected = {name: values["model"] for name, values in scores["overall"].items()}
    expected |= {f"task {name}": values["model"] for name, values in scores["by_task"].items()}
    expected |= {f"scale {name}": values["model"] for name, values in scores["by_scale"].items()}
    assert name == "model"
    assert {result.metric_name: result.metric_value for result in found} == expected
    assert {(result.dataset_name, result.dataset_config, result.dataset_split) for result in found} == {
        ("dataset", "all", "test")
    }


def test_results_on_a_published_benchmark_name_its_repository_and_all_its_tasks(model, results):
    data = json.loads((results / "results.json").read_text())
    data |= {"benchmark": "vsi-bench", "dataset": "0123abcd"}
    data["settings"]["dataset_revision"] = "a" * 40
    data["by_task"]["a_task_of_theirs"] = data["by_task"]["object_counting"]
    (results / "results.json").write_text(json.dumps(data))
    _, found = model_index_to_eval_results(
        ModelCard.load(write_model_card(model, results)).data.to_dict()["model-index"]
    )
    assert {(one.dataset_type, one.dataset_name, one.dataset_config, one.dataset_revision) for one in found} == {
        ("nyu-visionx/VSI-Bench", "vsi-bench", None, "a" * 40)
    }
    assert "task a_task_of_theirs" in {one.metric_name for one in found}


def test_base_model_is_stated_if_it_is_a_repository(model):
    record = json.loads((model / "training.json").read_text())
    for base, expected in (("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen2.5-VL-7B-Instruct"), ("folder", None)):
        record["stages"][0]["base_model"] = base
        (model / "training.json").write_text(json.dumps(record))
        card = ModelCard.load(write_model_card(model))
        assert card.data.to_dict().get("base_model") == expected
        assert f"Started from `{base}`" in card.text
        assert "drawn at random" not in card.text


def test_parameters_are_counted_by_part(model):
    folder = open_model(model)
    assert dict(folder.parts()) == {
        "Scale experts": 64,
        "Routers": 16,
        "Dense encoder (DINOv3, frozen)": 16,
        "Fusion": 8,
        "Vision tower": 192,
        "Token embeddings and head": 400,
        "Language layers": 64,
    }
    assert folder.num_parameters == 760
    assert "| all | 760 | 100 % |" in write_model_card(model).read_text()


def test_table_shows_the_results_with_controls(model, results):
    text = write_model_card(model, results).read_text()
    row = "| depth estimation | 4 | 30.0 [26.0, 34.0] | 28.0 | 20.0 | +2.0 [−3.5, 7.5] | +10.0 [4.5, 15.5] |"
    assert row in text
    assert "| **macro** | 14 | 58.0 [54.0, 62.0] | 41.0 | 30.0 |" in text


def test_stages_come_with_their_hyper_parameters(model):
    text = write_model_card(model).read_text()
    assert "### Stage 1: sft" in text and "### Stage 2: grpo" in text
    assert "| learning_rate | 0.002 |" in text and "| loss | 0.075 |" in text
    assert "28 samples of `dataset`, 40 steps, 12 s." in text


def test_limits_follow_from_training_and_scores(model, results, dataset):
    text = write_model_card(model, results, dataset).read_text()
    limits = text[text.index("## Limits") :]
    assert "drawn at random and have seen nothing but `dataset`" in limits
    assert "synthetic, rendered from simple solids" in limits
    assert "No evidence that the video helps on depth estimation (+2.0 [−3.5, 7.5])" in limits
    assert "object counting (" not in limits
    assert "0 of 14 with the video, 3 without" in limits
    assert "| synthetic | Apache-2.0 | 20 | 56 |" in limits


def test_without_results_the_card_says_so(model):
    card = ModelCard.load(write_model_card(model))
    assert "model-index" not in card.data.to_dict()
    assert "This model has not been evaluated." in card.text


def test_card_has_no_placeholders_and_its_bytes_repeat(model, results, dataset, placeholder):
    first = write_model_card(model, results, dataset).read_bytes()
    assert not placeholder.search(first.decode())
    assert write_model_card(model, results, dataset).read_bytes() == first


def test_results_of_other_weights_are_refused(model, results):
    (model / "config.json").write_text(json.dumps({"architectures": ["Other"]}))
    with pytest.raises(InputError, match=r"results\.json: model_sha256: .*another model"):
        write_model_card(model, results)
    assert not (model / "README.md").exists()


def test_a_dataset_it_was_not_trained_on_is_refused(model, dataset):
    other = dataset.rename(dataset.with_name("other"))
    with pytest.raises(InputError, match="dataset: says dataset, not other"):
        write_model_card(model, dataset=other)


@pytest.mark.parametrize("missing", ["config.json", "training.json", "model.safetensors"])
def test_a_folder_that_is_no_model_is_refused(model, missing):
    (model / missing).unlink()
    with pytest.raises(InputError, match=missing):
        write_model_card(model)


@pytest.mark.parametrize("content", [b"", b"\xff" * 16, (10).to_bytes(8, "little") + b"not json!!"])
def test_weights_without_a_header_are_refused(model, content):
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="safetensors header"):
        open_model(model)


@pytest.mark.parametrize("name", ["split", "overall.micro", "unparsed", "by_task"])
def test_results_without_a_field_are_refused(model, results, name):
    data = json.loads((results / "results.json").read_text())
    *outer, last = name.split(".")
    (data[outer[0]] if outer else data).pop(last)
    (results / "results.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=f"results.json: {name}.*: is missing"):
        write_model_card(model, results)


def test_controls_are_shown_with_what_survives_them(model, results):
    text = write_model_card(model, results).read_text()
    assert "| blind | 14 | 61.2 | 40.0 | 65.3 % | −21.2 [−26.8, −15.8] |  |" in text


def test_files_and_rows_are_named_by_their_hashes(model, dataset):
    text = write_model_card(model, dataset=dataset).read_text()
    weights = model / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert f"| model.safetensors | {weights.stat().st_size:,} | `{digest}` |" in text
    assert re.search(r"The rows of `dataset` that it was trained on: SHA-256 `[0-9a-f]{64}`", text)


def test_the_results_lie_beside_the_card(model, results):
    write_model_card(model, results)
    assert (model / "results.json").read_bytes() == (results / "results.json").read_bytes()


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("Qwen/Qwen2.5-VL-3B-Instruct", "qwen-research-and-dinov3-license"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "apache-2.0-and-dinov3-license"),
        ("Qwen/Qwen2.5-VL-72B-Instruct", "qwen-and-dinov3-license"),
        ("someone/else", "terms-of-the-base-model-and-dinov3-license"),
    ],
)
def test_weights_come_under_the_terms_of_what_they_started_from(model, base, name):
    record = json.loads((model / "training.json").read_text())
    record["stages"][0]["base_model"] = base
    (model / "training.json").write_text(json.dumps(record))
    card = ModelCard.load(write_model_card(model))
    assert (card.data.license, card.data.license_name) == ("other", name)
    assert f"The weights: {name}." in card.text


def test_pictures_lie_beside_the_card(model, results):
    pytest.importorskip("matplotlib")
    text = write_model_card(model, results).read_text()
    found = re.findall(r"\]\((figures/[\w-]+\.svg)\)", text)
    assert found == ["figures/loss-1.svg", "figures/bars-task.svg", "figures/bars-scale.svg"]
    assert all((model / path).is_file() for path in found)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    pytest.importorskip("torch", reason="a real model needs torch")
    from modeling_spacevista import build_tiny_model

    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    model, processor = build_tiny_model(["How many chairs are there in this room?"])
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "training.json").write_text('{"stages": []}')
    return folder, model


def test_a_real_run_becomes_a_model_index(tiny_model, dataset, tmp_path):
    from evaluate_metrics.runner import RunArguments, run

    folder, _ = tiny_model
    arguments = {"model": str(folder), "dataset": str(dataset), "output": tmp_path / "run", "max_new_tokens": 4}
    results = run(RunArguments(**arguments))
    card = ModelCard.load(write_model_card(folder, tmp_path / "run"))
    _, found = model_index_to_eval_results(card.data.to_dict()["model-index"])
    expected = {name: figures["model"] for name, figures in results["overall"].items()}
    for group in ("task", "scale"):
        expected |= {f"{group} {name}": figures["model"] for name, figures in results[f"by_{group}"].items()}
    assert {one.metric_name: one.metric_value for one in found} == expected and len(expected) == 2 + 3 + 5


def test_parameter_counts_are_those_of_the_loaded_model(tiny_model):
    folder, model = tiny_model
    opened = open_model(folder)
    assert opened.num_parameters == sum(parameter.numel() for parameter in model.parameters())
    counts = dict(opened.parts())
    experts = sum(p.numel() for name, p in model.named_parameters() if "expert_" in name)
    dense = sum(p.numel() for p in model.model.dense_branch.parameters())
    assert counts["Scale experts"] == experts
    assert counts["Dense encoder (DINOv3, frozen)"] == dense
    assert set(counts) == {name for name, _ in opened.parts()} and len(counts) == 7


def test_the_code_on_the_card_runs(tiny_model, monkeypatch, capsys):
    folder, _ = tiny_model
    code = re.search(r"```python\n(.*?)```", write_model_card(folder).read_text(), re.DOTALL).group(1)
    (folder.parent / "frames").mkdir(exist_ok=True)
    for index in range(4):
        Image.new("RGB", (112, 84), (60 * index, 80, 90)).save(folder.parent / "frames" / f"{index}.jpg")
    monkeypatch.chdir(folder.parent)
    scope = {}
    exec(compile(code, "card", "exec"), scope)
    assert scope["inputs"]["pixel_values_videos"].shape[0] > 0
    assert scope["completion"].shape[0] == 1
    assert capsys.readouterr().out.endswith("\n")
