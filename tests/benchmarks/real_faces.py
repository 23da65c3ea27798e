"""How well the structured rows do on photographs of real faces, beside a logistic regression.

`make real-faces` writes `figures/real_faces.csv` and `.md`; two hours beside other work. The
landmarks (`real_faces/landmarks.npz` in the folder that PALSY_TEST_DATA names) are not part of this
project.

Five folds of people, again with five seeds, of folds and of nets. Weights, pairs, thresholds and
the regressions' strength come from the training faces of a fold. Healthy and ill photographs come
from different sources, so three regressions ask what can be told without any asymmetry: from the
size of the photograph, from the pose of the head, and from faces made symmetric.
"""

import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from helpers import functions_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn

from palsy_utils.cohort.load import frame_labels, load_cohort
from palsy_utils.evidence.calibration import choose_threshold
from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.scores import auroc, scores
from palsy_utils.faces.features import MODALITIES, STRUCTURED
from palsy_utils.faces.landmarks import to_pixels
from palsy_utils.faces.modalities import load_faces as load_measured
from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning.attention import AttentionFusion, Ensemble, train_members
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold, how_to_train
from palsy_utils.learning.nets import build_model, fit_scaling, probabilities
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.learning.training import compute, predict_out_of_fold, seed_everything, train

DATA = Path(os.environ.get("PALSY_TEST_DATA", PROJECT.parent / "shared"))
FACES = DATA / "real_faces" / "landmarks.npz"
PAIR, ATTENTION = "weighted-late-fusion", "attention-fusion-structured"
SAME = ((146, 338), (57, 75), (280, 285), (0, 290), (35, 306))  # near duplicates: one person each
FOREHEAD, CHIN, CHEEKS = 10, 152, [234, 454]
NETS = (*find_model(PAIR).needs, ATTENTION)
SEEDS = range(5)
choose_pair = functions_of(PROJECT / "notebooks" / "08_weighted_late_fusion.ipynb").choose_pair


def load_faces() -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Return the structured modalities of the faces, and `patient`, `label` and `yaw` of each.

    Beside them stand what the regressions see: `size`, `pose`, `symmetric` and `all`.
    """
    real = np.load(FACES)
    height, width = real["image_height_width"].T
    points = to_pixels(real["landmarks"], height, width)
    expressions = real["expressions"].astype(np.float32)
    arrays = {name: MODALITIES[name].compute(points, expressions) for name in STRUCTURED}
    sided = [np.sqrt(np.abs(arrays[name])) for name in ("asymmetry", "handcrafted")]
    both = [arrays[name] + MODALITIES[name].mirror(arrays[name]) for name in STRUCTURED[:2]]
    depth = real["landmarks"][..., 2] * width[:, None]
    flat = [points[:, a] - points[:, b] for a, b in (CHEEKS[::-1], (CHIN, FOREHEAD))]
    deep = [depth[:, a] - depth[:, b] for a, b in (CHEEKS[::-1], (CHIN, FOREHEAD))]
    yaw, pitch = (np.arctan2(d, np.hypot(*f.T)) for d, f in zip(deep, flat, strict=True))
    roll = np.arctan2(flat[0][:, 1], flat[0][:, 0])
    arrays |= {
        "size": np.stack([height, width], 1),
        "pose": np.stack([yaw, pitch, roll], 1),
        "symmetric": np.concatenate([a.reshape(len(a), -1) for a in both], 1),
        "all": np.concatenate([*sided, expressions], 1),
    }
    labels = real["label"].astype(int)
    first = {b: min(a, b) for pair in SAME for a, b in (pair, pair[::-1])}
    names = [f"{first.get(i, i):04}" for i in range(len(labels))]
    table = {"face": range(len(labels)), "patient": names, "label": labels, "yaw": np.degrees(yaw)}
    return arrays, pd.DataFrame(table)


def predict_fold(
    fold: Fold, arrays: dict[str, np.ndarray], inner_folds: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Train a net as notebooks 03 and 07 do; return its predictions and the out-of-fold ones."""
    names, how = find_model(fold.model).modalities, how_to_train(fold)
    inner_folds = how.inner_folds if inner_folds is None else inner_folds
    inputs, mirrored = [arrays[name] for name in names], None
    build, run = partial(build_model, names), train
    if fold.model == ATTENTION:
        mirrored = [MODALITIES[name].mirror(arrays[name]) for name in names]
        one_frame = (len(fold.samples), 1, -1)
        inputs, mirrored = ([a.reshape(one_frame) for a in some] for some in (inputs, mirrored))
        sizes = {name: MODALITIES[name].numbers for name in names}
        run = train_members

        def build() -> Ensemble:
            return Ensemble(AttentionFusion(sizes) for _ in range(how.nets))

    def fit_net(rows: np.ndarray) -> nn.Module:
        seed_everything(fold.seed)
        net = build()
        fit_scaling(net, inputs, rows)
        given = (inputs, fold.samples["label"], rows, how, fold.device)
        run(net, *given, seed=fold.seed, mirrored=mirrored)
        return net

    net = fit_net(fold.train)
    outside = probabilities(compute(net, inputs, fold.test, fold.device)).numpy()
    return outside, predict_out_of_fold(fold, fit_net, inputs, inner_folds)


REGRESSIONS = {
    "logistic regression": "all",  # roots of asymmetry and handcrafted, expressions
    "size of the photograph alone": "size",
    "pose of the head alone": "pose",
    "symmetric parts alone": "symmetric",  # of coordinates and expressions
}


def regress(
    x: np.ndarray, samples: pd.DataFrame, rows: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same by a logistic regression."""
    labels, people = samples["label"].to_numpy(), samples["patient"].to_numpy()[rows]
    inner = list(StratifiedGroupKFold(5).split(rows, labels[rows], people))
    net = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=np.logspace(-3, 0, 7), cv=inner, scoring="neg_log_loss", max_iter=3000
        ),
    )
    net.fit(x[rows], labels[rows])
    strength = net[-1].C_[0]
    simple = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=3000))
    inside = cross_val_predict(simple, x[rows], labels[rows], cv=inner, method="predict_proba")
    return net.predict_proba(x[others])[:, 1], inside[:, 1]


@threadpool_limits.wrap(limits=1)  # the seeds already fill the machine
def one_seed(seed: int) -> pd.DataFrame:
    """Return `model`, `seed`, `patient`, `label`, `probability`, `threshold` of every face."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", (FutureWarning, ConvergenceWarning))
    arrays, samples = load_faces()
    labels, tables = samples["label"].to_numpy(), []
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    folds = folds.split(labels, labels, samples["patient"])
    for rows, others in folds:
        inner, outer = {}, {}
        for model in NETS:
            fold = Fold(
                samples=samples,
                train=rows,
                test=others,
                model=model,
                profile=PROFILES["paper"],
                device=torch.device("cpu"),
                seed=seed,
            )
            outer[model], inner[model] = predict_fold(fold, arrays)
        for model, seen in REGRESSIONS.items():
            outer[model], inner[model] = regress(arrays[seen], samples, rows, others)
        inside = samples.iloc[rows]
        best = choose_pair(
            {name: inside.assign(probability=inner[name]) for name in find_model(PAIR).needs}
        ).iloc[0]
        for tables_of in (outer, inner):
            first, second = tables_of[best["first"]], tables_of[best["second"]]
            tables_of[PAIR] = best["weight"] * first + (1 - best["weight"]) * second
        for model, probability in outer.items():
            threshold = choose_threshold(labels[rows], inner[model])
            tables.append(
                samples.iloc[others].assign(
                    model=model, seed=seed, probability=probability, threshold=threshold
                )
            )
    table = pd.concat(tables, ignore_index=True)
    print(f"seed {seed} done", flush=True)
    return table


def transfer() -> pd.DataFrame:
    """Train on the shipped synthetic faces and judge the real ones, and the other way round."""
    real, faces = load_faces()
    cohort = load_cohort(PROJECT / "data" / "phantom")
    table, landmarks, expressions = load_measured(cohort)
    table = frame_labels(cohort, table)
    usable = (table["found"] & table["label"].notna()).to_numpy()
    points = to_pixels(landmarks[usable], *(table.loc[usable, n] for n in ("height", "width")))
    synthetic = {n: MODALITIES[n].compute(points, expressions[usable]) for n in STRUCTURED}
    arrays = {n: np.concatenate([synthetic[n], real[n]]) for n in STRUCTURED}
    both = [table.loc[usable, ["patient", "label"]].astype({"label": int}), faces]
    samples, rows = pd.concat(both, ignore_index=True), []
    sides = np.split(np.arange(len(samples)), [usable.sum()])
    for model in find_model(PAIR).needs:
        areas = []
        for seed, (train_on, judged) in product(SEEDS, (sides, sides[::-1])):
            about = {"samples": samples, "model": model, "profile": PROFILES["paper"]}
            about |= {"train": train_on, "test": judged, "device": torch.device("cpu")}
            p, _ = predict_fold(Fold(**about, seed=seed), arrays, inner_folds=0)
            areas.append(auroc(samples["label"].iloc[judged], p))
        there, back = (np.mean(areas[start::2]) for start in (0, 1))
        names = ("synthetic to real", "real to synthetic")
        rows.append(
            {"model": model} | dict(zip(names, (f"{there:.2f}", f"{back:.2f}"), strict=True))
        )
    return pd.DataFrame(rows)


def yaw_strata(faces: pd.DataFrame) -> dict[str, str]:
    """Return the AUROC of a model among the third least turned aside, the next, and the most."""
    third = pd.qcut(faces["yaw"].abs(), 3)
    parts = faces.groupby(third, observed=True)
    return {
        f"AUROC, turned {part.left:.0f} to {part.right:.0f} degrees": (
            f"{auroc(some['label'], some['probability']):.3f}"
        )
        for part, some in parts
    }


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Score each seed and take means; then average probabilities and thresholds over seeds."""
    rows = []
    for model in (*NETS, PAIR, *REGRESSIONS):
        some = table[table["model"] == model]
        by_seed = [part for _, part in some.groupby("seed")]
        areas = [auroc(part["label"], part["probability"]) for part in by_seed]
        half = [scores(part["label"], part["probability"])["f1"] for part in by_seed]
        chosen = [
            scores(part["label"], part["probability"], part["threshold"])["f1"] for part in by_seed
        ]
        face = ["face", "patient", "label", "yaw"]
        mean = some.groupby(face, as_index=False)[["probability", "threshold"]].mean()
        f1 = call_intervals(mean, mean["threshold"])["f1"]
        rows.append(
            {
                "model": model,
                "AUROC": f"{np.mean(areas):.3f}",
                "sd over seeds": f"{np.std(areas, ddof=1):.3f}",
                "F1 at 0.5": f"{np.mean(half):.3f}",
                "F1, inner threshold": f"{np.mean(chosen):.3f}",
                "AUROC of the averaged seeds": "{:.3f} ({:.3f} to {:.3f})".format(
                    auroc(mean["label"], mean["probability"]), *auroc_interval(mean)
                ),
                "F1, inner threshold, of the averaged seeds": "{:.3f} ({:.3f} to {:.3f})".format(
                    *f1
                ),
                **yaw_strata(mean),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    if not FACES.exists():
        sys.exit(f"{FACES} is missing: set PALSY_TEST_DATA to a folder that has real_faces/.")
    start = time.monotonic()
    with ProcessPoolExecutor() as pool:
        table = pd.concat(pool.map(one_seed, SEEDS), ignore_index=True)
    write(summarise(table), transfer(), (time.monotonic() - start) / 60)


def write(summary: pd.DataFrame, transferred: pd.DataFrame, minutes: float) -> None:
    """Write `figures/real_faces.csv` and `.md`."""
    write_csv(summary, PROJECT / "figures" / "real_faces.csv")
    write_csv(transferred, PROJECT / "figures" / "real_faces_transfer.csv")
    _, samples = load_faces()
    text = (
        f"# Photographs of real faces\n\n{summary.to_markdown(index=False, disable_numparse=True)}"
        f"\n\nMade by `make real-faces` in {minutes:.0f} minutes. {len(samples)} faces of "
        f"{samples['patient'].nunique()} people as far as known (five pairs are near duplicates "
        f"and count as one person each), {samples['label'].sum()} with palsy; five folds of "
        f"people, {len(SEEDS)} seeds (each with other folds and other networks), profile `paper`. "
        "The first four numbers are means of the scores of the seeds; the others are scores of the "
        "mean probability of each face, with 95 % intervals over people. Pairs, weights, "
        "thresholds and the regressions' strength come from the training faces; but epochs, "
        "weight decay and noise of the models beyond the paper were settled on these very "
        "faces, so their scores flatter.\n\nThe last three models see no asymmetry at all: "
        "photographs with and without palsy come from different sources, which differ in size, in "
        "pose and in expression. What a model scores above them is what asymmetry may claim here."
        "\n\n## From synthetic to real faces, and back\n\nAUROC of networks that were trained on "
        "the shipped synthetic faces (data/phantom) and tested on these photographs, and the other "
        f"way round; mean of {len(SEEDS)} seeds, nothing fitted on the faces that are tested.\n\n"
        f"{transferred.to_markdown(index=False, disable_numparse=True)}\n"
    )
    write_text(text, PROJECT / "figures" / "real_faces.md")
    print(text)


if __name__ == "__main__":
    main()
