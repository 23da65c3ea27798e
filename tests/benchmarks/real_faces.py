"""How well the structured rows do on photographs of real faces, beside a logistic regression.

`make real-faces` writes `figures/real_faces.csv` and `.md`; an hour on two cores. The landmarks
(`real_faces/landmarks.npz` in the folder that PALSY_TEST_DATA names) are not part of this project.

Five folds of the faces, which are of one person each; again with five seeds, of folds and of nets.
Weights, pairs, thresholds and the regression's strength come from the training faces of a fold.
"""

import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from helpers import functions_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn

from palsy_utils.evidence.calibration import choose_threshold
from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.scores import auroc, scores
from palsy_utils.faces.features import MODALITIES, STRUCTURED
from palsy_utils.faces.landmarks import to_pixels
from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning.attention import AttentionFusion, Ensemble, train_members
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold, how_to_train
from palsy_utils.learning.nets import build_model, fit_scaling, probabilities
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.learning.training import compute, predict_out_of_fold, seed_everything, train

DATA = Path(os.environ.get("PALSY_TEST_DATA", PROJECT.parent / "shared"))
FACES = DATA / "real_faces" / "landmarks.npz"
REGRESSION, PAIR, ATTENTION = (
    "logistic regression",
    "weighted-late-fusion",
    "attention-fusion-structured",
)
NETS = (*find_model(PAIR).needs, ATTENTION)
SEEDS = range(5)
choose_pair = functions_of(PROJECT / "notebooks" / "08_weighted_late_fusion.ipynb").choose_pair


def load_faces() -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Return the structured modalities of the faces, and `patient` and `label` of each."""
    real = np.load(FACES)
    points = to_pixels(real["landmarks"], *real["image_height_width"].T)
    scores = real["expressions"].astype(np.float32)
    arrays = {name: MODALITIES[name].compute(points, scores) for name in STRUCTURED}
    labels = real["label"].astype(int)
    names = [f"{i:04}" for i in range(len(labels))]
    return arrays, pd.DataFrame({"patient": names, "label": labels})


def predict_fold(fold: Fold, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Train a net as notebooks 03 and 07 do; return its predictions and its inner predictions."""
    names, how = find_model(fold.model).modalities, how_to_train(fold)
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
    return outside, predict_out_of_fold(fold, fit_net, inputs, how.inner_folds)


def regress(
    arrays: dict[str, np.ndarray], labels: np.ndarray, rows: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same by a logistic regression on roots of asymmetry and handcrafted, and the scores."""
    sided = [np.sqrt(np.abs(arrays[name])) for name in ("asymmetry", "handcrafted")]
    x = np.concatenate([*sided, arrays["expressions"]], 1)
    net = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(Cs=np.logspace(-3, 0, 7), cv=5, scoring="neg_log_loss", max_iter=3000),
    )
    inside = cross_val_predict(net, x[rows], labels[rows], cv=3, method="predict_proba")[:, 1]
    return net.fit(x[rows], labels[rows]).predict_proba(x[others])[:, 1], inside


@threadpool_limits.wrap(limits=1)  # the seeds already fill the machine
def one_seed(seed: int) -> pd.DataFrame:
    """Return `model`, `seed`, `patient`, `label`, `probability`, `threshold` of every face."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", (FutureWarning, ConvergenceWarning))
    arrays, samples = load_faces()
    labels, tables = samples["label"].to_numpy(), []
    folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(labels, labels)
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
        outer[REGRESSION], inner[REGRESSION] = regress(arrays, labels, rows, others)
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


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Score each seed and take means; then average probabilities and thresholds over seeds."""
    rows = []
    for model in (*NETS, PAIR, REGRESSION):
        some = table[table["model"] == model]
        by_seed = [part for _, part in some.groupby("seed")]
        areas = [auroc(part["label"], part["probability"]) for part in by_seed]
        half = [scores(part["label"], part["probability"])["f1"] for part in by_seed]
        chosen = [
            scores(part["label"], part["probability"], part["threshold"])["f1"] for part in by_seed
        ]
        mean = some.groupby(["patient", "label"], as_index=False)[["probability", "threshold"]]
        mean = mean.mean()
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
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    if not FACES.exists():
        sys.exit(f"{FACES} is missing: set PALSY_TEST_DATA to a folder that has real_faces/.")
    with ProcessPoolExecutor() as pool:
        table = pd.concat(pool.map(one_seed, SEEDS), ignore_index=True)
    summary = summarise(table)
    write_csv(summary, PROJECT / "figures" / "real_faces.csv")
    _, samples = load_faces()
    text = (
        f"# Photographs of real faces\n\n{summary.to_markdown(index=False, disable_numparse=True)}"
        f"\n\n{len(samples)} faces of as many people, {samples['label'].sum()} with palsy; five "
        f"folds, {len(SEEDS)} seeds (each of other folds and other nets), profile `paper`. The "
        "first four numbers are means of the scores of the seeds; the last two are scores of the "
        "mean probability of each face, with 95 % intervals over faces. Pairs, "
        "weights, thresholds and the regression's strength come from the training faces; but "
        "epochs, weight decay and noise of the rows beyond the paper were settled on these very "
        "faces, so their scores flatter.\n"
    )
    write_text(text, PROJECT / "figures" / "real_faces.md")
    print(text)


if __name__ == "__main__":
    main()
