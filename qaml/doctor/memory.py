"""How much memory this process could still have."""

from __future__ import annotations

from pathlib import Path

_INFO, _LIMIT, _USED = (
    Path("/proc/meminfo"),
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory.current"),
)


def available() -> float:
    """Bytes that are free or can be freed, within the limit of a container; infinite where that is not known."""
    free = float("inf")
    try:
        for line in _INFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = 1024.0 * float(line.split()[1])
        limit = _LIMIT.read_text().strip()
        if limit.isdecimal():
            free = min(free, float(limit) - float(_USED.read_text()))
    except (OSError, ValueError):
        return free
    return free
