"""What an attention fusion sees of every sample, and what else is known of it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from palsy_utils.attention import QUESTIONS, STEPS, UNKNOWN, answers_table
from palsy_utils.files import write_csv
from palsy_utils.modalities import load_modality, mirror_modality
from palsy_utils.one_fold import Fold, load_net
from palsy_utils.rows import STRUCTURED, find_model
from palsy_utils.training import compute

SECONDS = 1.0  # of context on either side


def context(samples: pd.DataFrame) -> np.ndarray:
    """Find the neighbours of every sample in time, within its own clip.

    Args:
        samples: `modalities.SAMPLES`; a frame's neighbours are `STEPS` samples before and after
            it, as far as they belong to the same video and lie within `SECONDS`.

    Returns:
        (n, 2 * STEPS + 1) rows of `samples`; -1 where there is no frame.
    """
    n, steps = len(samples), np.arange(-STEPS, STEPS + 1)
    rows = np.arange(n)[:, None] + steps
    inside = (rows >= 0) & (rows < n)
    at = np.clip(rows, 0, n - 1)
    video, time = samples["video"].to_numpy(), samples["time_s"].to_numpy()
    near = np.abs(time[at] - time[:, None]) <= SECONDS + 0.05  # time stamps are rounded
    itself = steps == 0  # also where a still image has no time
    same = inside & (video[at] == video[:, None]) & (near | itself)
    return np.where(same, rows, -1)


def with_context(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Gather a modality (n, ...) with its neighbours: (n, frames, numbers), NaN where none is."""
    flat = np.asarray(array, np.float32).reshape(len(array), -1)
    return np.where(rows[..., None] >= 0, flat[rows], np.float32(np.nan))


def load_tokens(fold: Fold) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Load what an attention fusion sees: of each modality (n, [frames,] numbers), all samples.

    An image is seen through the last hidden layer of the image net of the same fold. Those nets
    have seen the training people, so their tokens look better there than on anybody new.

    Returns:
        Modality -> array, and the same of the mirrored faces.
    """
    arrays, mirrored = {}, {}
    everyone = np.arange(len(fold.samples))
    for name in find_model(fold.model).modalities:
        array = load_modality(fold.root, name, fold.profile.image_size)
        if name in STRUCTURED:
            arrays[name], mirrored[name] = array, mirror_modality(name, array)
        else:
            net = load_net(fold, f"{name}-resnet50")[:-1]
            for flip, tokens in ((False, arrays), (True, mirrored)):
                tokens[name] = compute(net, [array], everyone, fold.device, flip).numpy()
    if fold.model == "clip-fusion":
        rows = context(fold.samples)
        arrays = {name: with_context(array, rows) for name, array in arrays.items()}
        mirrored = {name: with_context(array, rows) for name, array in mirrored.items()}
    return arrays, mirrored


def known_answers(samples: pd.DataFrame, sides: Mapping[str, str]) -> np.ndarray:
    """Return the class of each of `QUESTIONS` for every sample, `UNKNOWN` where nobody knows.

    Args:
        samples: `modalities.SAMPLES`: grades of eyes and mouth where regions are labelled.
        sides: side of the palsy of people for whom it is known. A frame labelled healthy shows
            no side.
    """
    answers = np.full((len(samples), len(QUESTIONS)), UNKNOWN)
    for i, region in enumerate(("eyes", "mouth")):
        for grade, name in enumerate(QUESTIONS[region]):
            answers[(samples[region] == name).to_numpy(), i] = grade
    side = samples["patient"].map(dict(sides)).to_numpy()
    palsy = samples["label"].to_numpy() == 1
    for number, name in enumerate(QUESTIONS["side"]):
        answers[palsy & (side == name), 2] = number
    answers[~palsy & pd.notna(side), 2] = QUESTIONS["side"].index("none")
    return answers


def save_answers(
    fold: Fold, logits: torch.Tensor, attention: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Write `answers.csv` beside the predictions of a fold: attention, grades, side.

    Args:
        fold: see `one_fold.open_fold`.
        logits: of the held-out samples, see `attention.predict_with_attention`; so is attention.
        attention: (n, modalities, frames).
        names: of the modalities.

    Returns:
        `patient`, `video`, `frame`, `attention_<modality>` (they add up to 1), and the
        probability of each class of `attention.QUESTIONS`.
    """
    who = fold.samples.iloc[fold.test][["patient", "video", "frame"]].reset_index(drop=True)
    shares = pd.DataFrame(attention.sum(2), columns=[f"attention_{name}" for name in names])
    table = pd.concat([who, shares, answers_table(logits)], axis=1)
    write_csv(table.round(6), fold.folder / "answers.csv")
    return table
