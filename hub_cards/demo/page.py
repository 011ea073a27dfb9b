"""The layout of the page, and what its controls do."""

from collections.abc import Iterator

import gradio as gr

from dataset_builders.errors import InputError
from dataset_builders.inspection.overview import SceneEntry
from evaluate_metrics.asking import SAMPLE_ERRORS
from evaluate_metrics.questions import first_line
from hub_cards.demo.asking import CHOICE, KINDS, MEASURE, MOST_LETTERS, Subject, kind_of, prepare
from hub_cards.demo.clip import VIDEO_TYPES, read_upload
from hub_cards.demo.limits import Limits
from hub_cards.demo.marks import read_marks
from hub_cards.demo.model import Reply, StreamingModel
from hub_cards.demo.samples import Samples
from hub_cards.demo.views import (
    picture_uri,
    show_gates,
    show_notice,
    show_reply,
    show_seen,
    show_truth,
    static_text,
)

OWN = -1  # in the list of a scene's questions: none of them
NO_MARKS = {"marks": []}
NO_QUESTIONS = gr.update(choices=[], value=None, visible=False)
KEPT_SECONDS = 3600
"""How long uploads and what visitors look at are kept."""
SHOW_REPLY = "() => { document.querySelector('#reply').scrollIntoView({block: 'nearest', behavior: 'smooth'}); }"
SAY_STOPPED = "() => { document.querySelector('#reply .reply')?.setAttribute('aria-busy', 'false'); }"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]


class Page:
    """What the controls do; outputs are in the order in which `build` wires them."""

    def __init__(self, model: StreamingModel, samples: Samples | None, limits: Limits):
        """Take what the page is about.

        Args:
            model: That answers.
            samples: Scenes to choose from; None for uploads alone.
            limits: Of uploads and answers.
        """
        self._model, self._samples, self._limits = model, samples, limits

    def upload(self, path: str | None) -> tuple:
        """Look at an uploaded video: (subject, marks, notice, no scene, no questions of one)."""
        if path is None:
            return None, _frames(None), "", None, NO_QUESTIONS
        try:
            subject = Subject(read_upload(path, self._limits))
        except InputError as error:
            return None, _frames(None), show_notice(str(error)), None, NO_QUESTIONS
        return subject, _frames(subject), "", None, NO_QUESTIONS

    def choose_scene(self, number: int | None) -> tuple:
        """Look at a sample scene: (subject, marks, notice, its questions to choose from)."""
        if number is None:
            # An upload took its place.
            return (gr.skip(),) * 4
        try:
            sample = self._samples.open(number)
        except InputError as error:
            return None, _frames(None), show_notice(str(error)), NO_QUESTIONS
        subject = Subject(sample.clip, sample)
        titles = [f"{question['task'].replace('_', ' ')}: {question['question']}" for question in sample.questions]
        choices = [("(your own question)", OWN), *((title, place) for place, title in enumerate(titles))]
        return subject, _frames(subject), "", gr.Dropdown(choices=choices, value=OWN, visible=True)

    def choose_question(self, subject: Subject | None, place: int | None, kind: str) -> tuple:
        """Take a question of the scene, or none: (subject, marks, text, kind of answer, options)."""
        if subject is None or subject.sample is None or place is None:
            return (gr.skip(),) * 5
        question = subject.sample.questions[place] if place >= 0 else None
        if question is subject.question:
            # The page set the list, not the visitor, whose marks and words stay.
            return (gr.skip(),) * 5
        subject = Subject(subject.clip, subject.sample, question)
        if question is None:
            return subject, _frames(subject), "", kind, gr.Textbox(value="", visible=kind == CHOICE)
        options = gr.Textbox(value="\n".join(question["options"]), visible=bool(question["options"]))
        return subject, _frames(subject), question["question"], kind_of(question), options

    def ask(self, subject: Subject | None, marks, text: str, kind: str, options: str) -> Iterator[tuple]:
        """Answer: (notice, reply, frames that the model saw, gates, truth), again with every word."""
        empty = Reply("")
        try:
            if subject is None:
                raise InputError("page", "video", "is missing", "choose a scene or drop a video first")
            regions = read_marks(marks, subject.clip)
            asked = prepare(subject, regions, text or "", kind, (options or "").splitlines(), self._limits)
            yield "", show_reply(empty, True), show_seen(asked.seen, asked.prompt), "", ""
            last = empty
            for last in self._model.stream(asked.messages):
                yield gr.skip(), show_reply(last, True), gr.skip(), gr.skip(), gr.skip()
            truth = show_truth(subject.sample, asked.question, last.text) if subject.sample else ""
            gates = show_gates(last.gates, self._model.expert_scales)
            yield gr.skip(), show_reply(last, False), gr.skip(), gates, truth
        except InputError as error:
            yield show_notice(str(error)), "", "", "", ""
        except SAMPLE_ERRORS as error:
            yield show_notice(f"The model failed: {first_line(error)}"), "", gr.skip(), "", ""

    def build(self, title: str) -> gr.Blocks:
        """Lay out the page.

        Args:
            title: Name of the model.
        """
        with gr.Blocks(
            title=f"{title} · SpaceVista", analytics_enabled=False, delete_cache=(KEPT_SECONDS,) * 2
        ) as page:
            gr.HTML(
                f"<h1>Ask {_escaped(title)} about space</h1>"
                "<p class='muted'>Show it a video or a scene, mark what you mean, and ask: how far, how large, "
                "how many, where.</p>"
            )
            subject = gr.State(None, time_to_live=KEPT_SECONDS)
            with gr.Row():
                with gr.Column(min_width=300):
                    scene, which, video = self._sources()
                    refused = gr.HTML(elem_id="refused")
                    marker = gr.HTML(
                        NO_MARKS,
                        html_template=static_text("marker.html"),
                        js_on_load=static_text("marker.js"),
                        frames=[],
                        taken=[],
                        start=0,
                        elem_id="marker",
                    )
                    text, kind, options, ask, stop = self._question()
                with gr.Column(min_width=300):
                    notice = gr.HTML(elem_id="notice")
                    reply = gr.HTML("<p class='muted'>The answer appears here.</p>", elem_id="reply")
                    outputs = [gr.HTML(elem_id=name) for name in ("seen", "gates", "truth")]
            looked = [subject, marker, refused]
            quiet = {"api_visibility": "private", "show_progress": "minimal"}
            if self._samples is not None:
                # Not `input`, which also comes when a visitor goes past the list.
                scene.change(self.choose_scene, scene, [*looked, which], **quiet)
                asked = [subject, marker, text, kind, options]
                which.change(self.choose_question, [subject, which, kind], asked, **quiet)
            # Not `change`: what the page itself changes is no wish of the visitor.
            gr.on([video.upload, video.clear], self.upload, video, [*looked, scene, which], **quiet)
            kind.change(lambda chosen: gr.Textbox(visible=chosen == CHOICE), kind, options, **quiet)
            running = gr.on(
                [ask.click, text.submit],
                self.ask,
                [subject, marker, text, kind, options],
                [notice, reply, *outputs],
                concurrency_limit=1,
                trigger_mode="once",
                **quiet,
            )
            # On a phone the answer is below the button; where it is in sight, nothing moves.
            gr.on([ask.click, text.submit], None, js=SHOW_REPLY, api_visibility="private")
            stop.click(None, cancels=[running], js=SAY_STOPPED, api_visibility="private")
        return page.queue(max_size=self._limits.queue_size)

    def _sources(self) -> tuple:
        limits = self._limits
        entries = self._samples.entries if self._samples else []
        choices = [(_scene_title(entry), place) for place, entry in enumerate(entries)]
        label = f"Video, up to {limits.upload_megabytes} MB and {limits.video_seconds:g} s"
        with gr.Tabs(selected="scene" if entries else "video"):
            with gr.Tab("A sample scene", visible=bool(entries), id="scene"):
                scene = gr.Dropdown(choices, value=None, label="Scene", elem_id="scene")
                which = gr.Dropdown([], label="Question about it", visible=False, elem_id="which")
            with gr.Tab("Your video", id="video"):
                video = gr.File(label=label, file_types=list(VIDEO_TYPES), height=130, elem_id="video")
        return scene, which, video

    def _question(self) -> tuple:
        hint = "How far is the red point from the object in the blue box?"
        text = gr.Textbox(label="Question", placeholder=hint, max_length=MOST_LETTERS, lines=2, elem_id="question")
        kind = gr.Dropdown(list(KINDS), value=MEASURE, label="Answer with", elem_id="kind")
        options = gr.Textbox(label="Options, one a line", lines=3, visible=False, elem_id="options")
        with gr.Row():
            ask = gr.Button("Ask", variant="primary", elem_id="ask")
            stop = gr.Button("Stop", elem_id="stop", min_width=80)
        return text, kind, options, ask, stop


def serve(page: gr.Blocks, limits: Limits, port: int | None = None, blocking: bool = True) -> str:
    """Serve the page, on this machine alone unless GRADIO_SERVER_NAME says otherwise (as on a Space).

    Args:
        page: What `Page.build` returned.
        limits: Of uploads.
        port: Of the server; None for 7860 or the next free one.
        blocking: Stay until Ctrl-C.

    Returns:
        Where it is.

    Raises:
        InputError: if the port is taken.
    """
    theme = gr.themes.Default(primary_hue="teal", font=FONTS, font_mono=["ui-monospace", "monospace"])
    # White on the usual shade of teal is hard to read.
    theme = theme.set(
        button_primary_background_fill="*primary_700", button_primary_background_fill_dark="*primary_700"
    )
    try:
        _, url, _ = page.launch(
            server_port=port,
            prevent_thread_lock=not blocking,
            max_file_size=limits.upload_megabytes * 2**20,
            theme=theme,
            # Not `css`, whose rules the library rewrites so that none reaches the frame of the page.
            head=f"<style>{static_text('page.css')}</style>",
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            share=False,
        )
    except OSError:
        raise InputError("demo", "--port", f"{port} is taken", "give another one, or none") from None
    return url


def _frames(subject: Subject | None) -> gr.HTML:
    """Fill the marker: all frames, with the marks of the chosen question drawn."""
    if subject is None:
        return gr.HTML(value=NO_MARKS, frames=[], taken=[], start=0)
    clip, given = subject.clip, subject.given
    pictures = clip.seen(len(clip.frames), given)
    start = min((region["frame_index"] for region in given), default=0)
    taken = [region["colour"] for region in given]
    return gr.HTML(value=NO_MARKS, frames=[picture_uri(one.image) for one in pictures], taken=taken, start=start)


def _scene_title(entry: SceneEntry) -> str:
    return f"{entry.scale.replace('_', ' ')} · {entry.scene_id}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
