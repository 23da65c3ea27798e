"""What the READMEs say of results, made from the committed files: `make tables`.

A README marks where it stands: `<!-- evidence of phantom -->`, the table, `<!-- end -->`. The
seeds whose tables are committed become `figures/<cohort>/seeds.csv`.
"""

import re
from pathlib import Path

import nbformat
import pandas as pd

from palsy_utils.evidence.table import UNTRAINED
from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS

READMES = ("README.md", "figures/README.md", "notebooks/README.md")
BLOCK = re.compile(r"(<!-- (\w+) of ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURES = PROJECT / "figures"
SURE = 0.05


def results(cohort: str) -> str:
    """Return the results over frames as notebook 06 wrote them, with their caption."""
    text = (FIGURES / cohort / "table_1.md").read_text(encoding="utf-8")
    _, _, frames, *_, caption = text.strip().split("\n\n")
    return f"{frames}\n\n{caption}"


def over_seeds(cohort: str) -> pd.DataFrame:
    """Return the AUROC of each of the paper's models in each seed, the mean, and the spread.

    Of seed 0, and of those below it in `phantom-seed-<n>/`; spread is the highest minus the lowest.
    """
    folders = [FIGURES / cohort, *sorted((FIGURES / cohort).glob("phantom-seed-*"))]
    tables = [pd.read_csv(folder / "table_1.csv", index_col="model") for folder in folders]
    areas = pd.DataFrame({f"seed {n}": table["auroc"] for n, table in enumerate(tables)})
    areas = areas.loc[[*PAPER_MODELS]]
    ends = {"mean": areas.mean(axis=1), "spread": areas.max(axis=1) - areas.min(axis=1)}
    return areas.assign(**ends).round(4).reset_index()


def headline(cohort: str) -> str:
    """Return five columns of the results over frames, and in three sentences what they show."""
    rows = [line.split("|") for line in results(cohort).split("\n\n")[0].splitlines()]
    rows = [row for row in rows if row[2] != " always healthy "]  # scores nothing
    columns = [rows[0].index(f" {name} ") for name in ("modality", "model", "F1", "paper's F1")]
    columns.append(next(i for i, cell in enumerate(rows[0]) if cell.startswith(" AUROC")))
    table = "\n".join("|".join(["", *(row[i] for i in columns), ""]) for row in rows)
    scores, fusion = (_read(cohort, name) for name in ("table_1", "fusion"))
    models, untrained = scores.loc[[*PAPER_MODELS]], scores.loc[UNTRAINED]
    above = (models["auroc_low"] > untrained["auroc"]).sum()
    always = scores.loc["always-palsy", "f1"]
    best = _best_parts(fusion)
    helped = best.index[(best["p_holm"] < SURE) & (best["difference_low"] > 0)]
    shown = f"shown for {', '.join(helped)}" if len(helped) else "not shown"
    ahead = best.loc[best["difference"].idxmax()]
    ends = f"{_two(ahead['difference_low'])} to {_two(ahead['difference_high'])}"
    p = f"p = {_two(ahead['p_holm'])} after Holm's correction"
    lines = [
        f"The AUROC of the models lies between {models['auroc'].min():.2f} and "
        f"{models['auroc'].max():.2f}, and that of one number that nobody trained, asymmetry, is "
        f"{untrained['auroc']:.2f}: {above} of the {len(models)} models lie above it with their "
        "whole interval.",
        f'Always answering "palsy" has an F1 of {always:.1f}, more than '
        f"{(models['f1'] < always).sum()} of the {len(models)} models, so read F1 beside AUROC.",
        f"Whether fusion helps is {shown}: the largest lead of a fused model over its best single "
        f"modality, of `{ahead.name}` over `{ahead['part']}`, is "
        f"{ahead['difference']:+.2f} ({ends}, {p}).",
    ]
    return f"{table}\n\n" + "\n".join(f"- {line}" for line in lines)


def summary(cohort: str) -> str:
    """Return in sentences how seeds differ, whether fusion helps, and models beyond the paper."""
    names = ("seeds", "fusion", "evidence")
    by_seed, fusion, evidence = (_read(cohort, name) for name in names)
    beyond = evidence[evidence["p_holm"].notna()]
    zero_out = beyond["difference_low"] * beyond["difference_high"] > 0
    sure = beyond.index[zero_out & (beyond["p_holm"] < SURE)]
    lines = [
        f"Highest minus lowest AUROC of {by_seed.columns.str.startswith('seed ').sum()} seeds: "
        f"{', '.join(f'`{n}` {_two(x)}' for n, x in by_seed['spread'].items())} "
        f"([seeds.csv]({cohort}/seeds.csv)).",
        f"Each fused model minus its best single modality: {' '.join(_leads(fusion))} (p after "
        f"Holm's correction over all {len(fusion)} comparisons with a single modality; "
        f"[fusion.csv]({cohort}/fusion.csv).)",
        f"The same differences with other seeds: {_leads_of_seeds(cohort)} (`fusion.csv` beside "
        "each seed's table).",
        f"Of {beyond['family'].iloc[0]}, significantly different: {', '.join(sure) or 'none'}; "
        f"the smallest p after Holm's correction is {_two(beyond['p_holm'].min())}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _read(cohort: str, name: str) -> pd.DataFrame:
    return pd.read_csv(FIGURES / cohort / f"{name}.csv", index_col="model")


def _best_parts(fusion: pd.DataFrame) -> pd.DataFrame:
    """Return of each fused model the comparison with its best part, over which it leads least."""
    by_model = fusion.groupby(level=0, sort=False)
    return pd.concat(parts.iloc[[parts["difference"].argmin()]] for _, parts in by_model)


def _leads(fusion: pd.DataFrame) -> list[str]:
    return [
        f"`{name}` minus `{best['part']}`: {best['difference']:+.2f} "
        f"({_two(best['difference_low'])} to {_two(best['difference_high'])}; "
        f"p = {_two(best['p_holm'])})."
        for name, best in _best_parts(fusion).iterrows()
    ]


def _leads_of_seeds(cohort: str) -> str:
    told = {}
    for path in sorted((FIGURES / cohort).glob("*-seed-*/fusion.csv")):
        for name, best in _best_parts(_read(cohort, f"{path.parent.name}/fusion")).iterrows():
            told.setdefault(name, []).append(f"{best['difference']:+.2f} over `{best['part']}`")
    return "; ".join(f"`{name}` {', '.join(leads)}" for name, leads in told.items())


def objectives(folder: str) -> str:
    """Return what a reader of each notebook will be able to do, and in how many minutes.

    Both stand at its top.
    """
    rows = [["notebook", "you will be able to", "minutes of reading", "of exercises"], ["---"] * 4]
    for path in sorted((PROJECT / folder).glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        minutes = re.search(r"(\d+) minutes to read and (\d+) for the exercises", prose).groups()
        able = re.search(r"able to\*\* (.+?)\.?$", prose, re.MULTILINE)[1]
        rows.append([f"[{path.stem[:2]}]({path.name})", able, *minutes])
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def commands(name: str) -> str:
    """Return a table as it is: which command made which file, how large an installation is."""
    return _markdown(pd.read_csv(FIGURES / f"{name}.csv", dtype=str, keep_default_na=False))


def recipes(cohort: str) -> str:
    """Return the scores of the paper's recipe, literally and as in profile `paper`, at 32 pixels.

    Means over people leave undefined scores out, or count them as 0, behind the stroke.
    """
    lie = {n: FIGURES / cohort / f"{n}+resnet50_quarter" for n in ("paper-literal", "paper")}
    tables = {name: pd.read_csv(folder / "table_1.csv") for name, folder in lie.items()}
    rows = pd.concat(tables, names=["recipe"]).reset_index("recipe")
    rows = pd.concat(rows[rows["model"] == name] for name in PAPER_MODELS)
    columns = {"model": rows["model"].map("`{}`".format), "recipe": rows["recipe"]}
    columns["AUROC (95 %, over people)"] = _spread(rows, "auroc", "auroc_low", "auroc_high")
    for name, title in {"f1": "F1", "precision": "precision", "recall": "recall"}.items():
        both = rows[[name, f"{name}_zero"]].to_numpy()
        columns[title] = [f"{out:.1f} / {zero:.1f}".replace("nan", "–") for out, zero in both]
    return _markdown(columns | {"people undefined": rows["n_undefined"].map("{:.0f}".format)})


def evidence(cohort: str) -> str:
    """Return the AUROCs of notebook 09, and how they differ from the paper's best model.

    Holm corrects one family: all models beyond the paper, each against that one.
    """
    rows = pd.read_csv(FIGURES / cohort / "evidence.csv")
    models = rows[rows["model"].isin(MODELS)]
    best = models.loc[models["model"].isin(PAPER_MODELS), "auroc"].idxmax()
    wanted = {models["model"][best], *NEW_MODELS, UNTRAINED}
    rows = rows[rows["model"].isin(wanted)]
    ends = ("difference_to_best_paper_row", "difference_low", "difference_high")
    return _markdown(
        {
            "model": rows["model"].map("`{}`".format),
            "what it sees": [MODELS[m].title if m in MODELS else "" for m in rows["model"]],
            "AUROC (95 %, over people)": _spread(rows, "auroc", "auroc_low", "auroc_high"),
            "minus the paper's best": _spread(rows, *ends),
            "p (people permuted, Holm)": rows["p_holm"].map(_two),
            "calibration error": rows["ece"].map(_two),
            "after calibration": rows["ece_after"].map(_two),
        }
    )


def explanations(cohort: str) -> str:
    """Return how often explanations name the true side and region, from notebook 10."""
    rows = pd.read_csv(FIGURES / cohort / "explanations.csv")
    columns = {"model": rows["model"]}
    for what in ("side", "region"):
        names = [f"{what}_{end}" for end in ("score", "low", "high")]
        columns[what] = _spread(rows, *names)
        columns[f"{what}, random weights"] = rows[f"random_{what}"].map(_two)
    return _markdown(columns)


def blind(name: str) -> str:
    """Return what regressions that see no asymmetry score, and which models lie above the best."""
    rows = pd.read_csv(FIGURES / f"{name}.csv", index_col="model")
    areas, low = rows["AUROC"], rows["AUROC of the averaged seeds"].str.extract(r"\((\S+) to")[0]
    alone = areas[areas.index.str.endswith(" alone")]
    above = areas.index[low.astype(float) > alone.max()]
    told = ", ".join(f"{name} {area:.2f}" for name, area in alone.items())
    return f"{told}. Models whose whole interval lies above the best of these: " + (
        f"{', '.join(above) or 'none'}."
    )


def _two(number: float) -> str:
    return "" if pd.isna(number) else f"{number:.2f}"


def _spread(rows: pd.DataFrame, value: str, low: str, high: str) -> list[str]:
    cells = rows[[value, low, high]].itertuples(index=False)
    return ["" if pd.isna(v) else f"{_two(v)} ({_two(a)} to {_two(b)})" for v, a, b in cells]


def _markdown(columns: dict | pd.DataFrame) -> str:
    return pd.DataFrame(columns).to_markdown(index=False, disable_numparse=True)


def filled(text: str) -> str:
    """Return the text of a README with its tables as they have to be."""
    of_files = (headline, results, summary, commands, recipes, evidence)
    of_files += (explanations, blind, objectives)
    made = {f.__name__: f for f in of_files}
    return BLOCK.sub(lambda m: f"{m[1]}\n{made[m[2]](m[3])}\n\n{m[4]}", text)


if __name__ == "__main__":
    write_csv(over_seeds("phantom"), FIGURES / "phantom" / "seeds.csv")
    for name in READMES:
        path: Path = PROJECT / name
        write_text(filled(path.read_text(encoding="utf-8")), path, public=True)
