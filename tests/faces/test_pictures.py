import os

import cv2
import numpy as np
import pytest

from palsy_utils.faces.pictures import native_silence, read_image


@pytest.mark.parametrize(
    ("convert", "suffix", "note"),
    [
        (lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), ".png", "grey"),
        (lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), ".jpg", "grey"),
        (lambda bgr: bgr.astype(np.uint16) * 257, ".png", ""),
        (
            lambda bgr: np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)]),
            ".png",
            "transparent",
        ),
        (lambda bgr: bgr, ".bmp", ""),
    ],
)
def test_unusual_pictures_are_read_alike_and_noted(face, tmp_path, convert, suffix, note):
    path = tmp_path / f"face{suffix}"
    cv2.imwrite(str(path), convert(cv2.cvtColor(face, cv2.COLOR_RGB2BGR)))
    image, said = read_image(path)
    assert said == note
    assert image.shape == face.shape and image.dtype == np.uint8
    expected = face if note != "grey" else cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)[..., None]
    assert np.abs(image.astype(int) - expected).mean() < 3


def test_what_cannot_be_read_says_so(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert read_image(tmp_path / "a.png") == (None, "unreadable")
    assert read_image(tmp_path / "missing.png") == (None, "unreadable")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tiff", ".webp"])
def test_of_a_picture_that_is_cut_off_only_we_speak(face, tmp_path, suffix, capfd):
    content = cv2.imencode(suffix, face)[1].tobytes()
    (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) // 2])
    read_image(tmp_path / f"cut{suffix}")
    assert capfd.readouterr() == ("", "")


def test_silence_ends_where_it_should(capfd):
    with pytest.raises(RuntimeError), native_silence(), native_silence():
        os.write(2, b"not heard")
        raise RuntimeError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
