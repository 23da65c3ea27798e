"""The command `palsy`: run the series, see how far it is, make a cohort, fit, predict, score."""

import os
import runpy
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from palsy_utils import __version__
from palsy_utils.files import NOTEBOOKS, PalsyError, check_checkout

STOPS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
AT_ONCE = 3.0  # s; signals closer to each other than that are one


class OneSentence(click.Group):
    """A group of commands that say in one sentence, without a traceback, why they end early."""

    def invoke(self, ctx: click.Context):
        moments = [-AT_ONCE]

        def stop(number: int, _) -> None:
            """Let every `with` and `finally` tidy up, undisturbed by a second signal."""
            moments.append(time.monotonic())
            if moments[-1] - moments[-2] >= AT_ONCE:
                raise KeyboardInterrupt(number)

        for number in STOPS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, stop)
        try:
            return super().invoke(ctx)
        except PalsyError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt as stopped:
            import psutil

            for number in STOPS:  # a late one would end Python on its way out
                signal.signal(number, signal.SIG_IGN)
            click.echo("\nStopped: the same command, given again, goes on from there.", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # for what libraries say of being stopped
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):  # it has ended
                    child.kill()  # before the files go with which it works
            sys.exit(128 + stopped.args[0])


def path(text: str) -> str:
    """Read a path that keeps its meaning whatever folder this process or a kernel moves to."""
    return os.path.abspath(text)


def names(text: str) -> list[str]:
    """Read names with commas between."""
    return [name.strip() for name in text.split(",") if name.strip()]


SHARED = {  # options that several commands have: type, default (none: required), help
    "cohort": (path, None, "Folder of the cohort, say data/phantom."),
    "profile": (str, "phantom", "Size of the run: phantom, paper, paper-literal, smoke."),
    "models": (names, "paper", "Names of models, or paper, beyond, all, separated by commas."),
    "folds": (click.IntRange(0), 0, "0 leaves one person out; k makes k groups."),
    "seed": (click.IntRange(0, 2**32 - 1), 0, "Where chance starts from."),
    "device": (str, "auto", "auto, cpu, cuda, cuda:1, mps."),
}


def shared(*options: str) -> list[click.Option]:
    """Return some of the options that several commands have."""
    rows = [(f"--{name}", *SHARED[name]) for name in options]
    return [
        click.Option([name], type=kind, default=value, required=value is None, help=text)
        for name, kind, value, text in rows
    ]


@click.group(cls=OneSentence, context_settings={"show_default": True})
@click.version_option(__version__, prog_name="palsy")
def main() -> None:
    """Multimodal facial-palsy detection from video. For research and teaching only."""


@main.command(params=shared("cohort", "profile", "models", "folds", "seed", "device"))
@click.option(
    "--workers", type=click.IntRange(1), show_default="cores", help="Notebooks side by side."
)
@click.option("--scheduler", help="Address of a running Dask scheduler, tcp://host:8786.")
@click.option("--figures", type=path, default="figures")
def run(**parameters) -> None:
    """Run the series: frames, faces, every fold that is not done yet, the table."""
    from palsy_utils.runs import batch

    failed = batch.run(**parameters)
    if len(failed):
        told = failed.to_string(index=False)
        click.echo(f"\n{len(failed)} notebook(s) failed:\n{told}", err=True)
        click.echo("Run the same command again to repeat only these.", err=True)
        sys.exit(1)


@main.command(params=shared("cohort", "profile", "models", "folds", "seed"))
def status(**parameters) -> None:
    """Show which folds are done, out of date, damaged, failed or open, and why."""
    from palsy_utils.runs import results

    states, reasons = results.status(**parameters)
    click.echo("\n".join([states.to_string(), *reasons]))


@main.command("score", params=shared("profile", "folds", "seed"))
@click.argument("files", metavar="CSV...", type=path, nargs=-1, required=True)
@click.option("--cohort", type=path, help="Score them beside the run of a cohort.")
def score_files(files: tuple[str, ...], cohort: str | None, **parameters) -> None:
    """Score predictions that were made elsewhere, by the same rules.

    Each CSV is of one model, named after its file: columns patient, label (0 or 1), probability,
    and video and frame if there are any; all of the same frames.
    """
    from palsy_utils.runs.kernels import run_notebook

    given = {**parameters, "files": "\n".join(files), "beside": cohort or ""}
    click.echo(run_notebook("16_predictions_made_elsewhere", given), nl=False)


@main.command(params=shared("seed"))
@click.argument("folder", type=path)
@click.option("--patients", type=click.IntRange(2), default=21)
@click.option("--clips", type=click.IntRange(2), default=31)
def phantom(**parameters) -> None:
    """Write a phantom cohort of any size, synthetic people and their clips, into FOLDER."""
    from palsy_utils.phantom.cohort import write_cohort

    write_cohort(**parameters)


@main.command(params=shared("cohort", "profile", "seed", "device"))
@click.option("--model", required=True, help="Name of a model, say attention-fusion-structured.")
@click.option(
    "--output", type=path, show_default="data/models/palsy-<model>.pt", help="Model file."
)
def fit(cohort: str, profile: str, seed: int, device: str, model: str, output: str | None) -> None:
    """Fit one model on everybody in a cohort: a model file and its card."""
    from palsy_utils.runs.kernels import run_notebook

    to = os.path.abspath(output or f"data/models/palsy-{model}.pt")
    given = {"cohort": cohort, "profile": profile, "seed": seed, "device": device}
    run_notebook("11_a_model_to_keep", given | {"model": model, "write_to": to})
    click.echo(f"{to}\n{to}.md")


@main.command(params=shared("device"))
@click.argument("clip", type=path)
@click.option("--model", "model_file", type=path, required=True, help="Model file of `palsy fit`.")
@click.option("--output", type=path, default="data/reports")
def predict(clip: str, **parameters) -> None:
    """Say what a model says of CLIP: a video, a photograph, or a folder of either.

    Every video gets a table with a row a frame, <name>.csv, and a report to open in a browser,
    <name>.html; only you may read them. The photographs of a folder share one table and one report.
    A face is found if the outer corners of its eyes are at least about 6 % of the picture's longer
    side apart, and often down to 4 %. Nothing of CLIP leaves this machine. This is not a medical
    device.
    """
    from palsy_utils.cohort.paths import list_kind
    from palsy_utils.runs.kernels import run_notebook

    sources, failed = [clip], []
    with suppress(OSError):  # it is a file, or cannot be read, which the notebook will tell
        clips = list_kind(Path(clip), "clip")
        sources = [*map(str, clips), *[clip] * bool(list_kind(Path(clip), "image") or not clips)]
    for source in sources:
        try:
            click.echo(run_notebook("15_your_own_video", {**parameters, "clip": source}), nl=False)
        except PalsyError as error:
            failed.append(str(error))
        except UnicodeEncodeError:
            failed.append(f"{os.fsencode(source)!r} is no UTF-8 text: rename the file.")
    if failed:
        raise PalsyError("\n".join(dict.fromkeys(failed)))


@main.command()
@click.argument("folder", metavar="DIR", type=path)
def handout(folder: str) -> None:
    """Write the notebooks for a class into DIR, best inside the project's folder.

    DIR/students has no solutions to the exercises, DIR/instructor has them. Notebooks in which
    somebody has worked are never overwritten.
    """
    check_checkout()
    notebooks = runpy.run_path(str(NOTEBOOKS / "pages" / "handout.py"))["write_handout"](folder)
    click.echo("\n".join(dict.fromkeys(str(notebook.parent) for notebook in notebooks)))
