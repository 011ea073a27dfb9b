"""What a drone's photo says about where it was taken: EXIF (position, focal length) and the XMP of DJI (attitude)."""

import math
import re
from dataclasses import dataclass

from PIL import ExifTags, Image

from dataset_builders.errors import InputError

XMP_NUMBER = r"{}(?:=\"|>)\s*([+-]?\d{{1,9}}(?:\.\d{{1,12}})?)\b"
"""XMP is searched rather than parsed as XML, which would let a file define entities; DJI writes attributes."""


@dataclass(frozen=True)
class PhotoTags:
    """Where a photo was taken.

    Attributes:
        latitude: Degrees north, WGS 84.
        longitude: Degrees east.
        altitude: Metres by GPS; above what depends on the drone.
        relative_altitude: Metres above the place of take-off.
        yaw: Of the gimbal, degrees clockwise from north.
        pitch: Of the gimbal, degrees; -90 looks straight down.
        focal_35mm: Focal length on film 36 mm wide, millimetres.
    """

    latitude: float
    longitude: float
    altitude: float
    relative_altitude: float
    yaw: float
    pitch: float
    focal_35mm: float


def read_tags(image: Image.Image, place: str) -> PhotoTags:
    """Read the tags of an open image.

    Raises:
        InputError: if one is missing or makes no sense.
    """
    try:
        exif = image.getexif()
        gps, details = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(place, "EXIF", f"cannot be read ({type(error).__name__})", "copy the photo again") from None
    xmp = image.info.get("xmp", b"").decode("utf-8", "replace")
    tag = ExifTags.GPS
    return PhotoTags(
        latitude=_angle(gps, tag.GPSLatitude, tag.GPSLatitudeRef, "S", 90, place),
        longitude=_angle(gps, tag.GPSLongitude, tag.GPSLongitudeRef, "W", 180, place),
        altitude=_altitude(gps, place),
        relative_altitude=_xmp_number(xmp, "RelativeAltitude", place),
        yaw=_xmp_number(xmp, "GimbalYawDegree", place),
        pitch=_xmp_number(xmp, "GimbalPitchDegree", place),
        focal_35mm=_positive(details.get(ExifTags.Base.FocalLengthIn35mmFilm), "FocalLengthIn35mmFilm", place),
    )


def _angle(gps: dict, value: int, reference: int, negative: str, most: float, place: str) -> float:
    field = ExifTags.GPSTAGS[value]
    try:
        degrees, minutes, seconds = (float(part) for part in gps[value])
        angle = degrees + minutes / 60 + seconds / 3600
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        angle = math.nan
    if not 0 <= angle <= most:
        raise InputError(place, field, "is missing or no angle", "give photos with GPS in their EXIF")
    return -angle if gps.get(reference) == negative else angle


def _altitude(gps: dict, place: str) -> float:
    try:
        altitude = float(gps[ExifTags.GPS.GPSAltitude])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        altitude = math.nan
    if not math.isfinite(altitude):
        raise InputError(place, "GPSAltitude", "is missing or no number", "give photos with GPS in their EXIF")
    return -altitude if gps.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01") else altitude


def _positive(value, field: str, place: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise InputError(place, field, "is missing or not positive", "give photos with their original EXIF")
    return number


def _xmp_number(xmp: str, name: str, place: str) -> float:
    found = re.search(XMP_NUMBER.format(name), xmp)
    if found is None:
        raise InputError(place, name, "is missing in the XMP", "give photos with the XMP that the drone wrote")
    return float(found[1])
