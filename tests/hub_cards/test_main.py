import subprocess
import sys

import pytest

from hub_cards.__main__ import main


def test_cards_print_their_path(dataset, model, results, capsys):
    assert main(["dataset", str(dataset)]) == 0
    assert main(["model", str(model), "--results", str(results), "--dataset", str(dataset)]) == 0
    assert capsys.readouterr().out == f"{dataset / 'README.md'}\n{model / 'README.md'}\n"


def test_report_ends_with_the_table_and_its_path(dataset, model, results, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="the report needs the extra `demo`")
    output = tmp_path / "report.html"
    inputs = ["--dataset", str(dataset), "--model", str(model), "--results", str(results / "results.json")]
    assert main(["report", *inputs, "--output", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(output)
    assert lines[-11].split() == "micro 14 61.2 [57.2, 65.2] 40.0 31.5 +21.2 [15.8, 26.8] +29.8 [24.2, 35.2]".split()
    assert lines[-2].startswith("drone ")
    assert len({len(line) for line in lines[-12:-1]}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["dataset", "nowhere"],
        ["model", "nowhere"],
        ["report", "--dataset", "a", "--model", "b", "--results", "c", "--output", "d"],
        ["model"],
        ["unknown"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ") and error.count("\n") == 1
    assert list(tmp_path.glob("[!d]*")) == []


def test_cards_need_neither_torch_nor_matplotlib():
    code = (
        "import sys; sys.modules.update(torch=None, matplotlib=None, transformers=None);"
        "import hub_cards.__main__ as m;"
        "sys.exit(m.main(['report', '--dataset', 'a', '--model', 'b', '--results', 'c', '--output', 'd']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "error: report: figures: matplotlib is not installed; pip install spacevista[demo]\n"
