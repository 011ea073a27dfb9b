"""What content parts of a conversation ask for: a request is {"video": one video} and the keys of its part.

A part {"type": "video", "video": "room.mp4", "num_frames": 16} reaches a call as the video {"video": "room.mp4",
"num_frames": 16}, because the library hands on the video alone.
"""

from .clips import list_videos

SELECTION = ("num_frames", "fps", "frame_indices")
LIMITS = ("max_frame_pixels", "max_video_pixels")
OF_A_VIDEO = (*SELECTION, *LIMITS, "regions", "geometry")


def with_requests(conversation):
    """Move what a content part asks for to where the library looks for the image or video alone."""
    if isinstance(conversation, (list, tuple)):
        return [with_requests(item) for item in conversation]
    if not isinstance(conversation, dict) or not isinstance(conversation.get("content"), (list, tuple)):
        return conversation
    return {**conversation, "content": [_with_request(part) for part in conversation["content"]]}


def _with_request(part):
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in ("image", "video"):
        return part
    asked = {name: part[name] for name in OF_A_VIDEO if part.get(name) is not None}
    source = next((part[name] for name in (kind, "url", "path") if name in part), None)
    if not asked or source is None:
        return part
    if kind == "image" and (unfit := sorted(asked.keys() - {"geometry"})):
        raise ValueError(f"an image takes geometry alone, got {unfit}; give it as a video of one frame")
    return {"type": kind, kind: {kind: source, **asked}}


def split_images(images):
    """Part images from their geometry: (images in the same nesting, one entry of geometry or None per image)."""
    if isinstance(images, (list, tuple)):
        parts = [split_images(image) for image in images]
        return [image for image, _ in parts], [entry for _, entries in parts for entry in entries]
    if isinstance(images, dict):
        return images["image"], [images.get("geometry")]
    return images, [] if images is None else [None]


def list_requests(videos) -> list[dict]:
    """List the videos as mappings {"video": one video, and what is asked of it}."""
    requests = [
        video if isinstance(video, dict) else {"video": video}
        for video in list_videos([] if videos is None else videos)
    ]
    for place, request in enumerate(requests):
        found = list_videos(request["video"])
        if len(found) != 1:
            raise ValueError(f"a content part holds one video of at least one frame, expected 1, got {len(found)}")
        requests[place] = {**request, "video": found[0]}
    return requests


def spread_regions(regions, requests: list[dict]) -> list[dict]:
    """Give each request its entry of the argument `regions`, one per video, if there is one."""
    if regions is None:
        return requests
    if len(regions) != len(requests):
        raise ValueError(f"regions needs one entry per video, expected {len(requests)}, got {len(regions)}")
    if any(request.get("regions") is not None for request in requests):
        raise ValueError("regions of a video must be given once, got an argument beside those of a content part")
    return [{**request, "regions": entry} for request, entry in zip(requests, regions, strict=True)]


def gather_geometry(argument: list | None, own: list) -> list | None:
    """Return geometry per image and video, from the argument or from the parts, or None without any."""
    if all(entry is None for entry in own):
        return argument
    if argument is not None:
        raise ValueError("geometry must be given once, got an argument beside that of content parts")
    if missing := sum(entry is None for entry in own):
        raise ValueError(
            f"geometry needs one tensor per image and video, expected {len(own)}, got {len(own) - missing}"
        )
    return own
