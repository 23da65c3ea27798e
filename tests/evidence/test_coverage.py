"""How often the intervals over people hold the truth, in simulated cohorts.

People differ in how palsied they look, in how much a palsy changes that, and in how often they
show it; a fourth shows none, a fifth nothing else. Tried in 2,000 cohorts each, for the AUROC,
where the true one is 0.81; 0.94; 0.98 (with mean widths):

| interval                             | 8 people                               | 21 people        |
|--------------------------------------|----------------------------------------|------------------|
| percentiles of the bootstrap, before | 0.86; 0.78; 0.65 (0.26; 0.12; 0.05)    | 0.90; 0.86; 0.79 |
| jackknife with t(n - 1), as it is    | 0.90; 0.82; 0.67 (0.35; 0.14; 0.05)    | 0.92; 0.87; 0.78 |
| on probits                           | 0.95; 0.93; 0.95 (0.38; 0.25; 0.19)    | 0.94; 0.93; 0.91 |
| on log-odds: what we do              | 0.95; 0.95; 0.94 (0.40; 0.31; 0.33)    | 0.95; 0.93; 0.91 |
| the same, bias corrected             | 0.96; 0.96; 0.97 (0.41; 0.36; 0.38)    | 0.94; 0.94; 0.94 |
| the same, shrunk by half a person    | 0.94; 0.73; 0.00 (0.32; 0.16; 0.07)    | 0.94; 0.89; 0.04 |
| the same, t(rarer class - 1)         | 0.97; 0.97; 0.98 (0.46; 0.37; 0.36)    | 0.95; 0.94; 0.93 |
| bootstrap's error on log-odds        | 0.96; 0.98; 0.98 (0.37; 0.37; 0.54)    | 0.93; 0.93; 0.93 |

A paired difference is taken on log-odds from -1 to 1, which near 0 is the plain scale. Zou's way to
join two intervals (MOVER) held it more often where both AUROCs are near 1 (0.96 instead of 0.86 at
0.98), but is up to three times as wide; ours misses there on the side away from zero.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.scores import scores

COHORTS, FRAMES, MANY = 2000, 24, 20_000
LEAST = {8: 0.92, 21: 0.93}  # coverage that is asked for


def draw(rng, n, effect=1.6, spread=0.6):
    """Simulate two models' probabilities of n people, `FRAMES` frames each."""
    kind, share = rng.random(n), rng.beta(1.5, 1.5, n)
    share = np.select([kind < 0.25, kind < 0.45], [0, 1], share)
    label = rng.random((n, FRAMES)) < share[:, None]

    def person(sd):
        return sd * rng.standard_normal((n, 1))

    look = person(0.7) + label * (effect + person(spread)) + rng.standard_normal((n, FRAMES))
    other = 0.6 * look + person(0.5) + label * person(0.3) + 0.8 * rng.standard_normal(look.shape)
    people = pd.DataFrame({"patient": np.repeat(np.arange(n), FRAMES), "label": label.ravel() * 1})
    models = ((look - effect / 2), (other - 0.3 * effect))
    return [people.assign(probability=1 / (1 + np.exp(-m.ravel()))) for m in models]


def area(frames):
    return roc_auc_score(frames["label"], frames["probability"])


@pytest.mark.slow
@pytest.mark.parametrize("n", LEAST)
@pytest.mark.parametrize(("effect", "spread"), [(1.6, 0.6), (3.0, 0.8)])
def test_intervals_hold_the_truth_as_often_as_they_say(n, effect, spread):
    ours, other = draw(np.random.default_rng(99), MANY, effect, spread)
    truth = {"auroc": area(ours), "difference": area(ours) - area(other)}
    pooled = scores(ours["label"], ours["probability"])
    truth |= {"f1": pooled["f1"], "sensitivity": pooled["recall"]}
    truth["specificity"] = pooled["specificity"]
    rng, held, widths = np.random.default_rng(0), [], []
    for _ in range(COHORTS):
        first, second = draw(rng, n, effect, spread)
        ends = {"auroc": auroc_interval(first), "difference": auroc_interval(first, minus=second)}
        ends |= {name: found[1:] for name, found in call_intervals(first).items()}
        held.append({k: low <= truth[k] <= high for k, (low, high) in ends.items()})
        widths.append({k: high - low for k, (low, high) in ends.items()})
    coverage, width = pd.DataFrame(held).mean(), pd.DataFrame(widths).mean()
    told = pd.DataFrame({"truth": truth, "coverage": coverage, "width": width}).round(3)
    print(f"\n{n} people\n{told}")
    assert (coverage[["auroc", "f1", "sensitivity", "specificity"]] >= LEAST[n]).all(), told
    # A difference of two high AUROCs is skewed, and falls short on the side of zero.
    assert coverage["difference"] >= LEAST[n] - 0.02, told
