"""What the numbers of a benchmark depend on: the machine, described without its name or its paths."""

import os
import platform
from pathlib import Path


def describe_machine() -> dict:
    """Return processor, cores, memory, Python and operating system; null where the system does not tell."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    return {
        "cpu": names[0].split(":")[1].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "python": platform.python_version(),
        "platform": f"{_system()}, {platform.machine()}",
    }


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _system() -> str:
    """Name the distribution where there is one; a kernel's release can carry the name of the machine."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (KeyError, OSError):
        return platform.system()
