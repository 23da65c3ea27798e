"""Are explanations right? Drawn patients know: which side, and which region moves least alike.

Scored are frames labelled palsy of people held out. An explanation names the side and the region
with the highest strength; the score is the mean over the true sides (or regions) of how often they
are named. So an answer that does not look at the face gets 1/2 for the side, whichever it names,
and at most 1/3 for the region, since the nose, which no palsy is drawn in, is never right.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score

from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.intervals import bootstrap_patients, interval
from palsy_utils.evidence.scores import THRESHOLD
from palsy_utils.explanations.attribution import SIDES
from palsy_utils.explanations.explained_folds import (
    ASKED,
    SWAPPED,
    explain,
    explain_without_net,
    own_sides,
    palsy_rows,
    points_of_samples,
)
from palsy_utils.faces.features import STRUCTURED
from palsy_utils.faces.landmarks import REGIONS
from palsy_utils.faces.modalities import load_samples
from palsy_utils.files import progress
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold
from palsy_utils.runs.results import read_predictions

NO_NET = "asymmetry without a net"  # every number counts as much as it is unusual
BROW = 0.85  # what a difference of the brows counts beside one of the lids (phantom/cohort.py)
DRAWN = ("brow", "eye", "mouth")
COLUMNS = [
    "model",
    "n_frames",
    "n_people",
    "side_score",
    "side_low",
    "side_high",
    "region_score",
    "region_low",
    "region_high",
    "random_side",
    "random_region",
    "chance_side",
    "chance_region",
]


def drawn_truth(root: Path) -> pd.DataFrame:
    """Return the truth of every sample: `side` and `region`, None where nobody knows it.

    The side is the person's (`patients.csv`); the region is the one in which left and right were
    drawn most unlike (`truth.csv`): `brow`, `eye` or `mouth`. None on frames labelled healthy.
    """
    samples = load_samples(load_cohort(root))
    palsy = samples["label"] == 1
    side = samples["patient"].map(known_sides(root))
    table = pd.DataFrame({"side": side.where(palsy & side.isin(SIDES)), "region": None})
    if (root / "truth.csv").exists():
        where = ["patient", "video", "frame"]
        truth = pd.read_csv(root / "truth.csv", dtype={"patient": str, "video": str})
        drawn = samples[where].merge(truth, on=where, how="left")
        brow, lids = (
            (drawn[f"{name}_left"] - drawn[f"{name}_right"]).abs() for name in ("brow", "blink")
        )
        unlike = np.stack([BROW * brow, lids, drawn["mouth_difference"]], 1)
        known = palsy & ~np.isnan(unlike).any(1)
        largest = np.array(DRAWN)[np.nan_to_num(unlike).argmax(1)]
        table["region"] = pd.Series(largest).where(known)
    return table.astype(object).where(table.notna(), None)


def named(strengths: np.ndarray) -> pd.DataFrame:
    """Return the `side` and the `region` that strengths (n, 4, 2) name: the strongest.

    Both regions of a side count for it, and both sides of a region. None where the sides are
    exactly equal, as they are where nobody's side is known.
    """
    sides, regions = strengths.sum(1), strengths.sum(2)
    side = np.array(SIDES)[sides.argmax(1)].astype(object)
    side[np.isclose(sides[:, 0], sides[:, 1], rtol=0, atol=1e-12)] = None
    return pd.DataFrame({"side": side, "region": np.array(REGIONS)[regions.argmax(1)]})


def score(truth: pd.Series, answer: pd.Series) -> float:
    """Return the mean over the true answers of how often each is named; NaN without truth."""
    known = truth.notna().to_numpy()
    if not known.any():
        return np.nan
    right, said = truth[known].astype(str), answer.to_numpy(object)[known].astype(str)
    return recall_score(right, said, labels=sorted(set(right)), average="macro", zero_division=0)


def score_interval(truth: pd.Series, answer: pd.Series, patients: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of `score`, resampling people; draws that lack an answer are out."""
    table = pd.DataFrame(
        {"truth": truth.to_numpy(), "who": patients.to_numpy(), "hit": answer.to_numpy(object)}
    ).dropna(subset="truth")
    table["hit"] = table["hit"] == table["truth"]
    if table.empty:
        return np.nan, np.nan
    counts = table.pivot_table("hit", "who", "truth", aggfunc=["sum", "count"], fill_value=0)
    hits, all_ = (counts[name].to_numpy(float) for name in ("sum", "count"))
    drawn = bootstrap_patients(len(counts))
    whole = (drawn @ all_ > 0).all(1)
    shares = (drawn[whole] @ hits) / (drawn[whole] @ all_)
    return interval(shares.mean(1))


def score_models(
    root: Path, nets: Mapping[str, Sequence[Fold]], random_nets: int
) -> tuple[pd.DataFrame, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Explain and score nets on the palsy frames of the people held out, and what stands beside.

    Beside them: the asymmetry without a net, and the side that a net itself names if asked.

    Args:
        root: the cohort's folder.
        nets: from `explained_folds.nets_to_explain`.
        random_nets: with random weights, beside each structured net; a third beside an image net.

    Returns:
        `COLUMNS`, one row a model; scores are NaN where no truth is known, or nothing was asked.
        And for each model that was explained the rows of the samples and strengths (n, 4, 2).
    """
    truth, who, points = (
        drawn_truth(root),
        load_samples(load_cohort(root))["patient"],
        points_of_samples(root),
    )
    explained, table = {}, []
    for model, folds in progress(nets.items(), "explaining", len(nets), "model"):
        rows = np.concatenate([palsy_rows(fold) for fold in folds])
        known = truth.iloc[rows], who.iloc[rows]
        if model in ASKED:
            answer = pd.DataFrame({"side": np.concatenate([own_sides(fold) for fold in folds])})
            table.append(score_row(model + " (asked)", *known, answer.assign(region=None)))
            if model != SWAPPED:
                continue
        strengths = np.concatenate([explain(fold, points) for fold in folds], 1)[0]
        explained[model] = rows, strengths
        structured = find_model(model).modalities[0] in STRUCTURED
        twins = random_nets if structured else max(1, random_nets // 3)
        random = np.concatenate([explain(fold, points, twins) for fold in folds], 1)
        answers = named(strengths), [named(one) for one in random]
        table.append(score_row(model, *known, *answers))
        if model == next(iter(nets)):
            without = np.concatenate([explain_without_net(fold) for fold in folds], 1)[0]
            table.append(score_row(NO_NET, *known, named(without)))
    return pd.DataFrame(table, columns=COLUMNS), explained


def score_called(
    root: Path,
    nets: Mapping[str, Sequence[Fold]],
    explained: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> pd.DataFrame:
    """Score only the palsy frames that a net itself calls palsy: the others it has not seen.

    Not to be compared between models, since each is scored on frames of its own.

    Args:
        root: the cohort's folder.
        nets: see `score_models`, also for `explained`.
        explained: rows and strengths of each model.

    Returns:
        `model`, `n_frames`, and score and chance of side and region (NaN without truth).
    """
    truth, who, table = drawn_truth(root), load_samples(load_cohort(root))["patient"], []
    for model, (rows, strengths) in explained.items():
        predictions = pd.concat([read_predictions(fold.folder) for fold in nets[model]])
        palsy = predictions["label"] == 1
        called = (predictions.loc[palsy, "probability"] >= THRESHOLD).to_numpy()
        which = rows[called]
        if len(which):
            answer = named(strengths[called])
            table.append(score_row(model, truth.iloc[which], who.iloc[which], answer))
    wanted = ["n_frames", "side_score", "chance_side", "region_score", "chance_region"]
    return pd.DataFrame(table, columns=COLUMNS)[["model", *wanted]]


def examples(truth: pd.DataFrame, rows: np.ndarray) -> list[int]:
    """Return the middle frame of each drawn region, or of all frames where nobody knows.

    The middle one: frames chosen because their explanations look good would be no examples.

    Args:
        truth: `drawn_truth` of all samples.
        rows: which samples were explained.
    """
    regions = truth["region"].iloc[rows].fillna("unknown").to_numpy()
    places = {str(r): rows[regions == r] for r in ("eye", "brow", "mouth", "unknown")}
    return [int(of[len(of) // 2]) for of in places.values() if len(of)]


def score_row(
    model: str,
    truth: pd.DataFrame,
    patients: pd.Series,
    answer: pd.DataFrame,
    random: Sequence[pd.DataFrame] = (),
) -> dict:
    """Return a row of `COLUMNS` for the answers of a model on some frames.

    Args:
        model: its name.
        truth: `drawn_truth` of the frames.
        patients: whose frames they are.
        answer: `side` and `region`; a column that is all None was not asked.
        random: the answers of nets with random weights; their mean score is given.
    """
    row = {"model": model, "n_frames": len(truth), "n_people": patients.nunique()}
    for what in ("side", "region"):
        n_classes = truth[what].nunique()
        row[f"chance_{what}"] = 1 / n_classes if n_classes else np.nan
        if answer[what].notna().any():
            row[f"{what}_score"] = score(truth[what], answer[what])
            low_high = score_interval(truth[what], answer[what], patients)
            row[f"{what}_low"], row[f"{what}_high"] = low_high
        if random:
            row[f"random_{what}"] = np.mean([score(truth[what], one[what]) for one in random])
    return row
