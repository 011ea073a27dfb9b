"""A person at the page, in a real Chromium; what it looks like is kept in build/page/."""

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hub_cards.demo.page import Page, serve

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `dev`")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHOTS = Path(__file__).parents[3] / "build" / "page"
SECONDS = 60_000  # milliseconds that a slow machine may take

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)")

# Every control that can be seen, with the name by which it is announced.
NAMES = """() => [...document.querySelectorAll("input, select, textarea, button, canvas, [role=tab]")]
  .filter((one) => one.offsetParent && !one.disabled && one.type !== "file")
  .map((one) => one.getAttribute("aria-label") || (one.labels && one.labels[0] && one.labels[0].innerText)
    || one.innerText || one.closest("label")?.innerText || `NO NAME: ${one.outerHTML.slice(0, 200)}`)"""
# What the reply has been, from now on.
WATCH = """() => { window.told = []; new MutationObserver(() => window.told.push(
  document.querySelector("#reply").innerText)).observe(document.querySelector("#reply"),
  {childList: true, subtree: true, characterData: true}); }"""


@pytest.fixture(scope="module")
def url(model, samples, limits):
    page = Page(model, samples, limits).build("tiny-spacevista")
    yield serve(page, limits, blocking=False)
    page.close()


@pytest.fixture(scope="module")
def chromium():
    SHOTS.mkdir(parents=True, exist_ok=True)
    with playwright.sync_playwright() as driver:
        # Without its sandbox, which does not start for root, as whom containers run tests.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """A person with a browser of a given size."""

    def __init__(self, chromium, url: str, width: int, height: int, **options):
        self.context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(SECONDS)
        self.elsewhere, self.errors = [], []
        self.page.on("request", lambda request: self._note(request.url, url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_selector("#scene input")

    def _note(self, target: str, url: str) -> None:
        if not target.startswith((url, "data:", "blob:")):
            self.elsewhere.append(target)

    def choose(self, selector: str, text: str) -> None:
        self.page.click(f"{selector} input")
        self.page.get_by_role("option").filter(has_text=text).first.click()

    def frames_appear(self) -> None:
        self.page.wait_for_selector(".marker[data-state=filled]")
        self.page.wait_for_function("document.querySelector('#marker canvas').width > 100")

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, in shares of the frame, and draw through the others."""
        box = self.page.locator("#marker canvas").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def ask(self, question: str | None = None) -> None:
        if question is not None:
            self.page.fill("#question textarea", question)
        self.page.click("#ask")
        self.page.wait_for_selector("#reply .reply[aria-busy=false]")

    def said(self) -> str:
        return self.page.locator("#marker .said").inner_text()

    def seen(self, index: int) -> np.ndarray:
        """Return a frame that the model saw, (H, W, 3)."""
        source = self.page.locator("#seen img").nth(index).get_attribute("src")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))).astype(int)

    def shoot(self, name: str) -> None:
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def overflows(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


@pytest.fixture
def visit(chromium, url):
    visitors = []

    def visit(width: int = 1280, height: int = 900, **options) -> Visitor:
        visitors.append(Visitor(chromium, url, width, height, **options))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()
        assert visitor.errors == []
        assert visitor.elsewhere == []


def test_a_click_a_drawn_box_a_mask_and_a_question_get_a_readable_answer(visit):
    person = visit()
    person.choose("#scene", "indoor")
    person.frames_appear()
    person.shoot("scene")
    person.drag((0.5, 0.5))
    person.page.select_option("#marker .tool", label="a box")
    person.drag((0.9, 0.4), (0.7, 0.1))
    person.page.select_option("#marker .tool", label="a mask (outline)")
    person.drag((0.1, 0.7), (0.3, 0.7), (0.3, 0.9), (0.1, 0.9))
    assert person.said() == "Marked: red point on frame 1, blue box on frame 1, green mask on frame 1."
    person.ask("How far is the red point from the object in the blue box?")
    answer = person.page.locator("#reply .answer strong").inner_text()
    assert answer not in ("", "…")
    titles = person.page.locator("#reply dt").all_inner_texts()
    assert titles == ["Reasoning", "Objects", "Scale of the scene"]
    seen = person.seen(0)
    height, width, _ = seen.shape
    assert np.abs(seen[height // 2, width // 2] - (255, 0, 0)).max() < 60
    edge = seen[int(0.25 * height), int(0.9 * width) - 3 : int(0.9 * width) + 4]
    assert np.abs(edge - (0, 0, 255)).max(axis=1).min() < 90
    inside = seen[int(0.8 * height), int(0.2 * width)]
    plain = person.seen(1).shape
    assert inside[1] - (inside[0] + inside[2]) / 2 > 25 and plain == seen.shape
    assert person.page.locator("#seen figcaption").first.inner_text() == "1 · marked"
    assert person.page.evaluate("document.querySelector('#gates img').naturalWidth") > 300
    assert "there is no computed answer" in person.page.locator("#truth").inner_text()
    assert person.page.locator("#truth svg polygon").count() > 2
    person.shoot("own-question")


def test_a_question_of_the_dataset_streams_and_is_judged(visit, samples):
    row = samples.open(0).questions[0]
    person = visit()
    person.choose("#scene", samples.entries[0].scene_id)
    person.frames_appear()
    person.drag((0.5, 0.5))
    person.choose("#which", row["question"])
    person.page.wait_for_function("document.querySelector('#question textarea').value !== ''")
    assert person.said() == "No marks of yours."
    person.page.evaluate(WATCH)
    person.ask()
    person.page.wait_for_selector("#truth .verdict")
    assert person.page.locator("#truth .verdict").inner_text() == "right"
    assert row["rationale"] in person.page.locator("#reply").inner_text()
    told = list(dict.fromkeys(person.page.evaluate("window.told")))
    assert len(told) > 4
    person.shoot("dataset-question")


def test_a_dropped_video_is_asked_about(visit, walk):
    person = visit()
    person.page.get_by_role("tab", name="Your video").click()
    person.page.set_input_files("#video input[type=file]", walk)
    person.frames_appear()
    person.page.locator("#marker input[type=range]").fill("4")
    person.drag((0.4, 0.6))
    assert person.said() == "Marked: red point on frame 5."
    person.ask("How far away is the red point?")
    assert person.page.locator("#reply .answer strong").inner_text() not in ("", "…")
    assert "5 · marked" in person.page.locator("#seen figcaption").all_inner_texts()
    assert person.page.locator("#truth").inner_text().strip() == ""
    person.shoot("own-video")
    person.page.get_by_role("tab", name="A sample scene").click()
    person.choose("#scene", "tabletop")
    person.page.wait_for_function("document.querySelector('#marker output').innerText === '1 of 6'")


def test_uploads_beyond_the_limits_are_refused_with_one_message(visit, write_video, tmp_path):
    person = visit()
    person.page.get_by_role("tab", name="Your video").click()
    long = write_video(tmp_path / "long.mp4", np.zeros((31, 48, 64, 3), np.uint8))
    person.page.set_input_files("#video input[type=file]", long)
    notice = person.page.locator("#refused [role=alert]")
    notice.wait_for()
    assert notice.inner_text() == "long.mp4: duration: is 3.1 s; use one of at most 3 s"
    person.shoot("too-long")
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(1_200_000))
    person.page.reload(wait_until="domcontentloaded")
    person.page.get_by_role("tab", name="Your video").click()
    person.page.set_input_files("#video input[type=file]", large)
    toast = person.page.get_by_text("maximum allowed size").first
    toast.wait_for()
    assert re.search(r"size of 1(\.0)? MB: \"large.mp4\"", toast.inner_text(), re.IGNORECASE)
    person.shoot("too-large")


def test_a_phone_never_scrolls_sideways_and_a_finger_marks(visit):
    person = visit(360, 740, has_touch=True, is_mobile=True, device_scale_factor=2)
    assert not person.overflows()
    person.choose("#scene", "outdoor")
    person.frames_appear()
    assert not person.overflows()
    box = person.page.locator("#marker canvas").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["width"] > 280
    person.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert person.said() == "Marked: red point on frame 1."
    person.ask("How far away is the red point?")
    person.page.wait_for_selector("#truth svg")
    assert not person.overflows()
    person.shoot("phone")


def test_all_of_it_by_keyboard(visit):
    person = visit()
    press = person.page.keyboard.press
    person.page.locator("#scene input").focus()
    press("ArrowDown")
    press("Enter")
    person.frames_appear()
    names = person.page.evaluate(NAMES)
    assert [name for name in names if name.startswith("NO NAME")] == []
    order = []
    for _ in range(16):
        press("Tab")
        order.append(
            person.page.evaluate(
                "(() => { const one = document.activeElement; "
                "return one.closest('[id=which], [id=question], [id=kind], [id=ask], [id=stop]')?.id "
                "|| one.className.split(' ')[0] || one.tagName.toLowerCase(); })()"
            )
        )
        if order[-1] == "canvas":
            for key in ("ArrowRight", "ArrowDown", "Enter"):
                press(key)
            assert person.said() == "Marked: red point on frame 1."
        if order[-1] == "question":
            person.page.keyboard.type("How far away is the red point?")
        if order[-1] == "ask":
            press("Enter")
            break
    wanted = ["which", "tool", "colour", "undo", "clear", "canvas", "question", "kind", "ask"]
    assert [one for one in order if one in wanted] == wanted
    person.page.wait_for_selector("#reply .reply[aria-busy=false]")
    assert "1 · marked" in person.page.locator("#seen figcaption").all_inner_texts()


def test_without_a_dataset_there_is_the_upload_alone(chromium, model, limits):
    page = Page(model, None, limits).build("tiny-spacevista")
    url = serve(page, limits, blocking=False)
    context = chromium.new_context()
    try:
        shown = context.new_page()
        shown.goto(url, wait_until="domcontentloaded")
        shown.wait_for_selector("#video")
        assert shown.get_by_role("tab").all_inner_texts() == ["Your video"]
        assert not shown.locator("#scene").is_visible()
    finally:
        context.close()
        page.close()
