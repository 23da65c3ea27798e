"""Read the label files of the YFP database: Pascal-VOC XML, often with a broken end."""

import re
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

GRADES = {"Normal": "normal", "SlightPalsy": "slight", "StrongPalsy": "strong"}
SEVERITY = list(GRADES.values())
LARGEST_XML = 1 << 20  # bytes; a real file has about a thousand


def parse_annotation(content: bytes) -> tuple[Element, str]:
    """Parse one label file, mending its end in memory if it must be.

    Returns:
        the XML tree, and what was mended: "", "misspelt" or "missing" closing tag.

    Raises:
        ValueError: it cannot be mended, or it defines entities.
    """
    try:
        try:
            return fromstring(content), ""
        except ParseError:
            mended, misspelt = re.subn(rb"</\s*ann\w*\s*>?\Z", b"", content.rstrip())
            return fromstring(mended + b"</annotation>"), "misspelt" if misspelt else "missing"
    except (ParseError, LookupError) as error:
        raise ValueError(str(error)) from error


def read_label_file(path: Path, counts: Counter, unknown: Counter) -> dict[str, str] | None:
    """Read the strongest label of each region.

    Adds to `counts` what was met ("missing", "misspelt", "several" boxes, "no box") and to
    `unknown` the names that mean nothing.

    Returns:
        eyes, mouth as far as there are boxes; None if beyond repair.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_XML)
        tree, mended = parse_annotation(content)
    except (OSError, ValueError):
        return None
    counts[mended] += 1
    found = {"eyes": [], "mouth": []}
    for box in tree.iter("object"):
        name = (box.findtext("name") or "").strip()
        grade, _, region = name.partition("_")
        if grade in GRADES and region in ("Eyes", "Mouth"):
            found[region.lower()].append(SEVERITY.index(GRADES[grade]))
        else:
            unknown[name] += 1
    counts["several"] += sum(len(boxes) > 1 for boxes in found.values())
    if not any(found.values()):
        counts["no box"] += 1
        return {}
    return {region: SEVERITY[max(boxes)] for region, boxes in found.items() if boxes}
