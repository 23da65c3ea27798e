"""What helps on the shipped synthetic faces: which inputs, which recipe, out-of-fold features?

`make ablation` writes `figures/ablation.csv`, `ablation_comparisons.csv` and `ablation.md`. One
person is left out at a time, with three seeds; nothing is chosen by these scores.
"""

import time
from itertools import product

import numpy as np
import pandas as pd
import torch
from helpers import functions_of, measure
from torch import nn

from palsy_utils.evidence.intervals import auroc_interval, compare, holm
from palsy_utils.evidence.scores import auroc
from palsy_utils.evidence.table import with_ends
from palsy_utils.faces.modalities import load_modality
from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning.folds import fold_names
from palsy_utils.learning.nets import (
    build_fnn,
    build_image_net,
    fit_scaling,
    load_weights,
    probabilities,
)
from palsy_utils.learning.profiles import PROFILES, QUARTER
from palsy_utils.learning.training import compute, seed_everything, train
from palsy_utils.runs.results import open_run

COHORT, FIGURES = PROJECT / "data" / "phantom", PROJECT / "figures"
SEEDS, INNER_FOLDS, CPU, SMALL = 3, 7, torch.device("cpu"), PROFILES["phantom"]
INPUTS = {"raw coordinates": "raw-coordinates", "upright coordinates": "coordinates"}
INPUTS |= {"asymmetry": "asymmetry"}
RECIPES = {"paper's recipe": PROFILES["paper-literal"].fnn, "our recipe": PROFILES["paper"].fnn}
FUSED = ("early fusion, in-sample features", "early fusion, out-of-fold features")
NOTHING = "share of palsy among the training people"
PAIRS = [tuple(f"{name}, {recipe}" for recipe in reversed(RECIPES)) for name in INPUTS]
PAIRS += [
    (f"{name}, {recipe}", f"raw coordinates, {recipe}")
    for name, recipe in product(list(INPUTS)[1:], RECIPES)
]
PAIRS += [FUSED[::-1]]
ABOUT = """Made by `make ablation` in {minutes:.0f} minutes of one core. These faces are synthetic:
twelve people ([phantom](../data/phantom/README.md)), one left out at a time, {seeds} seeds. Mean
and sd are of the seeds' AUROCs; the AUROC with 95 % interval over people, and the differences, are
of the mean probability of each frame. p permutes people, and Holm corrects all of them as one
family. `auroc_within_people` is the mean over the people who show both classes.

A network that has learned nothing but the share of palsy among its training people scores far
below 0.5 over all frames (first variant): that share is lowest where the person held out has most
palsy. So the lead over such a network is larger than what was learned; what counts is whether the
better one is above chance.

The paper's recipe is that of profile `paper-literal` (numbers as they are, no momentum, batches of
32), ours that of `paper` (numbers scaled, those of asymmetry as roots of their sizes, with noise;
momentum 0.9, batches of 8), both with 15 epochs at the paper's learning rate. The fused networks
are those of profile `phantom`. Early fusion of the paper trains on features of networks that have
seen the same people (in-sample); out-of-fold features of a training person come from networks that
have not, {inner} groups in each fold. Such networks start from the same weights, but nothing else
makes feature 7 of the one mean what feature 7 of the other means."""
build_fusion = functions_of(PROJECT / "notebooks" / "04_early_fusion.ipynb").build_fusion


def load() -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return the samples, their modalities, and of line images what the frozen body says of them.

    `lines` and `mirrored` are what heads are trained on in profile `phantom`.
    """
    measure(COHORT, SMALL)
    samples, names = open_run(COHORT, SMALL.name).samples, (*INPUTS.values(), "expressions")
    x = {name: np.asarray(load_modality(COHORT, name, 0)) for name in names}
    body, images = image_net()[:2], [load_modality(COHORT, "lines", SMALL.image_size)]
    for name in ("lines", "mirrored"):
        flip = name == "mirrored"
        x[name] = compute(body, images, np.arange(len(samples)), CPU, flip).numpy()
    return samples, x


def image_net() -> nn.Sequential:
    return build_image_net(load_weights(SMALL), QUARTER)


def one_fold(samples: pd.DataFrame, x: dict, out: tuple, seed: int) -> pd.DataFrame:
    """Return what every variant says of the people who are left out, a column each."""
    labels, is_out = samples["label"].to_numpy(), samples["patient"].isin(out).to_numpy()
    rows, judged, everyone = np.flatnonzero(~is_out), np.flatnonzero(is_out), np.arange(len(labels))
    found = {NOTHING: labels[rows].mean()}

    def fit(net, inputs, config, rows, mirrored=None):
        if config.scale and mirrored is None:
            fit_scaling(net, [inputs], rows)
        train(net, [inputs], labels, rows, config, CPU, seed, mirrored=mirrored)
        return net

    def fit_fnn(modality, config, rows):
        seed_everything(seed)
        net = build_fnn(modality)
        if not config.scale:
            net[0] = nn.Flatten()  # the paper's net takes numbers as they are, signs too
        return fit(net, x[modality], config, rows)

    def fit_parts(rows):
        seed_everything(seed)
        head = image_net()[2:]
        fit(head, x["lines"], SMALL.lines_resnet50, rows, [x["mirrored"]])
        return {"expressions": fit_fnn("expressions", SMALL.fnn, rows), "lines": head}

    def features(parts, rows):
        return torch.cat([compute(n[:-1], [x[k]], rows, CPU) for k, n in parts.items()], 1).numpy()

    def says(net, inputs):
        return probabilities(compute(net, [inputs], judged, CPU)).numpy()

    for (name, modality), (recipe, config) in product(INPUTS.items(), RECIPES.items()):
        found[f"{name}, {recipe}"] = says(fit_fnn(modality, config, rows), x[modality])
    parts = fit_parts(rows)
    found |= {f"{name} alone": says(net, x[name]) for name, net in parts.items()}
    in_sample = features(parts, everyone)
    out_of_fold, people = in_sample.copy(), samples["patient"].to_numpy()
    for group in fold_names(samples.iloc[rows], INNER_FOLDS).values():
        held = np.isin(people[rows], group)
        out_of_fold[rows[held]] = features(fit_parts(rows[~held]), rows[held])
    for name, seen in zip(FUSED, (in_sample, out_of_fold), strict=True):
        seed_everything(seed)
        found[name] = says(fit(build_fusion(seen.shape[1]), seen, SMALL.fusion, rows), seen)
    return pd.DataFrame(found, index=judged)


def main() -> None:
    samples, x = load()
    folds = fold_names(samples).values()
    by_seed = [
        pd.concat(one_fold(samples, x, out, seed) for out in folds).sort_index()
        for seed in range(SEEDS)
    ]
    write(*score(samples, by_seed), time.process_time() / 60)


def score(samples: pd.DataFrame, by_seed: list) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the AUROC of every variant, and the comparisons, which are one family for Holm."""
    mean, scores = sum(by_seed) / SEEDS, []
    frames = {name: samples.assign(probability=mean[name]) for name in mean}
    for name, table in frames.items():
        areas = [auroc(samples["label"], seen[name]) for seen in by_seed]
        row = {"variant": name, "auroc_mean": np.mean(areas), "auroc_sd": np.std(areas, ddof=1)}
        low, high = auroc_interval(table)
        row |= {"auroc": auroc(table["label"], mean[name]), "auroc_low": low, "auroc_high": high}
        within = [auroc(one["label"], one["probability"]) for _, one in table.groupby("patient")]
        scores.append(row | {"auroc_within_people": np.nanmean(within)})
    pairs = [{"first": a, "second": b} | compare(frames[a], frames[b]) for a, b in PAIRS]
    compared = pd.DataFrame(pairs).assign(p_holm=lambda table: holm(table["p"]))
    return pd.DataFrame(scores), compared


def write(scores: pd.DataFrame, compared: pd.DataFrame, minutes: float) -> None:
    """Write the two tables, and the page that says what they are and what they show."""
    write_csv(scores.round(4), FIGURES / "ablation.csv")
    write_csv(compared.round(4), FIGURES / "ablation_comparisons.csv")
    shown, better = compared["p_holm"] < 0.05, compared["difference"] > 0
    low = compared["first"].map(scores.set_index("variant")["auroc_low"])
    told = compared["first"] + " over " + compared["second"]
    kinds = {
        "Shown to help": shown & better & (low > 0.5),
        "Shown to be better, but not to be above chance": shown & better & (low <= 0.5),
        "Shown to harm": shown & ~better,
        "Not shown to do either": ~shown,
    }
    verdict = " ".join(f"{k}: {'; '.join(told[rows]) or 'nothing'}." for k, rows in kinds.items())
    first, second = (
        with_ends(t.round(4)).to_markdown(index=False, floatfmt=".3f") for t in (scores, compared)
    )
    about = ABOUT.format(seeds=SEEDS, inner=INNER_FOLDS, minutes=minutes)
    text = f"# What helps, on synthetic faces\n\n{first}\n\n{second}\n\n**{verdict}**\n\n{about}\n"
    write_text(text, FIGURES / "ablation.md", public=True)


if __name__ == "__main__":
    main()
