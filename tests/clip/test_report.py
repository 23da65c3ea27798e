import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from helpers import write_picture
from test_fit import fit_small

from palsy_utils.clip.card import NO_DEVICE
from palsy_utils.clip.measures import clip_timeline, quality_notes
from palsy_utils.clip.predict import measure_clip, predict_clip
from palsy_utils.clip.report import report
from palsy_utils.learning.profiles import PROFILES

HOSTILE = (
    '"><script>alert(1)</script>.mp4',
    "'onload='alert(1)' <img src=http://evil.example/x onerror=alert(1)>.mp4",
    "</title><link rel=stylesheet href=//evil.example/x>&amp;.mp4",
)
DRAWN, SEEN = "seen drawn faces only", "is what the model was fitted on: what it says here"
HOSTILE_PHOTO = "'><img onerror=alert(1)>&lt;.jpg"


class Page(HTMLParser):
    """What a browser would make of a page: its tags with attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def said(small_template, landmarker_file, tmp_path_factory):
    """A clip, what a model says of it, and the model."""
    folder = tmp_path_factory.mktemp("clip")
    measured = measure_clip(small_template / "clips/p01-1.mp4", folder, PROFILES["smoke"])
    fitted = fit_small(small_template, "attention-fusion-structured")
    return predict_clip(fitted, measured, "cpu"), measured, fitted


@pytest.fixture(scope="module")
def page(said):
    return report(*said)


@pytest.fixture(scope="module")
def photos(said, small_template, tmp_path_factory):
    """Three photographs, one without a face, what the model says of them, and the model."""
    folder, fitted = tmp_path_factory.mktemp("photos"), said[2]
    (folder / "album").mkdir()
    for name, clip in (("anna.jpg", "p01-1"), (HOSTILE_PHOTO, "p02-1")):
        shutil.copy(small_template / "frames" / clip / "15.jpg", folder / "album" / name)
    write_picture(folder / "album" / "<i>nobody.png")
    (folder / "work").mkdir()
    measured = measure_clip(folder / "album", folder / "work", PROFILES["smoke"])
    return predict_clip(fitted, measured, "cpu"), measured, fitted


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(said, page, name):
    table, measured, fitted = said
    renamed = replace(measured, source=measured.source.parent / name.split("/")[-1])
    hostile, usual = Page(report(table, renamed, fitted)), Page(page)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in usual.tags]
    assert hostile.text.count(renamed.source.name) == 2  # title and heading


def test_hostile_cohorts_and_notes_stay_text(said, page):
    table, measured, fitted = said
    facts = fitted.facts | {"cohort": HOSTILE[0], "not_measured": HOSTILE[1]}
    noted = table.assign(note=HOSTILE[2])
    hostile = Page(report(noted, measured, replace(fitted, facts=facts)))
    assert not [tag for tag, _ in hostile.tags if tag in ("script", "link")]
    assert all(name in hostile.text for name in (*HOSTILE[:2], HOSTILE[2][:10]))


@pytest.mark.parametrize("which", ["said", "photos"])
def test_it_holds_everything_and_asks_nobody(which, request):
    page = report(*request.getfixturevalue(which))
    tags = Page(page).tags
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe", "object", "form")]
    links = [v for _, attrs in tags for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    assert links and all(re.match("data:image/(png|jpeg);base64,|#", link) for link in links)
    assert not re.search(r"url\((?!#)", page) and "@import" not in page
    policy = next(attrs["content"] for _, attrs in tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_pictures_have_words_and_headings_are_in_order(page):
    tags = Page(page).tags
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    pictures = [attrs for tag, attrs in tags if tag == "svg"]
    assert len(pictures) == 1 and pictures[0]["role"] == "img" and pictures[0]["aria-label"]
    headings = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and set(headings[1:]) == {2}
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert ("html", {"lang": "en"}) in tags and "prefers-color-scheme: dark" in page


def test_it_says_what_the_table_says(said, page):
    table, _, fitted = said
    text = Page(page).text
    called = int((table["probability"] >= 0.5).sum())
    assert f"{called} of {len(table)} frames with a face" in text
    row = table.loc[table["asymmetry_mm"].idxmax()]
    assert f"In frame {row['frame']}, at {row['time_s']:.2f} s" in text
    for name in ("brow", "eye", "mouth"):
        assert f"{row[f'{name}_difference']:+.1f}" in text
    assert "Eyes" in text and "Mouth" in text
    assert "Side" not in text  # nobody has told this cohort's sides
    assert NO_DEVICE in text and "the model has no calibration" in text and "not measured" in text
    assert fitted.model in text


def test_it_warns_of_drawn_faces_and_of_clips_of_the_training_data(said, page):
    table, measured, fitted = said
    assert DRAWN in page and SEEN in page
    facts = fitted.facts | {"drawn": False, "files": []}
    other = report(table, measured, replace(fitted, facts=facts))
    assert DRAWN not in other and SEEN not in other and NO_DEVICE in other


def test_gaps_are_counted_and_shown(said):
    table, measured, fitted = said
    gaps = table.copy()
    numbers = [column for column in gaps if column not in ("frame", "time_s", "found", "note")]
    keep = table["asymmetry_mm"].idxmax()
    gone = [i for i in range(4, 10) if i != keep]
    gaps.loc[gone, numbers] = np.nan
    gaps.loc[gone, "found"] = False
    text = Page(report(gaps, measured, fitted)).text
    assert f"{len(gone)} without a face" in text
    assert f"No face was found in {len(gone)} of {len(gaps)} frames" in text
    assert "no face" in text  # in the picture's legend


def test_photographs_are_shown_most_asymmetric_first_and_without_time(photos):
    table, page = photos[0], report(*photos)
    text = Page(page).text
    ours = text.split("The model\n")[0]  # what follows tells of the training data
    assert not re.search(r"\b(time|timeline|frames?|seconds?|clip)\b|\d s\b", ours)
    assert "<svg" not in page
    faces = table[table["found"]].sort_values("asymmetry_mm", ascending=False)
    where = [text.index(name) for name in faces["file"]]
    assert len(where) == 2 and where == sorted(where)
    for row in faces.itertuples():
        assert f"probability {row.probability:.2f}asymmetry {row.asymmetry_mm:.1f} mm" in text
    assert "<i>nobody.png: no face" in text and "3 photographs, 1 without a face" in text
    pictures = [attrs for tag, attrs in Page(page).tags if tag == "img"]
    assert [attrs["alt"] for attrs in pictures[:2]] == [f"Face in {f}" for f in faces["file"]]
    assert not [attrs for _, attrs in Page(page).tags if "onerror" in attrs]


def test_a_single_photograph_stands_alone(photos):
    table, measured, fitted = photos
    one = report(table.iloc[[0]], replace(measured, marked=0), fitted)
    text = Page(one).text
    assert "1 photograph, 0 without" in text and "most asymmetric" not in text.lower()
    assert one.count("<img") == 1 and f"In photograph {table['file'][0]}" in text


def test_a_long_clip_is_drawn_second_by_second(said):
    table, _, _ = said
    long = pd.concat([table] * 40, ignore_index=True)
    long["time_s"] = np.arange(len(long)) / 6
    numbers = [column for column in long if column not in ("frame", "time_s", "found", "note")]
    long.loc[60:71, numbers] = np.nan
    long.loc[60:71, "found"] = False
    ax = clip_timeline(long, 7).axes[0]
    line = ax.lines[0].get_ydata()
    assert len(line) == len(long) / 6 and np.isnan(line[10:12]).all()
    assert line[5] == pytest.approx(long["probability"][30:36].mean())
    band = ax.collections[0].get_paths()[0].vertices
    lowest = band[np.isclose(band[:, 0], 5.5), 1].min()
    assert lowest == pytest.approx(long["probability"][30:36].min())
    short = clip_timeline(table, 7).axes[0]
    assert len(short.lines[0].get_ydata()) == len(table)


def test_quality_notes_name_what_is_wrong(said):
    table = said[0].assign(turned_deg=30.0, eye_distance_px=20.0)
    table.loc[0, "note"] = "clip ends early"
    notes = " ".join(quality_notes(table))
    assert "turned by more than 15 degrees in 24 of 24" in notes
    assert "small in 24 of 24" in notes and "1 of 24 frames are marked: clip ends early" in notes
    good = table.assign(turned_deg=0.0, eye_distance_px=200.0, note="")
    assert quality_notes(pd.DataFrame(good)) == []
