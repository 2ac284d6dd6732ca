"""From the dancer's body and place to the performer's.

Global scale and translation follow section 3.2 of "Everybody Dance Now" (Chan et al., ICCV 2019): apparent size and the
ground line at the near and the far end of the room are matched between the two videos, and a pose is moved and scaled about
what it stands on: the lowest part of the body, which is a foot, or a hand, a knee or the head. Unlike there, jumps are told
from steps back (the ground line is where the lowest part was within a second, not where it is), and limbs are then fitted to
the performer's bone by bone: a bone keeps its direction and its foreshortening in the picture and takes the performer's length,
so that arms reach and feet stand where the performer's would.

A dancer whose hips or feet are out of view (a webcam on a desk) hangs from the shoulders, and the performer's legs stand. So
does a performer whose footage ends at the thighs, whoever dances.

Of a file, size, ground and what is seen are measured in each shot alone, and the lengths of bones in all shots together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.types import Floor, Pose

_SEEN = 0.5
_GROUND_WINDOW = 1.0
_VIEW_WINDOW = 1.5
_RATIO_BOUNDS = (0.6, 1.6)
_DEPTH_WORTH = 0.25

_BONES = {name: (parent, child) for parent, child, name in skeleton.LIMBS}
_EVIDENCE = {
    True: ("left_thigh", "left_shin", "left_upper_arm", "left_forearm", "shoulders", "neck"),
    False: ("left_upper_arm", "left_forearm", "neck"),
}
_MIRROR = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Build:
    """What of a person is the same in every shot: see the attributes of :class:`BodyStatistics`."""

    bones: dict[str, float]
    trust: float


@dataclass(frozen=True, slots=True)
class BodyStatistics:
    """Build and whereabouts of one person in one shot, in pixels of that video.

    ``near`` and ``far`` are (ground line y, torso length) at the two ends of the room the person used; they are equal for a
    person who stays at one distance. ``bones`` are lengths in torso lengths when seen without foreshortening. ``centre`` is
    the median x. ``standing`` is a pose of the person at rest. ``legs_seen`` is False when hips or feet are out of view.
    ``trust`` in [0, 1) says how much the lengths can be believed, see ``_trust``.
    """

    near: tuple[float, float]
    far: tuple[float, float]
    bones: dict[str, float]
    centre: float
    standing: Pose
    legs_seen: bool
    trust: float

    def torso_at(self, ground: float) -> float:
        """Torso length in pixels of a person who stands on the line y = ``ground``."""
        (y0, u0), (y1, u1) = self.far, self.near
        if y1 - y0 < 1.0:
            return u1
        return u0 + (u1 - u0) * min(max((ground - y0) / (y1 - y0), -0.3), 1.3)


def measure_body(poses: Sequence[Pose], known: Build | None = None) -> BodyStatistics:
    """Statistics of at least one pose of one person.

    Args:
        known: their build, where more is known of it than these poses tell.

    Raises:
        ValueError: there is no pose.
    """
    if not poses:
        raise ValueError("statistics need at least one pose")
    track = _stacked(poses)
    legs_seen = _legs_seen(track)
    near, far, unit = _sizes(track, legs_seen, _USUAL_SHOULDERS if known is None else known.bones["shoulders"])
    own = Build(_bone_lengths(track, unit), _trust(len(poses)))
    if known is not None:
        # what a few frames show of limbs is too short, if anything: where it is too long, they show the torso too short
        ratios = [own.bones[bone] / max(known.bones[bone], 1e-3) for bone in _EVIDENCE[legs_seen]]
        longer = float(np.clip(np.median(ratios), 1.0, 1.5) ** (1 - own.trust))
        near, far = (near[0], near[1] * longer), (far[0], far[1] * longer)
    build = known or own
    anchor = _middle(track, skeleton.HIPS if legs_seen else skeleton.SHOULDERS)
    return BodyStatistics(
        near=near,
        far=far,
        bones=build.bones,
        centre=float(np.median(anchor[:, 0])),
        standing=poses[_standing(track, unit)],
        legs_seen=legs_seen,
        trust=build.trust,
    )


def floor_of(body: BodyStatistics, height: int) -> Floor:
    """Where somebody stands in pictures of that height; below the picture where their feet are out of view."""
    return Floor(body.near[0], body.far[0]) if body.legs_seen else Floor(1.1 * height, 1.1 * height)


def measure_shots(shots: Sequence[Sequence[Pose]]) -> list[BodyStatistics]:
    """Statistics of one person in each of several shots, each of at least one pose.

    Whoever is seen down to the feet in some shot, and for long, tells the build for all of them.
    """
    alone = [measure_body(poses) for poses in shots]
    if len(shots) < 2:
        return alone
    whole = [len(poses) for poses, body in zip(shots, alone, strict=True) if body.legs_seen]
    enough = max(whole or map(len, shots)) / 4
    tracks = [
        _stacked(poses)
        for poses, body in zip(shots, alone, strict=True)
        if body.legs_seen == bool(whole) and len(poses) >= enough
    ]
    units = [_sizes(track, bool(whole), _USUAL_SHOULDERS)[2] for track in tracks]
    track = np.concatenate(tracks)
    build = Build(_bone_lengths(track, np.concatenate(units)), _trust(len(track)))
    return [measure_body(poses, build) for poses in shots]


def _stacked(poses: Sequence[Pose]) -> NDArray[np.float64]:
    return np.stack([pose.landmarks for pose in poses]).astype(np.float64)


def _sizes(
    track: NDArray[np.float64], legs_seen: bool, shoulders: float
) -> tuple[tuple[float, float], tuple[float, float], NDArray[np.float64]]:
    """Ground line and torso length at the near and at the far end, and (N,) torso lengths by the ground.

    Args:
        shoulders: their width in torso lengths, which tells the size where hips are out of view.
    """
    torso = _torso_lengths(track) if legs_seen else _shoulder_widths(track) / shoulders
    ground = _grounds(track) if legs_seen else _middle(track, skeleton.SHOULDERS)[:, 1]
    near, far = _near_and_far(ground, torso, legs_seen)
    unit = np.interp(ground, [far[0], max(near[0], far[0] + 1e-6)], [far[1], near[1]])
    return near, far, np.asarray(unit)


_USUAL_SHOULDERS = 0.72
"""Width of the shoulders in torso lengths, for bodies whose hips are out of view."""


def _trust(frames: int) -> float:
    """How much lengths measured in so many frames can be believed against "built like the performer".

    Proportions of people differ by about 5 %. Lengths of one rendered person measured in stretches of 0.5, 2.4, 5, 10 and
    23 seconds of their footage differ by about 8, 6, 4, 2.5 and 1 %, since a short clip shows few views of a limb. The best
    linear mix of both (Wiener) gives the measurement the share that this approximates.
    """
    return frames / (frames + 70)


def _middle(track: NDArray[np.float64], joints: Sequence[int]) -> NDArray[np.float64]:
    return np.asarray(track[:, list(joints), :2].mean(axis=1))


def _torso_lengths(track: NDArray[np.float64]) -> NDArray[np.float64]:
    between = _middle(track, skeleton.SHOULDERS) - _middle(track, skeleton.HIPS)
    return np.asarray(np.maximum(np.linalg.norm(between, axis=1), 1.0))


def _shoulder_widths(track: NDArray[np.float64]) -> NDArray[np.float64]:
    across = track[:, skeleton.LEFT_SHOULDER, :2] - track[:, skeleton.RIGHT_SHOULDER, :2]
    widths = np.linalg.norm(across, axis=1)
    # turned sideways the shoulders say nothing of the size: such frames count as the usual one
    return np.asarray(np.maximum(widths, np.percentile(widths, 75)))


_PARTS = ((27, 29, 31), (28, 30, 32), (25,), (26,), (23, 24), (15, 17, 19, 21), (16, 18, 20, 22), (0, 7, 8))
"""Feet, knees, hips, hands and head: what a body can stand on."""
_NEARER = (0.4, 0.9)
"""Torso lengths. A part that is lower than the feet by less than the first is on the floor in front of them, nearer to the
camera; one that is lower by the second is below them."""
_FAR_ABOVE = 0.7
"""Torso lengths above the ground at which a part that may be in front of the feet counts as being: it carries nothing."""


def lowest(track: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) y of what each body (N, 33, 4) stands on, or would if it were not in the air; see :func:`below_the_feet`."""
    feet = track[:, list(skeleton.FEET), 1].max(axis=1)
    return np.asarray(feet + shares * (track[..., 1].max(axis=1) - feet))


def below_the_feet(track: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """(N,) 0 for bodies (N, 33, 4) that stand on their feet, 1 for those that stand on a part which is below them.

    Args:
        unit: their torso length in pixels.
    """
    return _shares_below((track[..., 1].max(axis=1) - track[:, list(skeleton.FEET), 1].max(axis=1)) / unit)


def _shares_below(lower: NDArray[np.float64]) -> NDArray[np.float64]:
    first, second = _NEARER
    return np.asarray(np.clip((lower - first) / (second - first), 0.0, 1.0))


def _grounds(track: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) the same as :func:`lowest`, of bodies of whom nothing else is known."""
    return lowest(track, below_the_feet(track, _whole(_torso_lengths(track))))


def _whole(torso: NDArray[np.float64]) -> float:
    # a high percentile, since bending only ever shortens
    return float(np.percentile(torso, 85))


def _legs_seen(track: NDArray[np.float64]) -> bool:
    hips = np.median(track[:, list(skeleton.HIPS), 3])
    ankles = np.median(track[:, [skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE], 3])
    return bool(hips >= _SEEN and ankles >= _SEEN)


def _near_and_far(
    ground: NDArray[np.float64], torso: NDArray[np.float64], legs_seen: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ground line and torso length at both ends. High percentiles, since bending and jumping only ever shorten and lift."""
    whole = _whole(torso)
    line = float(np.percentile(ground, 80))
    low, high = np.percentile(ground, [5, 95])
    if not legs_seen or high - low < _DEPTH_WORTH * whole or len(ground) < 25:
        return (line, whole), (line, whole)
    # apparent size is linear in the ground line under a still camera: slope from the medians of both ends, height of the
    # line so that most bodies lie under it
    third = (high - low) / 3
    front, rear = ground >= high - third, ground <= low + third
    run = float(np.median(ground[front]) - np.median(ground[rear]))
    slope = float(np.median(torso[front]) - np.median(torso[rear])) / run
    offset = float(np.percentile(torso - slope * ground, 85))
    near, far = offset + slope * high, offset + slope * low
    # feet that rise without the body shrinking are jumps, not steps back
    if near < far * 1.05 or far < near / 4:
        return (line, whole), (line, whole)
    return (float(high), float(near)), (float(low), float(far))


def _bone_lengths(track: NDArray[np.float64], unit: NDArray[np.float64]) -> dict[str, float]:
    """Lengths in torso lengths; the 90th percentile over time is a bone seen from the side. Left and right are one body."""

    def length(a: NDArray[np.float64], b: NDArray[np.float64], share: float = 90) -> float:
        return float(np.percentile(np.linalg.norm(a - b, axis=1) / unit, share))

    def point(joint: int) -> NDArray[np.float64]:
        return track[:, joint, :2]

    sides = {name: length(point(parent), point(child)) for name, (parent, child) in _BONES.items()}
    bones = {name: (sides[name] + sides[_other(name)]) / 2 for name in sides}
    bones["shoulders"] = length(point(skeleton.LEFT_SHOULDER), point(skeleton.RIGHT_SHOULDER))
    bones["hips"] = length(point(skeleton.LEFT_HIP), point(skeleton.RIGHT_HIP))
    bones["neck"] = length(_middle(track, skeleton.SHOULDERS), point(skeleton.NOSE), 60)
    bones["head"] = length(point(7), point(8))
    bones["hand"] = length(point(15), point(19))
    bones["foot"] = length(point(29), point(31))
    return bones


_FACING = 0.88
"""Of the widest that hips are seen, from which on they are seen from the front."""
_EVER = 0.7
"""Of the widest, from the front or from behind, that they must be seen from the front for the front to be ever seen."""


def _other(name: str) -> str:
    side, _, bone = name.partition("_")
    return f"{_MIRROR[side]}_{bone}"


def _standing(track: NDArray[np.float64], unit: NDArray[np.float64]) -> int:
    """The frame whose body is nearest to straight legs under a level trunk, hands low: a rest between two moves.

    Seen from the side, legs spread least of all; so it is one of those that show the hips from the front, or from behind where
    the front is never seen.
    """
    hips = _middle(track, skeleton.HIPS)
    legs = track[:, [25, 26, 27, 28], :2] - hips[:, None]
    spread = np.abs(legs[:, :, 0]).max(axis=1)
    drop = legs[:, 2:, 1].min(axis=1)
    hands = track[:, [15, 16], 1].min(axis=1) - hips[:, 1]
    level = np.abs(track[:, skeleton.LEFT_HIP, 1] - track[:, skeleton.RIGHT_HIP, 1])
    across = (track[:, skeleton.LEFT_HIP, 0] - track[:, skeleton.RIGHT_HIP, 0]) / unit
    if _widest(across) < _EVER * _widest(np.abs(across)):
        across = np.abs(across)
    still = (drop - spread - level + 0.3 * hands) / unit
    return int(np.argmax(np.where(across >= _FACING * _widest(across), still, -np.inf)))


def _widest(across: NDArray[np.float64]) -> float:
    # not the very widest: one frame in which hips were found too far apart must not be the only choice
    frames = min(5, max(len(across) // 8, 1))
    return float(np.sort(across)[-frames])


class Retargeter:
    """Moves poses of one dancer onto one performer. The same for files and live; only where statistics come from differs.

    Args:
        performer: statistics of the performer's footage.
    """

    def __init__(self, performer: BodyStatistics) -> None:
        self._performer = performer

    def fit(self, pose: Pose, dancer: BodyStatistics, ground: float) -> Pose:
        """The pose asked of the performer, in the performer's pixels.

        Args:
            pose: the dancer's, smoothed, in source pixels.
            dancer: statistics of the dancer so far (live) or of the whole video (files).
            ground: y of the line the dancer stands on or jumps from, in source pixels.
        """
        mine = self._performer
        share = _share_of_depth(dancer, ground)
        my_ground = mine.far[0] + share * (mine.near[0] - mine.far[0])
        longer = self._underrated(dancer)
        scale = mine.torso_at(my_ground) / (dancer.torso_at(ground) * longer)
        body = self._rebuilt(pose, dancer, scale, longer)
        if not mine.legs_seen:
            across, down = _shoulders_moved(pose, dancer, ground)
            # whose footage ends at the thighs is cut off there: higher up, that would be seen
            return _hang(body, (across, max(down, 0.0)), mine, scale)
        if dancer.legs_seen:
            return _stand(body, pose, dancer, ground, mine.centre, my_ground, scale)
        return _hang(body, _shoulders_moved(pose, dancer, ground), mine, scale)

    def hangs(self, dancer: BodyStatistics) -> bool:
        """Whether what is asked is an upper body over the performer's own standing legs."""
        return not (self._performer.legs_seen and dancer.legs_seen)

    def _underrated(self, dancer: BodyStatistics) -> float:
        """By how much the dancer's torso is probably longer than it was ever seen.

        When all the limbs seem long for the torso, the torso was seen short: bent forward, or from above. The less was
        seen, the more likely that is, rather than a body of other proportions.
        """
        ratios = [dancer.bones[bone] / max(self._performer.bones[bone], 1e-3) for bone in _EVIDENCE[dancer.legs_seen]]
        return float(np.clip(np.median(ratios), 0.8, 1.5) ** (1 - dancer.trust))

    def _rebuilt(self, pose: Pose, dancer: BodyStatistics, scale: float, longer: float) -> NDArray[np.float64]:
        """(33, 4) with the performer's bone lengths around the middle of the hips at the origin.

        Args:
            longer: see ``_underrated``.
        """
        source = pose.landmarks.astype(np.float64)
        result = source.copy()
        hips = source[list(skeleton.HIPS), :3].mean(axis=0)
        shoulders = source[list(skeleton.SHOULDERS), :3].mean(axis=0)
        result[:, :3] = (source[:, :3] - hips) * scale
        my_shoulders = (shoulders - hips) * scale

        def hang(
            children: Sequence[int], old_root: NDArray[np.float64], new_root: NDArray[np.float64], bone: str
        ) -> None:
            k = scale * self._ratio(dancer, bone, longer)
            for child in children:
                result[child, :3] = new_root + (source[child, :3] - old_root) * k

        hang(skeleton.HIPS, hips, np.zeros(3), "hips")
        hang(skeleton.SHOULDERS, shoulders, my_shoulders, "shoulders")
        hang((skeleton.NOSE,), shoulders, my_shoulders, "neck")
        hang(skeleton.HEAD[1:], source[skeleton.NOSE, :3], result[skeleton.NOSE, :3].copy(), "head")
        for parent, child, name in skeleton.LIMBS:
            hang((child,), source[parent, :3], result[parent, :3].copy(), name)
        for (joint, tips), bone in zip(skeleton.EXTREMITIES, ("hand", "hand", "foot", "foot"), strict=True):
            hang(tips, source[joint, :3], result[joint, :3].copy(), bone)
        return result

    def _ratio(self, dancer: BodyStatistics, bone: str, longer: float) -> float:
        theirs, mine = dancer.bones[bone] / longer, self._performer.bones[bone]
        return float(np.clip(mine / max(theirs, 1e-3), *_RATIO_BOUNDS) ** dancer.trust)


def _share_of_depth(dancer: BodyStatistics, ground: float) -> float:
    """0 at the far end of the dancer's room, 1 at the near end; 1 for a dancer who stays at one distance."""
    depth = dancer.near[0] - dancer.far[0]
    if depth < 1.0:
        return 1.0
    return min(max((ground - dancer.far[0]) / depth, -0.2), 1.2)


def _support(landmarks: NDArray[np.float64], unit: float) -> float:
    """x of what carries the body (33, 4); between several parts when they do. Smooth, so that a step does not jump."""
    x, y = np.array([landmarks[list(part), :2].mean(axis=0) for part in _PARTS]).T
    feet = y[:2].max()
    shares = _shares_below((y - feet) / unit)
    low = np.where(np.arange(len(_PARTS)) < 2, y, feet + shares * (y - feet) - (1 - shares) * _FAR_ABOVE * unit)
    weight = np.exp((low - low.max()) / (0.08 * unit))
    return float((weight * x).sum() / weight.sum())


def _stand(
    body: NDArray[np.float64],
    pose: Pose,
    dancer: BodyStatistics,
    ground: float,
    centre: float,
    my_ground: float,
    scale: float,
) -> Pose:
    """Place the rebuilt body: as far above the performer's ground, and from the middle, as the dancer's."""
    unit = dancer.torso_at(ground)
    source = pose.landmarks.astype(np.float64)
    shares = below_the_feet(source[None], unit)
    lift = (ground - float(lowest(source[None], shares)[0])) * scale
    x = centre + (_support(source, unit) - dancer.centre) * scale - _support(body, unit * scale)
    y = my_ground - lift - float(lowest(body[None], shares)[0])
    body[:, :2] += (x, y)
    return Pose(body.astype(np.float32))


def _shoulders_moved(pose: Pose, dancer: BodyStatistics, ground: float) -> tuple[float, float]:
    """How far the middle of the dancer's shoulders is to the right of and below where it usually is, in source pixels."""
    x, y = pose.xy[list(skeleton.SHOULDERS)].mean(axis=0)
    usual = dancer.near[0]
    if dancer.legs_seen:
        rest = dancer.standing.landmarks.astype(np.float64)[None]
        line = float(lowest(rest, below_the_feet(rest, dancer.near[1]))[0])
        height = line - float(_middle(rest, skeleton.SHOULDERS)[0, 1])
        usual = ground - height * dancer.torso_at(ground) / dancer.torso_at(line)
    return float(x) - dancer.centre, float(y) - usual


def _hang(body: NDArray[np.float64], moved: tuple[float, float], mine: BodyStatistics, scale: float) -> Pose:
    """Place the rebuilt upper body over the performer's own standing legs.

    Args:
        moved: see ``_shoulders_moved``.
    """
    rest = mine.standing.landmarks.astype(np.float64)
    rest_shoulders = rest[list(skeleton.SHOULDERS), :2].mean(axis=0)
    shoulders = body[list(skeleton.SHOULDERS), :2].mean(axis=0)
    body[:, :2] += rest_shoulders + np.array(moved) * scale - shoulders
    x_shift = moved[0] * scale
    lower = [*skeleton.HIPS, *skeleton.LEGS]
    body[lower] = rest[lower]
    body[lower, 0] += x_shift
    body[lower, 3] = 1.0
    return Pose(body.astype(np.float32))


def ground_lines(poses: Sequence[Pose | None], times: Sequence[float], legs_seen: bool) -> list[float]:
    """For each frame of a shot, y of the line stood on.

    A jump is a rise of the lowest part of the body that ends within a second; a morphological closing over time takes those
    out and keeps steps towards the camera and away from it. Frames without a pose take the line of their neighbours; 0 when
    there is no pose at all, or no legs are seen.
    """
    known = [i for i, pose in enumerate(poses) if pose is not None]
    if not known or not legs_seen:
        return [0.0] * len(poses)
    from scipy import ndimage

    clock = np.array([times[i] for i in known])
    low = _grounds(_stacked([p for i in known if (p := poses[i]) is not None]))
    spacing = float(np.median(np.diff(clock))) if len(clock) > 1 else 1.0
    window = max(1, round(_GROUND_WINDOW / max(spacing, 1e-3)))
    # continued in a straight line at both ends, or a walk would seem to begin late
    padded = np.pad(ndimage.median_filter(low, 3, mode="nearest"), window, mode="reflect", reflect_type="odd")
    smooth = ndimage.uniform_filter1d(ndimage.grey_closing(padded, window), max(1, window // 3))[window:-window]
    return [float(y) for y in np.interp(np.array(times), clock, smooth)]


def _typical_low(low: NDArray[np.float64]) -> float:
    # not the very lowest: one bad landmark would hold the whole body in the air for two seconds
    return float(np.percentile(low, 80))


class LiveBody:
    """Statistics and ground line of a live stream, from what was seen so far; settles within a second.

    The last ten seconds count. Statistics are measured again four times a second and eased in, so that nothing jumps. Whoever
    steps so near that the legs leave the picture, or back until they are seen, is measured anew from there.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, Pose]] = deque()
        self._statistics: BodyStatistics | None = None
        self._measured_at = 0.0
        self._ground: float | None = None
        self._build: Build | None = None

    def reset(self) -> None:
        """Begin anew, as when somebody else is followed."""
        self.__init__()  # type: ignore[misc]

    def begin_shot(self) -> None:
        """Begin anew, as after a cut: of what was before, only the build of the body is known."""
        self._keep_build()
        self._recent.clear()
        self._statistics = self._ground = None

    def add(self, pose: Pose, seconds: float) -> tuple[BodyStatistics, float]:
        """Take in the next pose; returns the statistics and the ground line to retarget it with."""
        self._recent.append((seconds, pose))
        while seconds - self._recent[0][0] > 10.0:
            self._recent.popleft()
        if self._statistics is None or seconds - self._measured_at >= 0.25:
            self._forget_other_view(seconds)
            known = self._build if self._build and self._build.trust > _trust(len(self._recent)) else None
            fresh = measure_body([p for _, p in self._recent], known)
            # the first second is taken as it comes, so that a bad first frame does not linger
            young = self._statistics is None or seconds - self._recent[0][0] < 1.0
            self._statistics = fresh if young or self._statistics is None else _eased(self._statistics, fresh)
            self._measured_at = seconds
        window = [p for t, p in self._recent if seconds - t <= _GROUND_WINDOW]
        track = _stacked(window)
        now = _typical_low(lowest(track, below_the_feet(track, self._statistics.near[1])))
        self._ground = now if self._ground is None else self._ground + 0.2 * (now - self._ground)
        return self._statistics, self._ground

    def _forget_other_view(self, seconds: float) -> None:
        """Drop what was seen with legs, or without, when that has been otherwise for a while."""
        lately = [(t, p) for t, p in self._recent if seconds - t <= _VIEW_WINDOW]
        if self._statistics is None or seconds - self._recent[0][0] <= _VIEW_WINDOW:
            return
        legs_seen = _legs_seen(np.stack([p.landmarks for _, p in lately]).astype(np.float64))
        if legs_seen != self._statistics.legs_seen:
            self._keep_build()
            self._recent = deque(lately)

    def _keep_build(self) -> None:
        """Note the build as it is known by now, where that is all of it."""
        now = self._statistics
        if now is not None and now.legs_seen:
            self._build = Build(now.bones, now.trust)


def _eased(old: BodyStatistics, new: BodyStatistics, share: float = 0.3) -> BodyStatistics:
    if old.legs_seen != new.legs_seen:
        return new

    def mix(a: float, b: float) -> float:
        return a + share * (b - a)

    return BodyStatistics(
        near=(mix(old.near[0], new.near[0]), mix(old.near[1], new.near[1])),
        far=(mix(old.far[0], new.far[0]), mix(old.far[1], new.far[1])),
        bones={name: mix(length, new.bones[name]) for name, length in old.bones.items()},
        centre=mix(old.centre, new.centre),
        standing=new.standing,
        legs_seen=new.legs_seen,
        trust=new.trust,
    )
