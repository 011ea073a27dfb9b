"""What holds for every metric folder."""

import ast
import inspect
import runpy
import shutil
from pathlib import Path

import evaluate
import pytest
import yaml

import evaluate_metrics.metrics
from dataset_builders.errors import InputError
from evaluate_metrics.metrics import function_of

FOLDERS = sorted(
    path for path in Path(evaluate_metrics.metrics.__file__).parent.iterdir() if (path / "README.md").exists()
)
BENCHES = [path for path in FOLDERS if path.name.endswith("_bench") or path.name == "blink"]
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
each_bench = pytest.mark.parametrize("folder", BENCHES, ids=lambda path: path.name)


def readme(folder):
    _, front, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def example(folder):
    """Run the README's example with the folder that is there; return its names and the text of the last call."""
    code = readme(folder)[1].split("```python\n")[1].split("```")[0]
    code = code.replace(f"evaluate_metrics/metrics/{folder.name}", str(folder))
    tree = ast.parse(code)
    last = tree.body.pop()
    names = {}
    exec(compile(tree, str(folder), "exec"), names)
    return names, ast.unparse(last)


def test_all_metrics_are_there():
    benches = "blink cv_bench mmsi_bench spacevista_bench spar_bench sti_bench three_dsr_bench vsi_bench".split()
    assert [path.name for path in BENCHES] == benches
    assert {path.name for path in FOLDERS} - set(benches) == {
        "choice_accuracy",
        "detection_3d",
        "mean_relative_accuracy",
    }


@each_folder
def test_a_folder_holds_four_files(folder):
    files = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    assert files == {f"{folder.name}.py", "README.md", "app.py", "requirements.txt"}
    assert (folder / "requirements.txt").read_text() == "spacevista\n"


@each_folder
def test_the_readme_is_the_front_page_of_a_space(folder):
    front, body = readme(folder)
    assert front["sdk"] == "gradio" and (folder / front["app_file"]).is_file()
    assert front["tags"] == ["evaluate", "metric"]
    assert front["title"] in body and front["description"] in body
    assert len(front["description"]) < 120


@each_folder
def test_the_app_can_be_imported_without_starting(folder):
    assert callable(runpy.run_path(str(folder / "app.py"))["page"])


@each_folder
def test_the_example_of_the_readme_runs_through_evaluate_load(folder):
    names, last = example(folder)
    assert isinstance(names["metric"], evaluate.Metric)
    result = eval(last, names)
    printed = [line[2:] for line in readme(folder)[1].splitlines() if line.startswith("# {")]
    if printed:
        assert result == ast.literal_eval(printed[0])
    else:
        assert (result.get("overall") or result.get("vanilla") or result["micro"])["score"] == 100
        assert result["coverage"]["questions"] == 1


@each_folder
def test_the_function_is_described(folder):
    module = runpy.run_path(str(folder / f"{folder.name}.py"))
    text = inspect.getdoc(module[folder.name])
    assert "Args:" in text and "Returns:" in text
    assert evaluate.load(str(folder)).inputs_description.strip().startswith(text.splitlines()[0])


def test_a_copied_folder_loads_from_anywhere(tmp_path):
    shutil.copytree(FOLDERS[-1], tmp_path / FOLDERS[-1].name)
    assert evaluate.load(str(tmp_path / FOLDERS[-1].name)).name == FOLDERS[-1].name


@each_bench
def test_batches_add_up_to_the_same_result(folder):
    names, _ = example(folder)
    rows = [names["row"] | {"id": f"{name}{i}", "scene_id": str(i)} for i, name in enumerate(["ABCDEFGH", "IJKLMNOP"])]
    metric = evaluate.load(str(folder))
    for row in rows:
        metric.add_batch(predictions=["B"], references=[row])
    assert metric.compute() == function_of(folder.name)(["B", "B"], rows)


@each_bench
def test_rows_that_do_not_fit_are_refused_by_name(folder):
    function, row = function_of(folder.name), example(folder)[0]["row"]
    with pytest.raises(InputError, match="are none; give the questions"):
        function([], [])
    with pytest.raises(InputError, match="are 2 for 1 references"):
        function(["A", "B"], [row])
    with pytest.raises(InputError, match=f"'{row['id']}' is there 2 times"):
        function(["A", "B"], [row, row])
    with pytest.raises(ValueError, match="protocol must be one of robust, published"):
        function(["A"], [row], "strict")
    if folder.name != "spacevista_bench":  # which takes any task
        with pytest.raises(InputError, match="'cooking' is no task of this benchmark"):
            function(["A"], [row | {"task": "cooking"}])


@pytest.mark.parametrize("name", ["vsi_bench", "spar_bench", "spacevista_bench"])
@pytest.mark.parametrize("answer", ["A", "", "nan", "inf"])
def test_a_letter_where_a_number_is_asked_for_is_refused_by_name(name, answer):
    row = example(FOLDERS[0].parent / name)[0]["row"]
    with pytest.raises(InputError, match=f"question 0: answer: is '{answer}'"):
        function_of(name)(["3"], [row | {"answer": answer}])


@each_bench
def test_empty_answers_count_and_are_named(folder):
    row = example(folder)[0]["row"]
    result = function_of(folder.name)([""], [row])
    assert result["coverage"] | {"ambiguous": []} == {
        "questions": 1,
        "answered": 0,
        "missing": [],
        "unread": [row["id"]],
        "ambiguous": [],
    }
