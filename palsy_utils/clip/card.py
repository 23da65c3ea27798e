"""What a model file says of itself: its data, its training, and how it did on people left out.

A model that was fitted on everybody has nobody left to be tested on. What its card reports are the
folds of the run with the same numbers: what the *recipe* did on people whom it had not seen.
"""

import platform
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from torch import nn

from palsy_utils.cohort.load import Cohort, load_cohort
from palsy_utils.evidence.calibration import calibrate
from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.scores import auroc
from palsy_utils.evidence.table import PACKAGES, is_drawn
from palsy_utils.faces.modalities import samples_of
from palsy_utils.files import sha256
from palsy_utils.learning.experiments import architecture, find_model
from palsy_utils.learning.folds import Fold, how_to_train
from palsy_utils.learning.nested import fit_temperature, log_loss
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.results import fold_state, open_run, read_predictions, run_folder
from palsy_utils.stamps import DONE, identity

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
NO_DEVICE = "For research and teaching only: this is not a medical device and diagnoses nobody."
NAMES = {"auroc": "AUROC", "f1": "F1", "sensitivity": "sensitivity", "specificity": "specificity"}


def leave_one_out(fold: Fold) -> tuple[pd.DataFrame | None, pd.DataFrame | None, str]:
    """Read the run with the same samples and training numbers as a fold of `fit.open_everybody`.

    Where people were not left out one by one, the run's groups are taken, the most first.

    Returns:
        `results.PREDICTIONS` of all folds, the same of their inner predictions, or None where
        there are none, and why.
    """
    cohort, reasons = load_cohort(fold.root), []
    folder = run_folder(fold.root, fold.profile.name, fold.seed) / fold.model
    there = {int(path.name.rsplit("-", 1)[1]) for path in folder.glob("fold-1-of-*")}
    n_people = fold.samples["patient"].nunique()
    for folds in (0, *sorted((k for k in there if 2 <= k <= n_people), reverse=True)):
        run = open_run(cohort, fold.profile, folds, fold.seed, fold.samples)
        states = [fold_state(run, fold.model, one) for one in run.folds]
        if not (missing := sum(found.kind != DONE for found in states)):
            paths = [folder / one for one in run.folds]
            frames = pd.concat(map(read_predictions, paths), ignore_index=True)
            if not all((path / "inner.csv").exists() for path in paths):
                return frames, None, ""
            inner = pd.concat([read_predictions(path, "inner.csv") for path in paths])
            return frames, inner.reset_index(drop=True), ""
        why = "; ".join(dict.fromkeys(found.why for found in states if found.why))
        lacking = f"{missing} of {len(states)} folds are not done"
        reasons.append(lacking + (f" ({why})" if why else ""))
    return None, None, f"{reasons[0]} in {folder.relative_to(fold.root).as_posix()}"


def scores_with_intervals(frames: pd.DataFrame) -> dict[str, list[float]]:
    """Return value, low and high (95 %, resampling people) of each of `NAMES`, from 0 to 1."""
    rows = call_intervals(frames)
    rows["auroc"] = (auroc(frames["label"], frames["probability"]), *auroc_interval(frames))
    return {name: [round(float(number), 4) for number in rows[name]] for name in NAMES}


def card_facts(
    fold: Fold, net: nn.Module, history: pd.DataFrame, imagenet: bool, questions: tuple[str, ...]
) -> tuple[dict, float | None]:
    """Collect what a card tells, as plain data; and the temperature, if there is any."""
    cohort, samples = load_cohort(fold.root), fold.samples
    frames, inner, why = leave_one_out(fold)
    sees_images, last = find_model(fold.model).sees_images, history.iloc[-1]
    temperature = losses = None
    if inner is not None:
        temperature = fit_temperature(inner["label"], inner["probability"])
        rows = calibrate(frames, inner)  # by each fold's own temperature
        losses = [log_loss(rows["label"], rows[n]) for n in ("probability", "calibrated")]
        losses = [round(loss, 4) for loss in losses]
    facts = {
        "cohort": cohort.name,
        "drawn": is_drawn(cohort),
        "group": cohort.group,
        "people": int(samples["patient"].nunique()),
        "videos": int(samples["video"].nunique()),
        "frames": len(samples),
        "palsy": round(float(samples["label"].mean()), 4),
        "profile": fold.profile.name,
        "image_size": fold.profile.image_size if sees_images else None,
        "imagenet": imagenet if sees_images else None,
        "parameters": sum(p.numel() for p in net.parameters()),
        "questions": list(questions),
        "seed": fold.seed,
        "training": how_to_train(fold).model_dump(),
        "loss": round(float(last["loss"]), 4),
        "accuracy": round(float(last["accuracy"]), 4),
        "samples": identity(samples_of(cohort).made_from),
        "files": file_hashes(cohort),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "scores": None if frames is None else scores_with_intervals(frames),
        "log_loss": losses,
        "not_measured": why,
    }
    return facts, temperature


def file_hashes(cohort: Cohort) -> list[str]:
    """Return the SHA-256 of every video's file or images that are at hand, 16 hex digits each.

    With these a report can tell a clip that the model was fitted on.
    """
    videos = cohort.sources.values()
    return [sha256(*(cohort.root / file for *_, file in files))[:16] for files in videos]


def card_rows(facts: dict, temperature: float | None) -> dict[str, str]:
    """Return the lines of a card that reports show too: name -> text."""
    drawn = "drawn " if facts["drawn"] else ""
    whom = f"{drawn}people" if facts["group"] == "patient" else "videos, each taken as a person"
    fitted_on = (
        f"cohort {facts['cohort']}: {facts['people']} {whom}, {facts['videos']} videos, "
        f"{facts['frames']} frames with a face and a label, {100 * facts['palsy']:.0f} % palsy"
    )
    left_out = f"not measured: {facts['not_measured']}"
    if facts["scores"]:
        left_out = "; ".join(
            f"{NAMES[name]} {value:.2f} ({low:.2f} to {high:.2f})"
            for name, (value, low, high) in facts["scores"].items()
        )
    calibration = "none: the run has no inner predictions to calibrate on"
    if temperature is not None:
        calibration = f"temperature {temperature:.2f}, from inner predictions of all folds"
        if facts["log_loss"]:
            before, after = facts["log_loss"]
            calibration += f"; log loss on people left out {before:.2f} before, {after:.2f} after"
    name = f"On {drawn}people left out"
    return {"Fitted on": fitted_on, name: left_out, "Calibration": calibration}


def card(model: str, facts: dict, temperature: float | None) -> str:
    """Write the card of a fitted model as markdown."""
    row = find_model(model)
    return TEMPLATES.get_template("card.md").render(
        model=model,
        no_device=NO_DEVICE,
        title=row.title,
        what=architecture(row, find_profile(facts["profile"]).backbone),
        rows=card_rows(facts, temperature),
        **facts,
    )
