import base64
import json
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from dataset_builders.errors import InputError
from evaluate_metrics.__main__ import main

pytest.importorskip("matplotlib", reason="the report needs the extra `demo`")

from evaluate_metrics.report.page import write_report

HOSTILE = "<script>alert('x')</script> | [a](http://evil.example) ![b](c) `d` {{ 7 * 7 }}"


class Page(HTMLParser):
    """Collects tags, and the rows of tables as texts; notices tags that are closed in the wrong order."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.rows, self.text, self.open, self.crossed = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.crossed.append(tag)

    def handle_data(self, data):
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] = f"{self.rows[-1][-1]} {data}".strip()

    def row(self, name: str) -> list[list[str]]:
        return [[" ".join(cell.split()) for cell in row[1:]] for row in self.rows if row and row[0] == name]


@pytest.fixture(scope="module")
def report(evaluation, vsi_evaluation, dataset_dir, tmp_path_factory):
    output = tmp_path_factory.mktemp("report") / "pages"
    write_report(evaluation, output, dataset_dir, [vsi_evaluation])
    return output


@pytest.fixture(scope="module")
def page(report):
    return Page((report / "report.html").read_text())


@pytest.fixture(scope="module")
def markdown(report):
    """The rows of all tables of report.md, as a Markdown parser reads them, and its HTML."""
    parser = pytest.importorskip("markdown_it", reason="needs a Markdown parser").MarkdownIt("commonmark")
    html = parser.enable("table").render((report / "report.md").read_text())
    return Page(html.replace(" />", ">")), html


def test_page_is_well_formed_and_needs_nothing_else(report, page):
    assert not page.open and not page.crossed
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base", "form"}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    text = (report / "report.html").read_text()
    assert "url(http" not in text and "@import" not in text and "undefined" not in text.lower()


def test_scores_are_those_of_the_answers(page, markdown):
    for rows in (page, markdown[0]):
        (counting,), (depth,) = rows.row("object counting"), rows.row("depth estimation")
        assert counting[0] == depth[0] == "6"
        assert counting[1].startswith("66.7 [") and depth[1].startswith("50.0 [")
        (micro,) = rows.row("micro")
        assert micro[1].startswith("61.1 [")
    # Blind says 4 to counts of 2 to 7: off by 1, 1/3, 0, 1/5, 1/3 and 3/7, worth 0, 0.4, 1, 0.6, 0.4 and 0.2.
    assert page.row("object counting")[0][2] == "43.3"


def test_it_says_over_how_many_questions(page, markdown):
    for rows in (page, markdown[0]):
        assert rows.row("video")[0] == ["18", "17", "1", "0", "0"]
        assert rows.row("blind")[0][0] == "18"


def test_published_figures_stand_beside_ours_and_are_marked(page, markdown):
    scales, benchmarks = (next(rows) for rows in (iter(page.row("GPT-5")[1:]), iter(page.row("GPT-5"))))
    assert benchmarks == ["40.7", "37.4", "44.2", "39.3", "33.7", "–"]
    assert scales == ["32.3", "20.3", "39.0", "43.0", "33.7"]
    ours, by_scale = page.row("clerk")
    assert ours[2].startswith("44.4 [") and ours[5].startswith("61.1 [") and ours[0] == ours[4] == "–"
    assert page.row("clerk, public scorer") == [["–", "–", "44.4", "–", "–", "–"]]
    assert by_scale[0] == by_scale[3] == "–" and by_scale[4].startswith("61.1 [")
    text = " ".join(" ".join(page.text).split())
    assert text.count("(published)") >= 6 and "Table 2 of the SpaceVista paper, not measured here" in text
    assert "tiny-bench: other questions than those of the paper, not comparable" in text
    assert markdown[0].row("GPT-5 (published)") == [benchmarks, scales]


def test_numbers_are_set_against_their_magnitude(page, markdown):
    # Depths of 0.2 to 0.35 m: right, half, right, half, right, none. Counts of 2 to 7: right but the last two, twice.
    assert page.row("0.1 to 1") == [["6", "5", "1 [0.5, 1]", "0 %", "50.0"]]
    assert page.row("1 to 10") == [["6", "6", "1 [1, 1.75]", "0 %", "66.7"]]
    assert ["lengths in m", "0.1 to 1", "6", "5", "1 [0.5, 1]", "0 %", "50.0"] in markdown[0].rows


def test_controls_tell_what_survives(page, evaluation, markdown):
    controls = json.loads((evaluation / "results.json").read_text())["controls"]
    assert set(controls) == {"blind", "shuffled", "mirrored", "unanswerable", "prior"}
    (shuffled,) = page.row("shuffled")[1:] or page.row("shuffled")
    assert shuffled[:5] == ["18", "61.1", "61.1", "100.0 %", "0.0 [0.0, 0.0]"]
    blind = controls["blind"]
    expected = [f"{blind[name]:.1f}" for name in ("plain", "score")] + [f"{blind['survives']:.1f} %"]
    assert page.row("blind")[1][1:4] == markdown[0].row("blind")[1][1:4] == expected
    assert page.row("mirrored")[-1][-1] == "applies to no question"
    assert "abstained where they should: 0.0 %" in page.row("unanswerable")[-1][-1]


def test_pictures_show_the_same_numbers_and_say_them(report, page):
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    names = {path.stem for path in (report / "pictures").iterdir()}
    assert names == {"radar-task", "radar-benchmark", "bars-task", "bars-scale", "calibration"}
    assert len(pictures) == len(names) and all(one["role"] == "img" for one in pictures)
    told = " ".join(one["aria-label"] for one in pictures)
    assert "model: object counting 66.7, relative distance 66.7, depth estimation 50.0" in told
    assert "SpaceVista-7B after RL (published): MMSI-Bench 32.3, SPAR-Bench 41.6" in told
    assert "clerk: VSI-Bench 44.4." in told
    assert "lengths in m, 0.1 to 1: 1 (0.5 to 1)" in told
    for path in (report / "pictures").iterdir():
        root = ElementTree.fromstring(path.read_text())
        assert root.get("aria-label") in [one["aria-label"] for one in pictures]
        assert "var(" not in path.read_text() and not root.findall(".//{*}image")


def test_errors_come_with_frames_answers_and_reasoning(page, report):
    text = (report / "report.html").read_text()
    questions, errors = text[text.index("<h2>Questions and answers") : text.index("<h2>Provenance")].split(
        "<h2>Errors"
    )
    assert questions.count("<article") == 6  # of tabletop and indoor, three each
    found = Page(errors)
    titles = re.findall("<h4>(.*?)</h4>", errors)
    assert titles == [
        "How many cups are in room 4?",
        "Which is nearest in room 4?",
        "How far away is the red point in room 3?",
        "How many cups are in room 5?",
        "Which is nearest in room 5?",
    ]
    assert errors.count("<img") == 5 * 4 and f"Reasoning: {HOSTILE}" in found.text
    shown = " ".join(" ".join(found.text).split())
    assert "Answer 6 Model 12 · wrong" in shown and "Answer 29 cm Model 14.5 cm · wrong" in shown


def test_hostile_replies_are_text(report, page, markdown):
    text = (report / "report.html").read_text()
    assert "<script" not in text and "49" not in re.findall(r"Reasoning: .*", text)[0]
    assert not re.search(r"<script|<a (?!href=\"frames/)|<code>d|<img(?![^>]*src=\"pictures/)", markdown[1])
    assert HOSTILE in " ".join(markdown[0].text)


def test_markdown_tables_parse(report, markdown):
    lines = (report / "report.md").read_text().splitlines()
    tables = sum(bool(re.fullmatch(r"\|(-+:?\|)+", line)) for line in lines)
    assert markdown[1].count("<table>") == tables == 10
    assert len(markdown[0].rows) == sum(line.startswith("|") for line in lines) - tables
    images = re.findall(r'<img src="(.*?)" alt="(.+?)"', markdown[1])
    assert [src for src, _ in images] == [f"pictures/{name}.svg" for name in PICTURES]
    assert all((report / src).is_file() for src, _ in images)


PICTURES = ("radar-task", "radar-benchmark", "bars-task", "bars-scale", "calibration")


def test_errors_of_the_markdown_link_the_frames_that_the_model_saw(report, markdown):
    links = re.findall(r'<a href="(.*?)">(\d)</a>', markdown[1])
    assert [number for _, number in links] == ["1", "2", "3", "4"] * 5
    errors = (report / "report.html").read_text().split("<h2>Errors")[1]
    shown = re.findall(r'src="data:image/jpeg;base64,(.*?)"', errors)
    assert [(report / name).read_bytes() for name, _ in links] == [base64.b64decode(one) for one in shown]
    assert len(list((report / "frames").iterdir())) == 20


def test_gates_are_shown_where_predictions_carry_them(evaluation, tmp_path):
    folder = shutil.copytree(evaluation, tmp_path / "gates")
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    rows = [row | {"gates": [[0.75, 0.25], [0.25, 0.75], [0.8, 0.2]]} for row in rows]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_report(folder, tmp_path / "pages")
    assert "expert 1 0.60, expert 2 0.40" in (tmp_path / "pages" / "report.html").read_text()


def test_same_results_same_bytes_also_into_the_same_folder(evaluation, tmp_path):
    contents = []
    for _ in range(2):
        write_report(evaluation, tmp_path / "pages")
        contents.append({path.name: path.read_bytes() for path in (tmp_path / "pages").rglob("*.*")})
    assert contents[0] == contents[1] and len(contents[0]) == 6
    assert not list(tmp_path.rglob("*.tmp"))


def test_without_the_dataset_there_are_no_frames(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "pages")
    text = (tmp_path / "pages" / "report.html").read_text()
    assert "<img" not in text and "<h4>scene-0-0</h4>" in text


def test_a_tiny_model_from_run_to_report(model_dir, dataset_dir, tmp_path, capsys):
    pytest.importorskip("torch", reason="needs the model extra")
    options = ["--dataset", str(dataset_dir), "--output", str(tmp_path / "evaluation"), "--max-new-tokens", "4"]
    assert main(["run", "--model", str(model_dir), *options]) == 0
    capsys.readouterr()
    arguments = ["report", str(tmp_path / "evaluation"), "--output", str(tmp_path / "pages")]
    assert main([*arguments, "--dataset", str(dataset_dir)]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith(f"{tmp_path / 'pages' / 'report.html'}\n") and "object counting" in printed
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    (row,) = Page((tmp_path / "pages" / "report.html").read_text()).row("depth estimation")
    figures = results["by_task"]["depth_estimation"]
    assert row[1] == f"{figures['model']:.1f} [{', '.join(f'{bound:.1f}' for bound in figures['interval'])}]"


def spoil(folder, how):
    lines = (folder / "predictions.jsonl").read_text().splitlines(keepends=True)
    if how == "no folder":
        shutil.rmtree(folder)
    elif how == "no JSON":
        (folder / "results.json").write_text("{")
    elif how == "no field":
        (folder / "results.json").write_text("{}")
    elif how == "no predictions":
        (folder / "predictions.jsonl").unlink()
    elif how == "empty predictions":
        (folder / "predictions.jsonl").write_text("")
    elif how == "fewer predictions":
        (folder / "predictions.jsonl").write_text("".join(lines[1:]))
    elif how == "a word for a number":
        changed = [json.loads(line) for line in lines]
        changed[0] |= {"answer_type": "regression", "parsed": "many"}
        (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed))


BAD = {
    "no folder": "results.json: is missing, so the folder is no evaluation",
    "no JSON": "results.json: JSON: cannot be read",
    "no field": "results.json: model: is missing",
    "no predictions": "predictions.jsonl: content: cannot be read",
    "empty predictions": "predictions.jsonl: condition: holds no predictions for 'video', but nothing",
    "fewer predictions": "predictions.jsonl: rows: are 17 for 'video', and the scores stand on 18",
    "a word for a number": "has parsed 'many'",
}


@pytest.mark.parametrize("how", BAD)
def test_bad_results_are_one_line_and_code_2(evaluation, tmp_path, capsys, how):
    folder = shutil.copytree(evaluation, tmp_path / "bad")
    spoil(folder, how)
    assert main(["report", str(folder), "--output", str(tmp_path / "pages")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and BAD[how] in error
    assert not (tmp_path / "pages").exists()


def test_results_of_another_dataset_are_refused(evaluation, dataset_dir, tmp_path, capsys):
    other = shutil.copytree(dataset_dir, tmp_path / "other")
    shard = other / "questions" / "test-00000-of-00001.parquet"
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(shard).slice(3), shard)
    arguments = ["report", str(evaluation), "--output", str(tmp_path / "pages"), "--dataset"]
    assert main([*arguments, str(other)]) == 2
    assert "dataset_sha256: 'tiny-bench' is another dataset than 'other'" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "nowhere")]) == 2
    assert "nowhere: --dataset: is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "pages").exists()


def test_runs_beside_are_of_the_same_model_and_another_benchmark(evaluation, vsi_evaluation, tmp_path):
    with pytest.raises(InputError, match="--beside: answers questions that are there already"):
        write_report(evaluation, tmp_path / "pages", beside=[vsi_evaluation, vsi_evaluation])
    other = shutil.copytree(vsi_evaluation, tmp_path / "other")
    results = json.loads((other / "results.json").read_text())
    (other / "results.json").write_text(json.dumps(results | {"model": "clerk-2"}))
    with pytest.raises(InputError, match="--beside: 'clerk-2' is another model than 'clerk'"):
        write_report(evaluation, tmp_path / "pages", beside=[other])


def test_a_place_that_cannot_be_written_is_named(evaluation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: --output: cannot be made"):
        write_report(evaluation, tmp_path / "file")
    assert (tmp_path / "file").read_text() == ""
