"""What the check found, in sentences with a level, made from the JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from offspec.gate import other_sizes_words

NAMED = 3  # images named in a sentence
_WHAT = {
    "time": "when they were taken",
    "brightness": "brightness",
    "sharpness": "focus",
    "warmth": "the colour of the light",
    "size": "image size",
    "camera": "the camera",
}
_MAYBE_THE_DEFECT = ("brightness", "sharpness", "warmth")
Finding = dict[str, Any]


def findings(payload: Mapping[str, Any]) -> list[Finding]:
    """Every finding, what must be looked at first."""
    found = [
        *_unreadable(payload),
        *_duplicates(payload),
        *_labels(payload),
        *_variants(payload),
        *_contamination(payload),
        *_confounds(payload),
        *_sizes(payload),
        *_outliers(payload),
        *_misaligned(payload),
        *_regions(payload),
        *_coverage(payload),
    ]
    order = {"must": 0, "look": 1, "note": 2}
    return sorted(found, key=lambda one: order[one["level"]])


def _one(level: str, topic: str, words: str, images: Sequence[str] = ()) -> Finding:
    return {"level": level, "topic": topic, "words": words, "images": list(images)}


def _named(keys: Sequence[str]) -> str:
    rest = len(keys) - NAMED
    return ", ".join(keys[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _unreadable(payload: Mapping[str, Any]) -> Iterator[Finding]:
    keys = [one["image"] for one in payload["unreadable"]]
    if keys:
        yield _one(
            "must", "unreadable",
            f"{_count(len(keys), 'image', 'images')} cannot be read: {_named(keys)}. "
            f"{payload['unreadable'][0]['message']}",
            keys,
        )  # fmt: skip


def _duplicates(payload: Mapping[str, Any]) -> Iterator[Finding]:
    for one in payload["duplicates"]:
        keys = one["images"]
        same = "show the very same pixels" if one["kind"] == "exact" else "show one part"
        if one["contradiction"]:
            words = f"{_named(keys)} {same} and have different labels. Decide which is right."
            yield _one("must", "duplicates", words, keys)
        elif one["leak"]:
            words = f"{_named(keys)} {same}, and are both learned from and tested on: the test "
            yield _one("must", "duplicates", words + "would flatter. Keep one side.", keys)
        elif one["kind"] == "exact":
            words = f"{_named(keys)} {same}. They count once; remove the copies."
            yield _one("look", "duplicates", words, keys)
        else:
            words = f"{_named(keys)} {same}, photographed again. They count as one part."
            yield _one("note", "duplicates", words, keys)


def _labels(payload: Mapping[str, Any]) -> Iterator[Finding]:
    for one in payload["labels"]:
        words = f"{_named(one['images'])}: {one['message']}"
        yield _one("must", "labels", words, one["images"])


def _variants(payload: Mapping[str, Any]) -> Iterator[Finding]:
    groups = payload["variants"]
    if len(groups) > 1:
        sizes = ", ".join(str(len(one["images"])) for one in groups)
        by = " and ".join(sorted({one["by"] for one in groups}))
        yield _one(
            "must", "variants",
            f"The normals fall into {len(groups)} looks of {sizes} images, told apart by {by}. "
            "If these are different products, positions or revisions, give each a template and a "
            "model of its own.",
            [one["images"][0] for one in groups],
        )  # fmt: skip


def _contamination(payload: Mapping[str, Any]) -> Iterator[Finding]:
    part = payload["contamination"]
    flagged = [one for one in part["images"] if one["flagged"]]
    if part["judged"] < part["least"]:
        copies = (len(d["images"]) - 1 for d in payload["duplicates"] if d["kind"] == "exact")
        count = part["judged"] or max(1, payload["dataset"]["normals"] - sum(copies))
        words = f"{_count(count, 'normal is', 'normals are')} too few to tell odd ones: "
        words += f"{part['least']} different ones are needed"
        yield _one("note", "contamination", f"{words}. Add normal images.")
        return
    sure = [one["image"] for one in flagged if one["z"] >= part["sure_from"]]
    keys = [one["image"] for one in flagged]
    if sure:
        more = f", and {len(keys) - len(sure)} less so" if len(keys) > len(sure) else ""
        words = f"{_count(len(sure), 'normal looks', 'normals look')} unlike all others: "
        words += f"{_named(sure)}{more}. If they are defective or another part, leave them out: "
        words += "what is learned as normal is never found again."
        yield _one("must", "contamination", words, keys)
    elif keys:
        words = f"{_count(len(keys), 'normal is', 'normals are')} somewhat odd: {_named(keys)}. "
        words += "In a clean set about one image in ten is. Have a look."
        yield _one("look", "contamination", words, keys)


def _confounds(payload: Mapping[str, Any]) -> Iterator[Finding]:
    for one in payload["confounds"]:
        by_defect = one["what"] in _MAYBE_THE_DEFECT
        what = _WHAT[one["what"]]
        if one["what"] == "time" and payload["time_source"] == "name":
            what += ", as their file names say"
        words = (
            f"Good and bad images differ by {what}: good {one['good']}, bad "
            f"{one['bad']}. That alone tells them apart with an AUROC of {one['separation']:.2f}. "
        )
        if by_defect:
            words += "Unless the defects themselves cause it, i"
        else:
            words += "I"
        words += (
            "mage figures on this set flatter every method. Take good and bad images under the "
            "same conditions, or trust pixel figures only."
        )
        yield _one("look" if by_defect else "must", "confounds", words)


def _sizes(payload: Mapping[str, Any]) -> Iterator[Finding]:
    groups = payload["sizes"]
    depths = {one["bits"] for one in groups}
    if len(depths) > 1:
        rare = min(depths, key=lambda bits: sum(g["images"] for g in groups if g["bits"] == bits))
        odd = [key for one in groups if one["bits"] == rare for key in one["examples"]]
        yield _one(
            "must", "sizes", f"Images have {' and '.join(map(str, sorted(depths)))} bits a "
            f"channel; with {rare}: {_named(odd)}. One set has one depth.", odd,
        )  # fmt: skip
    other = payload["other_sizes"]
    if other is not None and other["images"]:
        keys, refused, policy = other["images"], other["refused"], other["size_policy"]
        width, height = other["reference_wh"]
        words = other_sizes_words((width, height), policy, len(keys), len(refused))
        odd = refused or ([] if policy == "fit" else keys)
        words += f" These are {_named(odd)}." if odd else ""
        yield _one("look" if refused else "note", "sizes", words, odd[:20])


def _outliers(payload: Mapping[str, Any]) -> Iterator[Finding]:
    for what in ("brightness", "sharpness", "warmth"):
        own = [one for one in payload["outliers"] if one["what"] == what]
        if own:
            keys = [one["image"] for one in own]
            first = own[0]
            words = (
                f"{_count(len(own), 'image stands', 'images stand')} out by {_WHAT[what]}: "
                f"{_named(keys)} ({first['value']:.3g} against {first['usual']:.3g}). Check lamp, "
                "exposure and lens, and whether such images will come in production."
            )
            many = len(own) > 0.05 * payload["dataset"]["images"]
            yield _one("note" if many else "look", "outliers", words, keys)


def _misaligned(payload: Mapping[str, Any]) -> Iterator[Finding]:
    keys = [one["image"] for one in payload["misaligned"]]
    if keys:
        level = "must" if len(keys) > 0.1 * payload["dataset"]["normals"] else "look"
        words = f"{_count(len(keys), 'normal', 'normals')} cannot be laid over the reference: "
        words += f"{_named(keys)}. {payload['misaligned'][0]['message']}"
        yield _one(level, "misaligned", words, keys)


def _regions(payload: Mapping[str, Any]) -> Iterator[Finding]:
    for one in payload["regions"]:
        yield _one("look", "regions", f"Region '{one['id']}': {one['message']}")


def _coverage(payload: Mapping[str, Any]) -> Iterator[Finding]:
    part = payload["coverage"]
    if part["gain"] is None:
        return
    gain = f"{100 * part['gain']:.0f} %"
    if part["more"] == 0:
        words = "The normals cover what good parts look like: twice as many would lower the "
        yield _one("note", "coverage", words + f"held-out tail by {gain} only.")
    elif part["more"] is None:
        words = f"Coverage is thin: twice the normals would lower the held-out tail by {gain}, and "
        yield _one("look", "coverage", words + "no end is in sight. Add as many as you can.")
    else:
        words = f"Twice the normals would lower the held-out tail by {gain}; about "
        yield _one("look", "coverage", f"{words}{part['more']} more images cover it.")
