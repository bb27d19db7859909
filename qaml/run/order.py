"""The order of steps: which are stored, needed and ready, updated with every step that is made, fails or vanishes.

Nothing here reads a disk or runs a step: the caller does, and reports the result. So a simulation can drive it, and an
update costs the logarithm of the plan's size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from heapq import heappop, heappush

from qaml.plan.step import Step

URGENT = 0.5
"""A step precedes those of the worker's own claim if its remaining path exceeds this share of the work per worker.

At 1 a path would just not end last if all other work were spread without a gap. Simulations of the published suites
with 2, 3, 4, 8 and 16 workers gave makespans within 1.045, 1.038, 1.004 and 1.006 of that of longest path first, at
0.7, 0.6, 0.5 and 0.4; at 0.4 some first verdicts come later.
"""

Heap = list[tuple[float, int, str]]
"""Keys by falling remaining path, then in the plan's order; a step that is no longer ready is skipped when popped."""


def usual(step: Step) -> float:
    """The seconds that a step of its kind usually takes."""
    return step.cost


class Order:
    """The steps of a plan in the order in which one of several workers takes them.

    The steps of the worker's own claim come first, so that verdicts come one by one. A step whose remaining path is
    near the remaining work per worker precedes them, since all workers would wait for it in the end.

    Args:
        steps: all steps of the plan, by key, parents first.
        wanted: keys of the artefacts that must exist at the end.
        is_there: whether an artefact is in the store; called once a step.
        workers: number of workers that share the work.
        seconds: expected seconds of a step; called for needed steps only.
    """

    def __init__(
        self,
        steps: Mapping[str, Step],
        wanted: Iterable[str],
        is_there: Callable[[str], bool],
        workers: int = 1,
        seconds: Callable[[Step], float] = usual,
    ) -> None:
        self.steps = steps
        self.remaining_path: dict[str, float] = {}
        """Needed step → expected seconds of the longest chain of needed steps from it to a verdict."""
        self.workers = workers
        self.failed: set[str] = set()
        self._refused: set[str] = set()  # failed steps whose failure was the machine's
        self._is_there = is_there
        self._wanted = set(wanted)
        self._parents = {key: tuple(dict.fromkeys(step.parents.values())) for key, step in steps.items()}
        self._children: dict[str, list[str]] = {key: [] for key in steps}
        for key, parents in self._parents.items():
            for parent in parents:
                self._children[parent].append(key)
        self._places = {key: place for place, key in enumerate(steps)}
        self._seconds = cache(lambda key: seconds(steps[key]))
        self._at: str | None = None
        self.look_again()

    # --- stored artefacts

    def look_again(self) -> None:
        """Check anew which artefacts are in the store, since those of before may be stale."""
        self._present: dict[str, bool] = {}
        self._refuse_again()
        self._count_again()

    def _count_again(self) -> None:
        self._missing: dict[str, int] = {}  # needed step → number of parents that it waits for
        self._users: Counter[str] = Counter()  # step → number of needed steps that wait for it
        self._lost: set[str] = set()  # needed steps that failed, or need one that did
        self._work = 0.0  # expected seconds of the needed steps that are not lost
        self._ready: Heap = []
        self._own: set[str] = set()  # needed steps of the worker's own claim
        self._own_ready: Heap = []
        self._open(self._wanted)
        if self._at is not None:
            self._gather(self._at)

    def has(self, key: str) -> bool:
        """Whether the artefact is in the store, as far as is known."""
        if key not in self._present:
            self._present[key] = self._is_there(key)
        return self._present[key]

    def needed(self) -> list[Step]:
        """The steps that are still needed."""
        return [self.steps[key] for key in self._missing]

    @property
    def n_needed(self) -> int:
        """The number of steps that are still needed."""
        return len(self._missing)

    def seconds_left(self, workers: int) -> float:
        """Expected seconds until so many workers have made the needed steps, if no worker ever waits for another.

        No worker number makes it shorter than the longest chain of steps.
        """
        while self._ready and not self._is_ready(self._ready[0][-1]):
            heappop(self._ready)
        longest = -self._ready[0][0] if self._ready else 0.0  # the longest chain begins with a ready step
        return max(longest, self._work / workers)

    @property
    def has_work(self) -> bool:
        """Whether any needed step can still be made."""
        return len(self._missing) > len(self._lost)

    def arrived(self, key: str) -> None:
        """Record that an artefact is in the store, made by this worker or another one."""
        self._present[key] = True
        self.failed.discard(key)
        self._refused.discard(key)
        if key in self._behind_refusal:
            self._refuse_again()
        if key not in self._missing:
            return
        if key in self._lost:  # another worker succeeded
            self._count_again()
            return
        self._drop(key)
        for child in self._children[key]:
            self._wait_for_one_less(child)

    def vanished(self, key: str) -> None:
        """Record that a stored artefact is damaged or gone."""
        self._present[key] = False
        if key in self._refused or not self._behind_refusal.isdisjoint(self._parents[key]):
            self._refuse_behind(key)
        if key in self._missing:
            return
        users = [child for child in self._children[key] if child in self._missing and child not in self._lost]
        for child in users:
            self._missing[child] += 1
        self._users[key] = len(users)
        if users or key in self._wanted:
            self._open([key])

    # --- failed steps

    def fail(self, key: str, *, is_refused: bool = False) -> None:
        """Record that a step failed: steps that need it cannot be made, unless it only draws something.

        Args:
            key: key of the step.
            is_refused: whether it failed because of the machine, such as a full disk. Then steps that could do without
                it are not made, either: they would be stored without a picture that the next session can draw.
        """
        self.failed.add(key)
        if is_refused:
            self._refused.add(key)
            for each in self._refuse_behind(key):
                if each in self._missing:
                    self._lose(each)
        if key in self._missing:
            self._lose(key)

    def is_lost(self, key: str) -> bool:
        """Whether a needed step cannot be made, since it or a step that it needs failed."""
        return key in self._lost

    def is_given_up(self, key: str) -> bool:
        """Whether a step that only draws something for the report cannot be made, so that its children go without."""
        return key in self._lost and self._is_optional(key)

    def _is_optional(self, key: str) -> bool:
        return self.steps[key].is_courtesy and key not in self._behind_refusal

    def _refuse_behind(self, key: str) -> list[str]:
        """Add the absent steps that depend on a refused step, directly or not; returns those that are new."""
        found, stack = [], [key]
        while stack:
            current = stack.pop()
            if current in self._behind_refusal or self.has(current):
                continue
            self._behind_refusal.add(current)
            found.append(current)
            stack.extend(self._children[current])
        return found

    def _refuse_again(self) -> None:
        self._behind_refusal: set[str] = set()
        for key in self._refused:
            self._refuse_behind(key)

    def failures_behind(self, key: str) -> list[str]:
        """The failed steps because of which this one cannot be made, nearest first."""
        found, seen, queue = [], {key}, [key]
        for current in queue:
            if current in self.failed:
                found.append(current)
            waited_for = (each for each in self._parents[current] if each in self._missing and each not in seen)
            behind = [each for each in waited_for if not self.is_given_up(each)]
            seen.update(behind)
            queue.extend(behind)
        return found

    def _lose(self, key: str) -> None:
        stack = [key]
        while stack:
            current = stack.pop()
            if current in self._lost or current not in self._missing:
                continue
            self._lost.add(current)
            self._work -= self._seconds(current)
            self._release(self._parents[current])
            for child in self._children[current]:
                if self._is_optional(current):
                    self._wait_for_one_less(child)
                else:
                    stack.append(child)

    # --- ready steps

    def want(self, key: str) -> None:
        """Make the claim that this artefact decides the worker's own."""
        self._at = key
        self._wanted.add(key)
        self._open([key])
        self._gather(key)

    def leave(self) -> None:
        """Leave the worker without a claim of its own."""
        self._at = None
        self._own, self._own_ready = set(), []

    def is_own(self, key: str) -> bool:
        """Whether the worker's own claim needs the step."""
        return key in self._own

    def _gather(self, key: str) -> None:
        self._own, self._own_ready = set(), []
        stack = [key]
        while stack:
            current = stack.pop()
            if current in self._own or current not in self._missing:
                continue
            self._own.add(current)
            self._push(current)
            stack.extend(self._parents[current])

    def candidates(self) -> Iterator[str]:
        """Ready steps, best first; a caller that runs one reports the result before it asks for candidates again."""
        tried: set[str] = set()
        urgent = URGENT * self._work / self.workers if self.workers > 1 else float("inf")
        for heap, at_least in ((self._ready, urgent), (self._own_ready, 0.0), (self._ready, 0.0)):
            passed: Heap = []
            try:
                while heap and -heap[0][0] >= at_least:
                    entry = heappop(heap)
                    key = entry[-1]
                    if not self._is_ready(key):
                        continue
                    passed.append(entry)
                    if key not in tried:
                        tried.add(key)
                        yield key
            finally:
                for entry in passed:
                    heappush(heap, entry)

    def _is_ready(self, key: str) -> bool:
        return self._missing.get(key) == 0 and key not in self._lost

    def _push(self, key: str) -> None:
        if not self._is_ready(key):
            return
        entry = (-self.remaining_path[key], self._places[key], key)
        if key in self._own:
            heappush(self._own_ready, entry)
        heappush(self._ready, entry)

    def _open(self, keys: Iterable[str]) -> None:
        """Mark the absent ones of these steps, and all absent steps that they are made from, as needed."""
        stack = [key for key in keys if not self.has(key)]
        opened, behind_failure = [], []
        while stack:
            key = stack.pop()
            if key in self._missing:
                continue
            opened.append(key)
            self._missing[key] = 0
            self._work += self._seconds(key)
            if self._own and any(child in self._own for child in self._children[key]):
                self._own.add(key)
            for parent in self._parents[key]:
                if self.has(parent):
                    continue
                self._users[parent] += 1
                if self.is_given_up(parent):
                    continue
                self._missing[key] += 1
                stack.append(parent)
                if parent in self._lost:
                    behind_failure.append(key)
        self._measure_paths(opened)
        for key in (*behind_failure, *(key for key in opened if key in self.failed)):
            self._lose(key)
        for key in opened:
            self._push(key)

    def _measure_paths(self, opened: Iterable[str]) -> None:
        for key in sorted(opened, key=self._places.__getitem__, reverse=True):  # children first
            behind = (self.remaining_path[child] for child in self._children[key] if child in self._missing)
            self.remaining_path[key] = self._seconds(key) + max(behind, default=0.0)

    def _wait_for_one_less(self, key: str) -> None:
        if key in self._missing and key not in self._lost:
            self._missing[key] -= 1
            self._push(key)

    def _drop(self, key: str) -> None:
        """Mark a step as no longer needed, and with it the steps that only it waited for."""
        stack = [key]
        while stack:
            current = stack.pop()
            if self._missing.pop(current, None) is None:
                continue
            if current in self._lost:
                self._lost.discard(current)
            else:
                self._work -= self._seconds(current)
                stack.extend(self._unused(self._parents[current]))

    def _release(self, parents: Iterable[str]) -> None:
        for parent in self._unused(parents):
            self._drop(parent)

    def _unused(self, parents: Iterable[str]) -> Iterator[str]:
        """Count one user less for each; yields those without users that are neither wanted nor needed as a reason."""
        for parent in parents:
            if parent not in self._missing:
                continue
            self._users[parent] -= 1
            is_asked_for = parent in self._wanted or (parent in self._lost and not self.is_given_up(parent))
            if self._users[parent] <= 0 and not is_asked_for:
                yield parent
