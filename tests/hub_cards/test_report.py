import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dataset_builders.errors import InputError

pytest.importorskip("matplotlib", reason="the report needs the extra `demo`")

from hub_cards.figures import curve
from hub_cards.report import write_report


class Page(HTMLParser):
    """Collects tags and text, and notices tags that are closed in the wrong order."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text, self.open, self.crossed = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "img", "br"}:
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


@pytest.fixture
def report(dataset, model, results, tmp_path) -> Path:
    write_report(dataset, model, results, tmp_path / "report.html")
    return tmp_path / "report.html"


def test_page_is_well_formed_and_self_contained(report):
    page = Page(report.read_text())
    assert not page.open and not page.crossed
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base"}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(http" not in report.read_text() and "@import" not in report.read_text()


def test_hostile_question_and_completion_are_text(report):
    text = report.read_text()
    assert "<script" not in text and "<b>?</b>" not in text
    page = Page(text)
    assert "How many <script>alert('x')</script> | cups & `bowls` are there?" in "".join(page.text)
    assert "Reasoning: hm" in page.text and "<answer><b>?</b></answer>" in page.text


def test_page_shows_the_scores_of_the_results(report, results):
    shown = " ".join(" ".join(Page(report.read_text()).text).split())
    assert "The model beats chance and its own score without the video." in shown
    assert "micro 14 61.2 [57.2, 65.2] 40.0 31.5 +21.2 [15.8, 26.8] +29.8 [24.2, 35.2]" in shown
    assert "depth estimation 4 30.0 [26.0, 34.0] 28.0 20.0 +2.0 [−3.5, 7.5]" in shown
    assert "video 14 14 0 0 0" in shown and "blind 14 11 0 3 0" in shown
    assert "blind 14 61.2 40.0 65.3 % −21.2 [−26.8, −15.8]" in shown
    assert "{{" not in shown and "Undefined" not in shown


def test_every_scale_has_its_frames(report):
    page = Page(report.read_text())
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    # Five scales, three questions of four frames each; the outdoor scenes have none.
    assert len(images) == 4 * 3 * 4
    shown = "".join(page.text)
    assert shown.count("This scene has no frames.") == 2
    titles = re.findall("<h3>(Tiny tabletop|Tabletop|Indoor|Outdoor|Drone)</h3>", report.read_text())
    assert titles == ["Tiny tabletop", "Tabletop", "Indoor", "Outdoor", "Drone"]


def test_same_inputs_same_bytes(report, dataset, model, results, tmp_path):
    write_report(dataset, model, results, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == report.read_bytes()


def test_curves_and_radars_follow_the_page_colours(report):
    text = report.read_text()
    # Two radars, two with bars, what numbers are off by; the loss of one stage, reward and format reward of the other.
    assert text.count("<svg") == text.count('<svg role="img" aria-label="') == 8
    assert "var(--model, #" in text and not re.search(r"#(0[1-9])\1\1", text)
    assert not re.search(r"<dc:date>|matplotlib\.org", text)


def test_a_stage_without_history_has_no_figure(dataset, model, results, tmp_path):
    record = json.loads((model / "training.json").read_text())
    for stage in record["stages"]:
        stage.pop("history")
    (model / "training.json").write_text(json.dumps(record))
    write_report(dataset, model, results, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count("<svg") == 5


def test_two_scales_make_no_radar(dataset, model, results, tmp_path):
    data = json.loads((results / "results.json").read_text())
    data["by_scale"] = {name: data["by_scale"][name] for name in ("indoor", "drone")}
    (results / "results.json").write_text(json.dumps(data))
    write_report(dataset, model, results, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count('aria-label="Radar plot') == 1


def test_an_unmeasurable_margin_is_not_called_a_win(dataset, model, results, tmp_path):
    data = json.loads((results / "results.json").read_text())
    data["overall"]["micro"]["over_blind"] = {"margin": 1.0, "interval": [-0.5, 2.5]}
    (results / "results.json").write_text(json.dumps(data))
    write_report(dataset, model, results, tmp_path / "report.html")
    assert "The model beats chance, but not measurably its own score" in (tmp_path / "report.html").read_text()


def test_results_of_another_dataset_are_refused(dataset, model, results, tmp_path):
    shard = dataset / "questions" / "test-00000-of-00001.parquet"
    shard.write_bytes((dataset / "questions" / "validation-00000-of-00001.parquet").read_bytes())
    with pytest.raises(InputError, match="dataset_sha256: 'dataset' is another dataset"):
        write_report(dataset, model, results, tmp_path / "report.html")


def test_an_output_that_cannot_be_written_leaves_nothing(dataset, model, results, tmp_path):
    (tmp_path / "report.html").mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"report\.html: output: cannot be written"):
        write_report(dataset, model, results, tmp_path / "report.html")
    assert {path.name for path in tmp_path.iterdir()} - {"datasets_cache"} == before - {"datasets_cache"}


@pytest.mark.parametrize(("line", "problem"), [('{"id": "x"}', "line 29: has cond"), ("{", "line 29: is no JSON")])
def test_broken_predictions_are_refused(dataset, model, results, tmp_path, line, problem):
    with (results / "predictions.jsonl").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError, match=rf"predictions\.jsonl: {problem}"):
        write_report(dataset, model, results, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_curve_leaves_out_steps_that_did_not_log_it():
    gap = curve([{"step": 1, "loss": 2.0}, {"step": 2}], "loss", "Loss")
    assert gap == curve([{"step": 1, "loss": 2.0}], "loss", "Loss")
    assert gap.alt == "Loss: 2 at step 1, 2 at step 1."
