import json
import pickle
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import evaluate_metrics.metrics
from dataset_builders.errors import InputError
from hub_cards import write_dataset_card, write_model_card
from hub_cards.__main__ import main
from hub_cards.publishing import planned, require_token
from hub_cards.purposes import purpose_of

METRICS = Path(evaluate_metrics.metrics.__file__).parent


@pytest.fixture
def carded(model, results, dataset):
    write_dataset_card(dataset)
    write_model_card(model, results, dataset)
    return {"model": model, "dataset": dataset, "metric": METRICS / "blink"}


@pytest.fixture
def space(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "README.md").write_text("---\ntitle: Page\nsdk: gradio\nlicense: apache-2.0\n---\n\n# Page\n")
    (folder / "app.py").write_text("import gradio\n")
    return folder


def refused(kind: str, folder: Path, match: str) -> None:
    with pytest.raises(InputError, match=match), planned(kind, folder):
        pass


@pytest.mark.parametrize("kind", ["model", "dataset", "metric"])
def test_a_dry_run_lists_every_file_with_its_size_and_the_metadata(carded, kind, capsys, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["publish", kind, str(carded[kind]), "--repo-id", "ada/thing", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    repo_type = "space" if kind == "metric" else kind
    assert lines[0] == f"{kind} → {repo_type} ada/thing"
    if kind != "metric":
        listed = {line.split()[0]: int(line.split()[1].replace(",", "")) for line in lines[2 : lines.index("", 2) - 1]}
        files = [path for path in carded[kind].rglob("*") if path.is_file()]
        assert listed == {path.relative_to(carded[kind]).as_posix(): path.stat().st_size for path in files}
    assert any(line.startswith("license: apache-2.0") for line in lines)
    assert lines[-1] == "nothing was sent (--dry-run)"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_space_is_listed(space, capsys):
    assert main(["publish", "space", str(space), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("space → space page\n")


def test_working_files_stay_and_are_named(carded, capsys):
    model = carded["model"]
    (model / "checkpoint-10").mkdir()
    (model / "checkpoint-10" / "optimizer.pt").write_bytes(pickle.dumps([]))
    (model / "trainer_state.json").write_text("{}")
    with planned("model", model) as plan:
        assert plan.left_out == ("checkpoint-10/optimizer.pt", "trainer_state.json")
        assert "left out: trainer_state.json" in plan.text()


def test_the_same_files_give_the_same_tag_and_others_another(carded):
    def revision():
        with planned("model", carded["model"]) as plan:
            return plan.revision()

    first = revision()
    assert revision() == first
    (carded["model"] / "NOTICE").write_text("x")
    assert revision() != first


@pytest.mark.parametrize("name", ["a/b/c", "a b", "a--b", "-a", "ada/", "datasets/a/b", "x" * 97, "a.git", ""])
def test_a_repo_id_of_the_wrong_form_is_one_line(carded, name, capsys):
    assert main(["publish", "model", str(carded["model"]), f"--repo-id={name}", "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --repo-id: ") and error.endswith("give owner/name\n") and error.count("\n") == 1


def test_without_a_token_one_line_says_how_to_log_in():
    with pytest.raises(InputError, match="log in with `hf auth login`, or set HF_TOKEN"):
        require_token(lambda: None)


@pytest.mark.parametrize("kind", ["model", "dataset", "metric", "space"])
def test_a_folder_that_is_nothing_of_the_kind_is_refused(tmp_path, kind, capsys):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "nowhere"):
        assert main(["publish", kind, str(tmp_path / name), "--dry-run"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    shutil.copytree(METRICS, tmp_path / "all")
    refused(kind, tmp_path / "all", "is missing")


def test_a_model_is_no_dataset_and_a_dataset_no_model(carded):
    refused("dataset", carded["model"], "configs: is missing")
    refused("model", carded["dataset"], "config.json: is missing")


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("pytorch_model.bin", pickle.dumps([1]), "has no purpose in a model repository"),
        ("notes.docx", b"x", "has no purpose"),
        (".env", b"KEY=1", "has no purpose"),
        ("extra.safetensors", b"", "safetensors header: cannot be read"),
        ("NOTICE", b"", "is empty"),
        ("helper.py", b"import dataset_builders\n", "needs dataset_builders, which is no public package"),
        ("helper.py", b"if\n", "is no Python"),
        ("helper.py", b"#" * (2**20 + 1), r"has 1,048,577 bytes.*\(code\) at most 1,048,576"),
        ("generation_config.json", b'{"cache": "/home/ada/x"}', "absolute path"),
        ("generation_config.json", b'{"token": "hf_' + b"a" * 34 + b'"}', "secret: looks like a Hugging Face token"),
        ("vocab.json", pickle.dumps([1]), "pickle"),
    ],
)
def test_what_must_not_leave_is_refused(model, name, data, match):
    write_model_card(model)
    (model / name).write_bytes(data)
    refused("model", model, match)


def test_a_link_to_elsewhere_is_refused(carded, tmp_path):
    (tmp_path / "elsewhere").write_text("x")
    (carded["model"] / "NOTICE").symlink_to(tmp_path / "elsewhere")
    refused("model", carded["model"], "NOTICE: is a link to elsewhere")


def test_results_of_another_revision_are_refused(carded):
    config = json.loads((carded["model"] / "config.json").read_text())
    (carded["model"] / "config.json").write_text(json.dumps(config | {"num_experts": 3}))
    refused("model", carded["model"], "model_sha256: 'model' is another model than 'model', or its files changed")


def test_scores_without_the_results_behind_them_are_refused(carded):
    (carded["model"] / "results.json").unlink()
    refused("model", carded["model"], "results.json: is missing")


def test_missing_code_of_a_model_is_refused(carded, model):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoConfig": "configuration_x.X"}}))
    refused("model", model, "configuration_x.py: is missing, so the folder is no model that loads by itself")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("license: apache-2.0", "", "license: is missing"),
        ("license: apache-2.0", "license: my-own", "license: is 'my-own'"),
        ("license: apache-2.0", "license: other", "license: is other without license_name"),
        ("license: apache-2.0", "license: [", "metadata: is not valid"),
        ("type: spacevista_score", "kind: x", "metadata: is not valid|model-index: is not valid"),
    ],
)
def test_a_card_that_the_hub_would_refuse_is_refused(carded, old, new, match):
    card = carded["model"] / "README.md"
    card.write_text(card.read_text().replace(old, new))
    refused("model", carded["model"], match)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (
            "license: apache-2.0",
            "license: cc0-1.0",
            "is 'cc0-1.0', and the strictest terms of its rows are 'apache-2.0'",
        ),
        ("num_examples: 28", "num_examples: 29", "dataset_info: counts"),
        ("questions/train-*.parquet", "questions/gone-*.parquet", "dataset_info: counts"),
    ],
)
def test_a_card_that_is_not_about_its_dataset_is_refused(carded, old, new, match):
    card = carded["dataset"] / "README.md"
    card.write_text(card.read_text().replace(old, new))
    refused("dataset", carded["dataset"], match)


@pytest.mark.parametrize(
    ("front", "match"),
    [
        ("sdk: cobol", "sdk: is 'cobol'"),
        ("sdk: gradio\napp_file: main.py", "main.py: is missing"),
        ("sdk: gradio\ncolorFrom: mauve", "colorFrom: is 'mauve'"),
        (f"sdk: gradio\nshort_description: {'x' * 61}", "has 61 letters, and the Hub takes 60"),
    ],
)
def test_a_space_that_would_not_start_is_refused(space, front, match):
    (space / "README.md").write_text(f"---\ntitle: Page\nlicense: mit\n{front}\n---\n")
    refused("space", space, match)


def test_a_secret_in_a_row_is_found(carded):
    shard = carded["dataset"] / "questions" / "train-00000-of-00001.parquet"
    table = pq.read_table(shard)
    place = table.column_names.index("rationale")
    words = pa.array(["hf_" + "a1" * 17] * len(table), pa.string())
    pq.write_table(table.set_column(place, table.schema.field("rationale"), words), shard)
    refused("dataset", carded["dataset"], "train-00000-of-00001.parquet: secret: looks like a Hugging Face token")


def test_a_star_stays_inside_a_folder():
    assert purpose_of("model", "weights/model.safetensors") is None
    assert purpose_of("dataset", "questions/old/train.parquet") is None
