import asyncio
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dataset_builders.birds_eye import birds_eye
from dataset_builders.build import build_dataset
from dataset_builders.conversation import draw_regions
from dataset_builders.errors import InputError, run_command
from dataset_builders.frames import stored_scene
from dataset_builders.inspection import inspect_dataset
from dataset_builders.inspection.above import objects_to_tell, scene_view
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.inspection.overview import Overview
from dataset_builders.inspection.server import LocalServer
from dataset_builders.inspection.site import Site
from dataset_builders.record import QUESTION_FEATURES
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.taxonomy import ANSWER_TYPES, SCALE_NAMES
from dataset_builders.top_view import top_view

HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7 * 7 }}"
LETTERS = "ABCDEFGH"


def rows(folder, config):
    return [row for path in sorted((folder / config).iterdir()) for row in pq.read_table(path).to_pylist()]


def name(column, row):
    return QUESTION_FEATURES[column].int2str(row[column])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspection") / "dataset"
    build_dataset(SyntheticSource(5, 0, num_frames=2, frame_size=(96, 72)), folder)
    return folder


@pytest.fixture(scope="module")
def overview(dataset):
    return Overview.read(DatasetFiles.open(dataset))


@pytest.fixture
def hostile(dataset, tmp_path):
    """A copy of the dataset whose first indoor question, its option and the object names are hostile."""
    folder = shutil.copytree(dataset, tmp_path / "hostile")
    (path,) = folder.glob("questions/train-indoor*")
    table = pq.read_table(path)
    content = table.to_pylist()
    content[0]["question"] = content[0]["rationale"] = HOSTILE
    content[0]["answer_type"] = ANSWER_TYPES.index("multiple_choice")
    content[0]["options"], content[0]["answer"] = [HOSTILE, "no"], "A"
    provenance = {"rule": HOSTILE, "measured": {HOSTILE: HOSTILE}, "margins": {HOSTILE: 0.5}}
    content[0]["provenance"] = json.dumps(provenance)
    pq.write_table(pa.Table.from_pylist(content, schema=table.schema), path)
    (path,) = folder.glob("scenes/train-indoor*")
    table = pq.read_table(path)
    content = table.to_pylist()
    content[0]["objects"][0]["category"] = HOSTILE
    pq.write_table(pa.Table.from_pylist(content, schema=table.schema), path)
    return folder


@pytest.fixture
def serve():
    """Serve a dataset on loopback and return the server."""
    started = []

    def start(overview):
        server = LocalServer(Site(overview))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def get(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


class Tags(HTMLParser):
    """Lists the tags of a page with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_statistics_count_what_the_files_hold(dataset, overview):
    questions, scenes, found = rows(dataset, "questions"), rows(dataset, "scenes"), overview.statistics
    assert found.questions == Counter((name("task", row), name("scale", row)) for row in questions)
    assert found.answer_types == Counter((name("task", row), name("answer_type", row)) for row in questions)
    assert found.prompt_types == Counter((name("task", row), name("prompt_type", row)) for row in questions)
    assert found.letters == Counter((len(row["options"]), row["answer"]) for row in questions if row["options"])
    assert found.categories == Counter(
        (SCALE_NAMES[row["scale"]], item["category"]) for row in scenes for item in row["objects"]
    )
    assert found.splits == Counter({("train", scale): 1 for scale in SCALE_NAMES})


def test_margins_and_answers_fall_into_bins_of_1_2_5(dataset, overview):
    edges = [digit * 10.0**power for power in range(-4, 6) for digit in (1, 2, 5)]

    def place(value):
        return -1 if value < 0 else sum(value >= edge * (1 - 1e-12) for edge in edges)

    metres, units = Counter(), Counter()
    for row in rows(dataset, "questions"):
        for key, value in json.loads(row["provenance"])["margins"].items():
            if key.endswith("_m"):
                metres[name("task", row), place(value)] += 1
        if name("answer_type", row) == "regression":
            units[row["unit"], place(float(row["answer"]))] += 1
    found = overview.statistics
    assert {(task, at): n for (task, kind, at), n in found.margins.items() if kind == "m"} == metres
    assert found.answers == units


def test_the_first_page_shows_the_counts_the_words_and_the_shortcuts(dataset, overview):
    page = Site(overview).page("index.html").content.decode()
    report = json.loads((dataset / "build_report.json").read_text())
    assert "210 questions about 5 scenes" in page
    cells = re.search(r'<tr data-row="object_size">(.*?)</tr>', page, re.S)[1]
    numbers = [int(cell.replace("·", "0")) for cell in re.findall(r'<td class="num">([\d·]+)</td>', cells)]
    by_scale = report["by_task_and_scale"]["object_size"]
    assert numbers == [*(by_scale.get(scale, 0) for scale in SCALE_NAMES), report["by_task"]["object_size"]]
    for number, letters in report["letters"].items():
        for letter, count in letters.items():
            assert re.search(rf'data-letter="{number}{letter}">.*?<td class="num">{count}</td>', page)
    for scale in SCALE_NAMES:
        cloud = re.search(rf'data-cloud="{scale}">(.*?)</p>', page, re.S)[1]
        shown = {unescape(word): int(count) for count, word in re.findall(r'title="(\d+)">(.*?)</span>', cloud)}
        assert shown == {word: n for (other, word), n in overview.statistics.categories.items() if other == scale}
    task, figures = next(iter(report["shortcuts"]["choices"].items()))
    cells = re.search(rf'data-shortcut="choices {task}">(.*?)</tr>', page, re.S)[1]
    assert re.findall(r'class="num">([-\d.]+)<', cells) == [str(value) for value in figures.values()]


def test_a_scene_page_shows_every_question_with_its_answer_margins_and_provenance(overview):
    site = Site(overview)
    for number in range(5):
        page = site.page(f"scene/{number}.html").content.decode()
        cards = re.findall(r'<article class="card".*?</article>', page, re.S)
        questions = overview.questions(overview.scenes[number])
        assert len(cards) == len(questions) == 42
        for card, question in zip(cards, questions, strict=True):
            text = unescape(card)
            provenance = json.loads(question["provenance"])
            shown = [question["question"], question["rationale"], question["id"], *question["options"]]
            shown += [provenance["rule"], provenance["template"], *map(str, provenance["margins"].values())]
            right = f"{question['answer']}. " if question["options"] else f"{question['answer']} {question['unit']}"
            assert all(part in text for part in shown) and f'class="right">{right}' in text


def test_the_frame_of_a_question_has_its_regions_drawn(overview):
    site = Site(overview)
    row, questions = overview.scene(overview.scenes[2]), overview.questions(overview.scenes[2])
    place, question = next((at, one) for at, one in enumerate(questions) if one["prompt_type"] == "bbox")
    index = question["regions"][0]["frame_index"]
    plain, marked = (site.page(f"frame/2/{index}{mark}.jpg") for mark in ("", f"-q{place}"))
    assert plain.content == row["frames"][index]["bytes"] and plain.kind == marked.kind == "image/jpeg"
    regions = [region for region in question["regions"] if region["frame_index"] == index]
    expected = draw_regions(Image.open(io.BytesIO(plain.content)), regions)
    difference = np.abs(np.asarray(Image.open(io.BytesIO(marked.content)), int) - np.asarray(expected, int))
    assert (
        difference.mean()
        < 4
        < np.abs(np.asarray(expected, int) - np.asarray(Image.open(io.BytesIO(plain.content)))).max()
    )


def test_the_corner_of_a_turned_box_and_a_camera_are_where_they_should_be():
    # 4 m x 2 m turned by 30 degrees about the origin, a camera at (0, 5) that looks along +X, and slightly down.
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    rotation = [[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]]
    box = {"instance_id": 1, "category": "bed", "center": [0, 0, 1], "size": [4, 2, 1], "rotation": rotation}
    pose = np.eye(4)
    pose[:3, 2], pose[:3, 3] = [0.8, 0, -0.6], [0, 5, 2]
    view = top_view([box], [pose], "indoor")
    right = 2 * cosine + sine  # how far the box reaches to the right of the origin
    low = 2 * sine + cosine
    pixels = (560 - 2 * 28) / (5 + low)
    left = right * pixels + 28
    corner = (2 * cosine - 1 * sine, 2 * sine + 1 * cosine)
    expected = (left + corner[0] * pixels, 28 + (5 - corner[1]) * pixels)
    assert len(view.outlines[0].corners) == 4
    assert min(np.hypot(*np.subtract(expected, one)) for one in view.outlines[0].corners) < 0.02
    sides = np.diff(np.array([*view.outlines[0].corners, view.outlines[0].corners[0]]), axis=0)
    assert sorted(np.hypot(*sides.T) / pixels) == pytest.approx([2, 2, 4, 4], abs=1e-3)
    x, y, ahead_x, ahead_y = view.cameras[0]
    assert (x, y) == pytest.approx((left, 28), abs=0.01) and ahead_y == y
    assert ahead_x - x == pytest.approx(0.8 * 0.06 * 504, abs=0.02)
    length, text = view.bar
    assert text == "2 m" and length == pytest.approx(2 * pixels, abs=0.01)


def test_the_page_holds_that_drawing_as_svg(overview):
    page = Site(overview).page("scene/2.html").content.decode()
    svg = ElementTree.fromstring(re.search(r"<svg viewBox.*?</svg>", page, re.S)[0])
    row = overview.scene(overview.scenes[2])
    assert len(svg.findall("polygon")) == len(row["objects"]) and len(svg.findall("g[@class='camera']")) == 2
    view = scene_view(row)
    assert len(view.areas) == len(svg.findall("path[@class='view']")) == 2
    corners = [tuple(map(float, pair.split(","))) for pair in svg.find("polygon").get("points").split()]
    assert corners == list(view.outlines[0].corners)


def test_what_a_camera_sees_is_drawn_from_its_place_to_both_sides_of_its_viewing_direction(overview):
    row = overview.scene(overview.scenes[2])
    view = scene_view(row)
    for area, (x, y, x2, y2) in zip(view.areas, view.cameras, strict=True):
        corners = np.array(area) - [x, y]
        assert min(np.abs(corners).sum(1)) < 0.02  # the place of the camera itself
        ahead = np.array([x2 - x, y2 - y])
        far = corners[np.abs(corners).sum(1) > 0.02]
        assert (far @ ahead > 0).all()
        assert len(set(np.sign(np.cross(ahead, far)))) == 2


def test_a_scene_is_drawn_without_what_its_cameras_see_where_that_is_not_known(overview):
    row = overview.scene(overview.scenes[2])
    broken = [{"bytes": b"no image", "path": None}] * 2
    unknown = np.full((2, 3, 3), np.nan).tolist()
    for change in ({"frames": broken}, {"intrinsics": unknown}):
        view = scene_view(row | change)
        assert view.areas == () and len(view.cameras) == 2 and len(view.outlines) == len(row["objects"])
    assert scene_view(row | {"frames": [], "intrinsics": [], "camera_to_world": [], "objects": []}) is None


def test_a_question_about_two_frames_comes_with_them_from_above(overview):
    site = Site(overview)
    row, questions = overview.scene(overview.scenes[2]), overview.questions(overview.scenes[2])
    asked = [place for place, question in enumerate(questions) if len(question["key_frames"]) > 1]
    pictures = [path for path in site.scene_paths(2) if path.startswith("above/")]
    assert pictures == [f"above/2-q{place}.png" for place in asked] != []
    page = site.page("scene/2.html").content.decode()
    assert re.findall(r'src="\.\./(above/.*?)"', page) == pictures
    question = questions[asked[0]]
    scene = stored_scene(row, sorted(question["key_frames"]))
    named = [item.instance_id for item in scene.objects if item.category in question["anchors"]["semantics"]]
    shown = [item.instance_id for item in objects_to_tell(scene, question["anchors"]["semantics"])]
    assert shown[: len(named)] == sorted(named)
    content = site.page(pictures[0]).content
    assert Image.open(io.BytesIO(content)).tobytes() == birds_eye(scene, objects=shown).tobytes()


def test_hostile_texts_are_shown_and_do_not_run(hostile):
    site = Site(Overview.read(DatasetFiles.open(hostile)))
    for path in ("index.html", "scenes.html", "scene/2.html"):
        page = site.page(path).content.decode()
        found = Tags(page).found
        assert not [tag for tag, _ in found if tag in ("script", "iframe", "object", "embed")]
        assert not [key for _, attributes in found for key in attributes if key.startswith("on")]
        assert not [
            a["src"] for tag, a in found if tag == "img" and not a["src"].startswith(("../frame/", "../above/"))
        ]
    assert unescape(page).count(HOSTILE) >= 6 and "49" not in re.search(r"<h3>&lt;script.*?</h3>", page)[0]


def test_lists_are_filtered_by_task_scale_and_split(overview):
    site = Site(overview)

    def listed(**query):
        return [
            int(number)
            for number in re.findall(r'href="scene/(\d+)', site.page("scenes.html", query).content.decode())
        ]

    assert listed() == [0, 1, 2, 3, 4]
    assert listed(scale="indoor") == listed(task="room_size") == [2]
    assert listed(split="test") == [] and listed(split="train", task="navigation") == [3]
    assert listed(task="'; drop", page="-7") == listed(page="99999999999999") == listed()
    page = site.page("scene/1.html", {"task": "manipulation_planning"}).content.decode()
    assert 'rel="prev" href="0.html?task=manipulation_planning"' in page and 'rel="next"' not in page


def test_samples_of_every_skill_are_found(tmp_path):
    source = SyntheticSource(5, 0, num_frames=3, frame_size=(96, 72))
    build_dataset(source, tmp_path / "vst", BuildSettings(config="vst-p", max_per_scene=12))
    files = DatasetFiles.open(tmp_path / "vst")
    site, asked = Site(Overview.read(files)), Counter()
    page = site.page("index.html").content.decode()
    rules = {entry.scene_id: entry.skills for entry in Overview.read(files).scenes}
    for path in files.parts["questions"]:
        for row in pq.read_table(path).to_pylist():
            asked[json.loads(row["provenance"])["rule"], row["scene_id"]] += 1
    assert asked == Counter({(rule, scene): n for scene, skills in rules.items() for rule, n in skills.items()})
    for skill, count in files.report["by_skill"].items():
        assert f'<tr data-skill="{skill}">' in page and f'href="scenes.html?skill={skill}"' in page
        listed = site.page("scenes.html", {"skill": skill}).content.decode()
        numbers = re.findall(r'href="scene/(\d+)', listed)
        shown = [site.page(f"scene/{number}.html").content.decode() for number in numbers]
        assert sum(one.count(f'data-skill="{skill}">') for one in shown) == count
        assert all(f'<option value="{skill}">' in one for one in shown)


def test_a_default_dataset_is_not_listed_by_skill(overview):
    site = Site(overview)
    for path in ("index.html", "scenes.html", "scene/0.html"):
        assert 'name="skill"' not in site.page(path).content.decode()


def test_pages_and_images_come_over_http_and_nothing_else_does(serve, overview, dataset):
    server = serve(overview)
    assert server.server_address[0] == "127.0.0.1"
    answer, content = get(server, "/")
    assert answer.status == 200 and b"210 questions" in content
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]
    answer, content = get(server, "/scene/2.html?task=object_size")
    for image in re.findall(r'src="\.\./(.*?)"', content.decode()):
        answer, content = get(server, f"/{image}")
        size = Image.open(io.BytesIO(content)).size
        assert answer.status == 200 and (size == (96, 72) or image.startswith("above/") and size[0] >= 840)
    outside = [
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/build_report.json",
        f"{dataset}/README.md",
    ]
    for path in [
        *outside,
        "/scene/5.html",
        "/scene/-1.html",
        "/frame/0/2.jpg",
        "/frame/0/0-q42.jpg",
        "/above/0-q42.png",
        "/scene/%00.html",
    ]:
        assert get(server, path)[0].status == 404, path
    assert get(server, "/?" + "&".join(["a=1"] * 99))[0].status == 400
    assert get(server, "/", Host="evil.example:80")[0].status == 403


def test_a_broken_image_is_a_message_and_the_server_goes_on(serve, dataset, tmp_path, capsys):
    folder = shutil.copytree(dataset, tmp_path / "broken")
    (path,) = folder.glob("scenes/train-indoor*")
    table = pq.read_table(path)
    content = table.to_pylist()
    for frame in content[0]["frames"]:
        frame["bytes"] = b"no image"
    pq.write_table(pa.Table.from_pylist(content, schema=table.schema), path)
    broken = Overview.read(DatasetFiles.open(folder))
    server = serve(broken)
    image = next(one for one in Site(broken).scene_paths(2) if "-q" in one)
    answer, content = get(server, f"/{image}")
    assert answer.status == 500 and b"is not an image" in content and b"Traceback" not in content
    assert get(server, "/scene/2.html")[0].status == 200
    assert capsys.readouterr().err.count("\n") == 1


def test_static_pages_are_whole_and_need_no_network(dataset, tmp_path, capsys):
    inspect_dataset(dataset, tmp_path / "pages", max_scenes=3)
    assert capsys.readouterr().out == f"{tmp_path / 'pages' / 'index.html'}\n"
    written = {str(path.relative_to(tmp_path / "pages")) for path in (tmp_path / "pages").rglob("*") if path.is_file()}
    linked = {"index.html"}
    for page in (path for path in written if path.endswith(".html")):
        for tag, attributes in Tags((tmp_path / "pages" / page).read_text()).found:
            assert tag not in ("script", "link")
            target = attributes.get("href") or attributes.get("src")
            if target:
                linked.add(os.path.normpath(os.path.join(os.path.dirname(page), target)))
    assert linked == written
    assert sum(path.startswith("scene/") for path in written) == 3
    assert "3 of 5 scenes" in (tmp_path / "pages" / "scenes.html").read_text()


def test_scenes_are_chosen_evenly_over_scales(overview):
    scenes = [one for scale, n in zip(SCALE_NAMES, (1, 2, 30, 40, 0), strict=True) for one in [overview.scenes[0]] * n]
    copies = [type(one)(f"{i}", "s", "train", "", one.group, 0) for i, one in enumerate(scenes)]
    for start, end, scale in ((0, 1, 0), (1, 3, 1), (3, 33, 2), (33, 73, 3)):
        for one in copies[start:end]:
            one.scale = SCALE_NAMES[scale]
    chosen = Overview(overview.files, copies, overview.statistics).choose(23)
    assert Counter(copies[number].scale for number in chosen) == {
        "tiny_tabletop": 1,
        "tabletop": 2,
        "indoor": 10,
        "outdoor": 10,
    }
    assert chosen == sorted(set(chosen)) and Overview(overview.files, copies, overview.statistics).choose(99) == list(
        range(73)
    )


def spoil(folder, how):
    if how == "no folder":
        shutil.rmtree(folder)
    elif how == "no scenes":
        shutil.rmtree(folder / "scenes")
    elif how == "no report":
        (folder / "build_report.json").write_text("{")
    elif how == "not Parquet":
        next(folder.glob("questions/*")).write_bytes(b"PAR1 no PAR1")
    elif how == "cut":
        path = next(folder.glob("questions/*"))
        content = bytearray(path.read_bytes())
        content[100:4000] = bytes(3900)
        path.write_bytes(content)
    elif how == "other columns":
        path = next(folder.glob("questions/*"))
        pq.write_table(pq.read_table(path).drop_columns(["rationale"]), path)
    elif how == "unknown label":
        path = next(folder.glob("questions/*"))
        table = pq.read_table(path)
        at = table.schema.get_field_index("task")
        pq.write_table(table.set_column(at, table.schema.field(at), pa.array([99] * table.num_rows, pa.int64())), path)
    elif how == "no split":
        path = next(folder.glob("questions/*"))
        path.rename(path.with_name("x-0.parquet"))


@pytest.mark.parametrize(
    "how",
    ["no folder", "no scenes", "no report", "not Parquet", "cut", "other columns", "unknown label", "no split"],
)
def test_a_bad_folder_is_one_line_and_code_2(dataset, tmp_path, capsys, how):
    folder = shutil.copytree(dataset, tmp_path / "bad")
    spoil(folder, how)
    assert run_command(lambda: inspect_dataset(folder, tmp_path / "pages"), "") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and not (tmp_path / "pages").exists()


def test_an_output_that_is_taken_and_a_bad_port_are_refused(dataset, overview, tmp_path, serve):
    with pytest.raises(InputError, match="not an empty folder"):
        inspect_dataset(dataset, dataset)
    for port in (serve(overview).server_port, 70_000):
        with pytest.raises(InputError, match=f"--port: {port} cannot be used"):
            LocalServer(Site(overview), port)
    with pytest.raises(InputError, match="--max-scenes"):
        inspect_dataset(dataset, tmp_path / "pages", max_scenes=0)


@pytest.fixture
def interruptible():
    """Ctrl-C reaches the process, also where it was started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_server_ends_with_ctrl_c_and_code_0(dataset, capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status = []

    def look_and_interrupt():
        for _ in range(200):
            try:
                status.append(get(SimpleNamespace(server_port=port), "/scenes.html")[0].status)
                break
            except ConnectionError:
                time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    reader = threading.Thread(target=look_and_interrupt)
    reader.start()
    assert run_command(lambda: inspect_dataset(dataset, port=port), "") == 0
    reader.join()
    assert status == [200]
    captured = capsys.readouterr()
    assert captured.out == f"http://127.0.0.1:{port}/ (Ctrl-C ends it)\n" and captured.err == ""


async def in_browser(browser, profile, address, expression, width):
    """Open a page in a real browser, at a width in pixels, and return the value of a JavaScript expression."""
    aiohttp = pytest.importorskip("aiohttp")
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
    ]
    process = await asyncio.create_subprocess_exec(browser, *arguments, stderr=asyncio.subprocess.PIPE)
    try:
        while not (found := re.search(rb"ws://\S+", await process.stderr.readline())):
            pass
        async with aiohttp.ClientSession() as client, client.ws_connect(found[0].decode(), max_msg_size=0) as tab:
            session, number = {}, 0

            async def ask(method, **parameters):
                nonlocal number
                number += 1
                await tab.send_json({"id": number, "method": method, "params": parameters, **session})
                while (answer := await tab.receive_json()).get("id") != number:
                    pass
                return answer["result"]

            target = await ask("Target.createTarget", url="about:blank")
            attached = await ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            session["sessionId"] = attached["sessionId"]
            await ask("Page.enable")
            size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
            await ask("Emulation.setDeviceMetricsOverride", **size)
            await ask("Page.navigate", url=address)
            while (await tab.receive_json()).get("method") != "Page.loadEventFired":
                pass
            value = await ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
            return value["result"]["value"]
    finally:
        process.kill()
        await process.wait()


FACTS = """(async () => {
  const images = [...document.images];
  images.forEach(image => image.loading = "eager");
  await Promise.all(images.map(image => image.decode().catch(() => 0)));
  const cards = () => [...document.querySelectorAll(".card")].filter(card => card.checkVisibility()).length;
  const all = cards();
  const select = document.querySelector("select[name=task]");
  select.value = "object_size";
  return {
    title: document.title, wide: document.documentElement.scrollWidth, all, some: cards(),
    expected: document.querySelectorAll(".card[data-task=object_size]").length,
    images: images.length, drawn: images.filter(image => [96, 840].includes(image.naturalWidth)).length,
    polygons: [...document.querySelectorAll("polygon")].filter(one => one.getBBox().width > 0).length,
  };
})()"""


def test_a_real_browser_shows_the_page_at_phone_width_and_runs_nothing_of_the_dataset(hostile, serve, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    overview = Overview.read(DatasetFiles.open(hostile))
    inspect_dataset(hostile, tmp_path / "pages")
    served = f"{serve(overview).url}scene/2.html"
    for at, address in enumerate((served, (tmp_path / "pages" / "scene" / "2.html").as_uri())):
        work = in_browser(browser, tmp_path / f"profile{at}", address, FACTS, width=360)
        facts = asyncio.run(asyncio.wait_for(work, 60))
        assert facts["title"].startswith("synthetic-0-000002") and facts["wide"] == 360
        assert facts["all"] == 42 and 0 < facts["some"] == facts["expected"] < 42
        assert facts["images"] == facts["drawn"] > 2
        assert facts["polygons"] == len(overview.scene(overview.scenes[2])["objects"])
