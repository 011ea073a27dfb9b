import csv
import json
import pickle
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from dataset_builders.ask import ask
from dataset_builders.errors import InputError
from dataset_builders.scene import Camera
from dataset_builders.sources.cloud_view import view_cloud
from dataset_builders.sources.drone import DroneSource
from dataset_builders.sources.photo_match import NadirPose, PhotoMatcher
from dataset_builders.sources.utm import to_utm
from dataset_builders.tasks import RULES

laspy = pytest.importorskip("laspy")
pytest.importorskip("lazrs")

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drone_brighton"
LATITUDE, LONGITUDE = 46.95, 3.0004
# GPS puts the photo a metre and a half from where it was taken: 31 m east and 30 m north of the corner.
CORNER = np.array([*np.floor(to_utm(LATITUDE, LONGITUDE, zone=31)), 150.0]) - [31, 30, 0]
SIDE, PITCH = 60.0, 0.15  # metres
FOCAL_35MM, WIDTH, HEIGHT = 36.0, 160, 120
INTRINSICS = np.array([[160.0, 0, 79.5], [0, 160.0, 59.5], [0, 0, 1]])
TRUTH = NadirPose(np.array([32.0, 29.0, 30.0]), np.radians(40))
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description drone-dji:RelativeAltitude="+{height:.2f}" '
    'drone-dji:GimbalYawDegree="{yaw:+.2f}" drone-dji:GimbalPitchDegree="{pitch:.2f}"/></x:xmpmeta>'
)


def make_ground(seed=0):
    """Return points (N, 3), metres from the corner, and colours (N, 3) of a hilly ground with blots."""
    axis = np.arange(0, SIDE, PITCH)
    east, north = (grid.ravel() for grid in np.meshgrid(axis, axis))
    shape = (len(axis), len(axis))
    blots = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 10)
    grey = np.clip(128 + 60 * blots / blots.std(), 0, 255).ravel()
    up = np.sin(east / 9) * np.cos(north / 7)
    return np.column_stack([east, north, up - np.median(up)]), np.repeat(grey[:, None], 3, axis=1).astype(np.uint8)


def take_photo(points, colors, pose):
    camera = Camera(INTRINSICS, pose.camera_to_world(), WIDTH, HEIGHT)
    return view_cloud(points, colors, camera).color.round().astype(np.uint8)


def write_cloud(path, points, colors, epsg=32631, point_format=3):
    header = laspy.LasHeader(point_format=point_format, version="1.2")
    header.scales, header.offsets = np.full(3, 0.001), CORNER
    directory = laspy.vlrs.known.GeoKeyDirectoryVlr()
    directory.parse_record_data(np.array([1, 1, 0, 1, 3072, 0, 1, epsg], "<u2").tobytes())
    header.vlrs.append(directory)
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = (points + CORNER).T
    if point_format == 3:
        cloud.red, cloud.green, cloud.blue = (colors.astype(np.uint16) * 257).T
    cloud.write(path)


def degrees(angle):
    minutes, seconds = divmod(abs(angle) * 3600, 60)
    return (minutes // 60, minutes % 60, seconds)


def write_photo(path, color, altitude=180.0, height=30.0, yaw=40.0, pitch=-90.0, gps=True):
    """Write a photo as a drone does, taken near the middle of the ground."""
    exif = Image.Exif()
    if gps:
        exif[0x8825] = {1: "N", 2: degrees(LATITUDE), 3: "E", 4: degrees(LONGITUDE), 5: b"\x00", 6: altitude}
    exif[0x8769] = {0xA405: int(FOCAL_35MM)}
    xmp = XMP.format(height=height, yaw=yaw, pitch=pitch).encode()
    Image.fromarray(color).save(path, exif=exif, xmp=xmp, quality=95)


def write(folder, **photo):
    folder.mkdir()
    points, colors = make_ground()
    write_cloud(folder / "model.laz", points, colors)
    write_photo(folder / "DJI_0001.JPG", take_photo(points, colors, TRUTH), **photo)
    return folder


def load(folder, num_frames=None, frame_width=WIDTH):
    source = pickle.loads(pickle.dumps(DroneSource(folder, num_frames, frame_width)))
    return source.load(source.refs()[0])


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone", "southern", "expected"),
    [  # by PROJ, from Wikipedia (CN Tower) and the geodetic survey of Australia (Flinders Peak, GDA94 zone 55)
        (43.642567, -79.387139, 17, False, (630084, 4833438)),
        (-37.951033417, 144.424867889, 55, True, (273741.297, 5796489.777)),
    ],
)
def test_utm_of_known_places(latitude, longitude, zone, southern, expected):
    tolerance = 1.0 if zone == 17 else 0.01
    assert to_utm(latitude, longitude, zone, southern) == pytest.approx(expected, abs=tolerance)


def test_the_pose_of_a_photo_is_found_from_a_start_that_is_off_and_upside_down():
    points, colors = make_ground()
    photo = take_photo(points, colors, TRUTH).mean(axis=2)
    start = TRUTH.moved(np.array([1.8, -1.4, 0.9, np.radians(4)]))
    starts = [start.moved(np.array([0, 0, 0, turn])) for turn in (np.pi, 0)]
    pose, correlation = PhotoMatcher(points, colors).refine(starts, photo, INTRINSICS)
    assert correlation > 0.95
    assert np.allclose(pose.position, TRUTH.position, atol=0.15)
    assert np.degrees(pose.heading) == pytest.approx(40, abs=0.5)


def test_the_nearest_point_of_a_pixel_hides_the_others_and_lends_its_colour():
    camera = Camera(INTRINSICS, NadirPose(np.array([0, 0, 30.0]), 0.0).camera_to_world(), WIDTH, HEIGHT)
    points = np.array([[0.1, 0.1, 0], [0.05, 0.05, 15.0], [0, 100, 0], [0, 0, 40]])
    view = view_cloud(points, np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8), camera)
    assert view.depth[view.depth > 0].tolist() == [15]
    assert view.color[view.depth > 0].tolist() == [[0, 255, 0]]


def test_depth_is_unknown_where_the_photo_shows_something_else():
    points, colors = make_ground()
    camera = Camera(INTRINSICS, TRUTH.camera_to_world(), WIDTH, HEIGHT)
    view = view_cloud(points, colors, camera)
    photo = np.clip(view.color + 20, 0, 255).astype(np.uint8)  # longer exposed
    photo[40:80, 60:100] = [0, 255, 0]  # a tree
    depth = view.agreeing_depth(photo)
    assert not depth[44:76, 64:96].any()
    assert (depth[:30] > 0).mean() > 0.95


@pytest.mark.parametrize("turned", [0, 180])
def test_a_flight_becomes_a_scene(tmp_path, turned):
    folder = write(tmp_path / "field", yaw=43.0 - turned, altitude=181.0)
    (folder / "scene.json").write_text(json.dumps({"license": "CC0-1.0"}))
    scene = load(folder)
    assert (scene.scene_id, scene.scale, scene.license, scene.objects) == ("field", "drone", "CC0-1.0", ())
    (frame,) = scene.frames
    assert np.allclose(frame.camera.camera_to_world, TRUTH.camera_to_world(), atol=0.2)
    assert np.allclose(scene.metadata["origin"][:2], CORNER[:2], atol=0.01)
    points, _ = make_ground()
    rows, columns = np.nonzero(frame.depth)
    assert len(rows) > 0.9 * frame.depth.size
    assert frame.depth[rows, columns].min() > 30.1 - points[:, 2].max() - 0.3


def test_a_photo_that_does_not_match_is_left_out_and_listed(tmp_path):
    folder = write(tmp_path / "field")
    other = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    (folder / "more").mkdir()
    write_photo(folder / "more" / "DJI_0002.jpg", other)
    write_photo(folder / "more" / "DJI_0001.jpg", other)  # the one in the folder itself counts
    scene = load(folder)
    assert len(scene.frames) == 1 and scene.metadata["photos_left_out"] == ["more/DJI_0002.jpg"]
    (folder / "DJI_0001.JPG").unlink()
    with pytest.raises(InputError, match="field: photos: none of 2 agrees with model.laz"):
        load(folder)


def test_a_folder_of_flights_gives_one_scene_each(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.laz").touch()
    assert [(ref.scene_id, ref.scale) for ref in DroneSource(tmp_path).refs()] == [("a", "drone"), ("b", "drone")]


def cut(name, size):
    def damage(folder):
        (folder / name).write_bytes((folder / name).read_bytes()[:size])

    return damage


def rewrite(**photo):
    return lambda folder: write_photo(folder / "DJI_0001.JPG", np.zeros((HEIGHT, WIDTH, 3), np.uint8), **photo)


def replace_cloud(**options):
    return lambda folder: write_cloud(folder / "model.laz", *make_ground(), **options)


def link_outside(folder):
    (folder / "DJI_0001.JPG").rename(folder.parent / "outside.jpg")
    (folder / "DJI_0001.JPG").symlink_to(folder.parent / "outside.jpg")


def unknown_format(folder):
    content = bytearray((folder / "model.laz").read_bytes())
    content[104] = 0b1011_1100
    (folder / "model.laz").write_bytes(content)


def announce(field):
    """Write four billion into the header, where LAS 1.2 counts records and points and LAZ counts chunks."""

    def damage(folder):
        content = bytearray((folder / "model.laz").read_bytes())
        (start,) = struct.unpack_from("<I", content, 96)
        (table,) = struct.unpack_from("<q", content, start)
        struct.pack_into("<I", content, {"records": 100, "points": 107, "chunks": table + 4}[field], 4_000_000_000)
        (folder / "model.laz").write_bytes(content)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut("model.laz", 0), "field/model.laz: point cloud: is empty; copy the file again"),
        (cut("model.laz", 100), "field/model.laz: header: is not complete"),
        (cut("model.laz", 5000), "field/model.laz: header: is not complete"),
        (unknown_format, "field/model.laz: point cloud: cannot be decoded"),
        (announce("records"), "field/model.laz: records: 4,000,000,000 are announced in"),
        (announce("points"), "field/model.laz: points: 4,000,000,000 are announced in"),
        (announce("chunks"), "field/model.laz: chunks: 4,000,000,000 are announced in"),
        (replace_cloud(epsg=4326), "field/model.laz: coordinate system: is EPSG:4326; project the cloud"),
        (replace_cloud(point_format=1), "field/model.laz: colours: are missing"),
        (lambda folder: (folder / "second.las").touch(), "field/second.las: file: is a second point cloud"),
        (cut("DJI_0001.JPG", 0), "field/DJI_0001.JPG: image: is empty"),
        (cut("DJI_0001.JPG", 2000), "field/DJI_0001.JPG: image: cannot be decoded"),
        (rewrite(gps=False), "field/DJI_0001.JPG: GPSLatitude: is missing"),
        (rewrite(), "field: photos: none of 1 agrees with model.laz"),  # all black
        (rewrite(pitch=-60), "field/DJI_0001.JPG: GimbalPitchDegree: is -60.0; leave out"),
        (
            lambda folder: Image.new("RGB", (40, 30)).save(folder / "DJI_0001.JPG"),
            "field/DJI_0001.JPG: GPSLatitude: is missing",
        ),
        (link_outside, "field/DJI_0001.JPG: file: leads outside"),
        (lambda folder: (folder / "DJI_0001.JPG").unlink(), "field: \\*.jpg: no photo here or one level below"),
    ],
)
def test_bad_files_are_named(tmp_path, damage, message):
    folder = write(tmp_path / "field")
    damage(folder)
    with pytest.raises(InputError, match=message):
        load(folder)


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    folder = write(tmp_path / "field")
    monkeypatch.setitem(sys.modules, "laspy", None)
    with pytest.raises(InputError, match=r"laspy is not installed; run: pip install 'laspy\[lazrs\]'"):
        load(folder)


def test_folders_without_a_cloud_are_refused(tmp_path):
    with pytest.raises(InputError, match="\\*.laz: is neither here nor one level below"):
        DroneSource(tmp_path)
    with pytest.raises(InputError, match="--input: is not a folder"):
        DroneSource(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def published():
    """What SOURCE.md and exif.csv say of the photos, by name."""
    if not DATA.is_dir():
        pytest.skip("real data drone_brighton is not beside the project (../shared/data)")
    with open(DATA / "exif.csv") as file:
        return {row["file"].removesuffix(".JPG"): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def brighton(tmp_path_factory, published):
    """A scene of three photos: 0018, which the cloud hardly covers, 0026, taken on the way back, and 0035."""
    folder = tmp_path_factory.mktemp("brighton")
    for name in ("model.laz", "small/DJI_0018.jpg", "small/DJI_0026.jpg", "small/DJI_0035.jpg"):
        shutil.copy(DATA / name, folder)
    return load(folder, frame_width=448)


def test_real_positions_in_utm(published):
    """exif.csv holds the projection that another program computed, to the centimetre."""
    for row in published.values():
        found = to_utm(float(row["lat_deg"]), float(row["lon_deg"]), zone=15)
        assert found == pytest.approx((float(row["utm15n_e_m"]), float(row["utm15n_n_m"])), abs=0.01)


def test_real_photos_lie_on_the_real_cloud(brighton, published):
    """The way there heads along the gimbal's yaw, the way back against it; GPS is off by up to 2 m (SOURCE.md)."""
    assert brighton.metadata["photos_left_out"] == ["DJI_0018.jpg"]
    assert brighton.metadata["utm_zone"] == 15
    origin = np.array(brighton.metadata["origin"])
    for frame, name, turn in zip(brighton.frames, ("DJI_0026", "DJI_0035"), (180, 0), strict=True):
        row, pose = published[name], frame.camera.camera_to_world
        gps = [float(row[key]) for key in ("utm15n_e_m", "utm15n_n_m", "gps_alt_m")]
        assert np.linalg.norm(pose[:2, 3] + origin[:2] - gps[:2]) < 2.5
        assert pose[2, 3] + origin[2] == pytest.approx(gps[2], abs=1)
        heading = np.degrees(np.arctan2(-pose[0, 1], -pose[1, 1]))
        off = (heading - float(row["gimbal_yaw_deg"]) - turn + 180) % 360 - 180
        assert abs(off) < 5


def test_the_real_footprint(brighton):
    """67 m wide, 1.7 cm to a pixel of the 4000 of the original (SOURCE.md)."""
    for frame in brighton.frames:
        ground = np.median(frame.depth[frame.depth > 0])
        footprint = frame.camera.width * ground / frame.camera.intrinsics[0, 0]
        assert footprint == pytest.approx(67, abs=3)
        assert 100 * footprint / 4000 == pytest.approx(1.7, abs=0.1)


def test_the_colours_of_the_real_cloud_are_those_of_the_photos(brighton):
    """Project every point by hand, read the photo there, and compare the brightness."""
    cloud = laspy.read(DATA / "model.laz")
    points = np.column_stack([cloud.x, cloud.y, cloud.z]) - brighton.metadata["origin"]
    grey = np.column_stack([cloud.red, cloud.green, cloud.blue]) @ [0.299, 0.587, 0.114]
    for frame in brighton.frames:
        local = np.linalg.inv(frame.camera.camera_to_world) @ np.column_stack([points, np.ones(len(points))]).T
        u, v, _ = np.rint(frame.camera.intrinsics @ local[:3] / local[2]).astype(int)
        inside = (u >= 0) & (u < 448) & (v >= 0) & (v < 252)
        assert inside.mean() > 0.2
        photo = frame.color @ [0.299, 0.587, 0.114]
        assert np.corrcoef(photo[v[inside], u[inside]], grey[inside])[0, 1] > 0.75


def test_questions_about_the_real_flight_are_answered_by_the_cloud(brighton):
    questions = ask(brighton, RULES, seed=0, limit=40).questions
    assert len(questions) == 40
    points = np.column_stack(laspy.read(DATA / "model.laz").xyz.T) - brighton.metadata["origin"]
    depths = [question.fact for question in questions if question.fact.rule == "image.depth_of_point"]
    assert len(depths) >= 3
    for fact in depths[:3]:
        # A camera that looks straight down is as far above a point along its axis as it is higher.
        (region,) = fact.regions
        camera = brighton.frames[region.frame_index].camera
        ray = camera.camera_to_world[:3, :3] @ np.linalg.inv(camera.intrinsics) @ [*region.point, 1]
        place = camera.camera_to_world[:3, 3] + fact.measured["depth_m"] * ray
        around = points[np.linalg.norm(points[:, :2] - place[:2], axis=1) < 0.3]
        assert fact.measured["depth_m"] == pytest.approx(camera.camera_to_world[2, 3] - around[:, 2].max(), abs=0.3)
        assert float(fact.answer.split()[0]) == round(fact.measured["depth_m"])
    for fact in (question.fact for question in questions if question.fact.rule == "area.patch"):
        # The ground is nearly level: its area is that in the picture times the square of a pixel's width on it.
        frame = brighton.frames[fact.regions[0].frame_index]
        if all(region.kind == "point" for region in fact.regions):
            corners = np.array([region.point for region in fact.regions])
            following = np.roll(corners, -1, axis=0)
            pixels = abs((corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]).sum()) / 2
            width = np.median(frame.depth[frame.depth > 0]) / frame.camera.intrinsics[0, 0]
            assert fact.measured["area_m2"] == pytest.approx(pixels * width**2, rel=0.1)
