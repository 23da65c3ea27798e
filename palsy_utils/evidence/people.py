"""From frames to clips and people: one score each, by a rule that is chosen inside the fold.

A clip or a person counts as palsy if any of its labelled frames is labelled palsy.
"""

import numpy as np
import pandas as pd

from palsy_utils.evidence.calibration import mean_over_seeds
from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.scores import THRESHOLD, auroc

LEVELS = {"clips": ["patient", "video"], "people": ["patient"]}
MEAN = "mean"  # the rule where nothing can be chosen
SHARES = {"median": 0.5, "highest quarter": 0.75, "highest tenth": 0.9}  # quantile of each rule
PREDICTED = "share predicted palsy"
SCORES = ("auroc", "sensitivity", "specificity")


def score_by_rules(frames: pd.DataFrame, level: str) -> pd.DataFrame:
    """Return one row a clip or person (`LEVELS`): its `label`, and its score by each rule.

    The rules are the mean probability of its frames, quantiles of them (the least of the highest
    quarter, of the highest tenth), and the share of frames predicted palsy.
    """
    frames = frames.assign(predicted=frames["probability"] >= THRESHOLD)
    groups = frames.groupby(LEVELS[level])
    rules = {name: groups["probability"].quantile(q) for name, q in SHARES.items()}
    rules = {MEAN: groups["probability"].mean(), **rules, PREDICTED: groups["predicted"].mean()}
    return pd.DataFrame({"label": groups["label"].max(), **rules}).reset_index()


def choose_rule(inner: pd.DataFrame) -> tuple[str, float]:
    """Choose, by out-of-fold predictions, a fold's rule, and the score from which a clip is palsy.

    The rule with the best AUROC over the training people's clips, the first of equals; palsy
    is what lies above the middle between the mean scores of their palsy and of their healthy clips.
    Without out-of-fold predictions of both kinds of clips, it is the mean, from 0.5 on.
    """
    clips = score_by_rules(inner, "clips")
    if clips["label"].nunique() < 2:
        return MEAN, THRESHOLD
    areas = {rule: auroc(clips["label"], clips[rule]) for rule in (MEAN, *SHARES, PREDICTED)}
    rule = max(areas, key=areas.get)
    return rule, float(clips.groupby("label")[rule].mean().mean())


def decide(frames: pd.DataFrame, inner: pd.DataFrame, level: str) -> pd.DataFrame:
    """Score the clips or people of one model's frames by the rule of their own fold.

    Columns of `LEVELS`, `label`, `fold`, `rule`, and as `probability` the score minus the fold's
    own threshold, because folds may choose unlike rules: palsy is predicted from 0 on.
    """
    tables = []
    for fold, some in frames.groupby("fold", sort=False):
        rule, threshold = choose_rule(inner[inner["fold"] == fold])
        table = score_by_rules(some, level).assign(fold=fold, rule=rule)
        tables.append(table.assign(probability=table[rule] - threshold))
    columns = [*LEVELS[level], "label", "fold", "rule", "probability"]
    return pd.concat(tables, ignore_index=True)[columns]


def people_table(predictions: pd.DataFrame, inner: pd.DataFrame) -> pd.DataFrame:
    """Score every model over clips and over people, with 95 % intervals over people.

    Of predictions of one cohort (all that a model has; of several seeds the mean), and of what
    `load_out_of_fold` loads for them.

    Returns:
        A row for each of `LEVELS` and model: `level`, `model`, `n`, `n_palsy`, `rule` (the folds'
        own, the most frequent first), and each of `SCORES` with `_low` and `_high`, 0 to 1.
    """
    rows = []
    for level in LEVELS:
        for model, frames in mean_over_seeds(predictions).groupby("model", sort=False):
            table = decide(frames, inner[inner["model"] == model], level)
            labels, rules = table["label"], table.groupby("fold")["rule"].first().value_counts()
            found = call_intervals(table, threshold=0)
            found["auroc"] = (auroc(labels, table["probability"]), *auroc_interval(table))
            row = {"level": level, "model": model, "n": len(table), "n_palsy": int(labels.sum())}
            row["rule"] = ", ".join(f"{rule} ({n} folds)" for rule, n in rules.items())
            for score in SCORES:
                ends = (score, f"{score}_low", f"{score}_high")
                row |= zip(ends, np.round(found[score], 4).tolist(), strict=True)
            rows.append(row)
    return pd.DataFrame(rows)
