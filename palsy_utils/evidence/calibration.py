"""Temperature and threshold of each fold, from its inner predictions (`nested.py`).

The person held out has no say in them.
"""

import pandas as pd

from palsy_utils.learning.nested import choose_threshold, fit_temperature, temper


def calibrate(frames: pd.DataFrame, inner: pd.DataFrame) -> pd.DataFrame:
    """Add to predictions what the inner predictions of each fold choose.

    Args:
        frames: from `seeds.mean_over_seeds`.
        inner: from `seeds.load_inner`.

    Returns:
        The frames with `temperature`, `threshold` (for the probability as it is) and `calibrated`
        (the probability after the temperature); NaN for models without inner predictions.
    """
    chosen = []
    for key, some in inner.groupby(["model", "fold"], sort=False):
        given = (some["label"], some["probability"])
        chosen.append((*key, fit_temperature(*given), choose_threshold(*given)))
    chosen = pd.DataFrame(chosen, columns=["model", "fold", "temperature", "threshold"])
    chosen = chosen.astype({"temperature": float, "threshold": float})  # of no rows, too
    table = frames.merge(chosen, on=["model", "fold"], how="left", validate="m:1")
    table["calibrated"] = temper(table["probability"], table["temperature"])
    return table
