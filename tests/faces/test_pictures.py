import os

import cv2
import numpy as np
import pytest

from palsy_utils.faces.pictures import native_silence, read_image


def test_unusual_pictures_are_read_alike_and_noted(face, tmp_path):
    bgr, grey = cv2.cvtColor(face, cv2.COLOR_RGB2BGR), cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    clear = np.dstack([bgr, np.full_like(grey, 255)])
    for name, content, note in (
        *(("a.png", grey, "grey"), ("a.jpg", grey, "grey"), ("b.png", clear, "transparent")),
        *(("c.png", bgr.astype(np.uint16) * 257, ""), ("a.bmp", bgr, "")),
    ):
        cv2.imwrite(str(tmp_path / name), content)
        image, said = read_image(tmp_path / name)
        assert said == note and image.shape == face.shape and image.dtype == np.uint8
        expected = grey[..., None] if note == "grey" else face
        assert np.abs(image.astype(int) - expected).mean() < 3


def test_of_a_picture_that_is_cut_off_only_we_speak(face, tmp_path, capfd):
    for suffix in (".jpg", ".png", ".bmp", ".tiff", ".webp"):
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
