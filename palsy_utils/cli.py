"""The command `palsy`: run the series, see how far it is, draw a cohort, fit, predict."""

import os
import signal
import sys
import time
from contextlib import suppress
from functools import partial

import click

from palsy_utils import __version__
from palsy_utils.files import PalsyError

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


class AbsolutePath(click.Path):
    """A path that keeps its meaning whatever folder this process or a kernel moves to."""

    def convert(self, value, param, ctx) -> str:
        return os.path.abspath(super().convert(value, param, ctx))


option = partial(click.option, show_default=True)
cohort_option = option(
    "--cohort", required=True, type=AbsolutePath(), help="Folder of the cohort, say data/phantom."
)
profile_option = option(
    "--profile", default="phantom", help="Size of the run: phantom, paper, smoke."
)
models_option = click.option(
    "--models",
    callback=lambda ctx, param, names: [n.strip() for n in names.split(",") if n.strip()],
    default="",
    help="Names of models, or paper, beyond, all, separated by commas.  [default: paper]",
)
folds_option = option(
    "--folds", default=0, type=click.IntRange(0), help="0 leaves one person out; k makes k groups."
)
seed_option = option(
    "--seed", default=0, type=click.IntRange(0, 2**32 - 1), help="Where chance starts from."
)
device_option = option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps.")


@click.group(cls=OneSentence)
@click.version_option(__version__, prog_name="palsy")
def main() -> None:
    """Multimodal facial-palsy detection from video. For research and teaching only."""


@main.command()
@cohort_option
@profile_option
@models_option
@folds_option
@seed_option
@device_option
@click.option("--workers", type=click.IntRange(1), help="Notebooks side by side.  [default: cores]")
@click.option("--scheduler", help="Address of a running Dask scheduler, tcp://host:8786.")
@option("--figures", default="figures", type=AbsolutePath())
def run(**parameters) -> None:
    """Run the series: frames, faces, every fold that is not done yet, the table."""
    from palsy_utils.runs import batch

    failed = batch.run(**parameters)
    if len(failed):
        told = failed.to_string(index=False)
        click.echo(f"\n{len(failed)} notebook(s) failed:\n{told}", err=True)
        click.echo("Run the same command again to repeat only these.", err=True)
        sys.exit(1)


@main.command()
@cohort_option
@profile_option
@models_option
@folds_option
@seed_option
def status(**parameters) -> None:
    """Show which folds are done, out of date, damaged, failed or open, and why."""
    from palsy_utils.runs import results

    states, reasons = results.status(**parameters)
    click.echo("\n".join([states.to_string(), *reasons]))


@main.command()
@click.argument("folder", type=AbsolutePath())
@option("--patients", default=21, type=click.IntRange(2))
@option("--clips", default=31, type=click.IntRange(2))
@seed_option
def phantom(**parameters) -> None:
    """Draw a phantom cohort of any size into FOLDER."""
    from palsy_utils.phantom.cohort import write_cohort

    write_cohort(**parameters)


@main.command()
@cohort_option
@profile_option
@click.option("--model", required=True, help="Name of a model, say attention-fusion-structured.")
@seed_option
@device_option
@click.option(
    "--output", type=AbsolutePath(), help="Model file.  [default: data/models/palsy-<model>.pt]"
)
def fit(cohort: str, profile: str, model: str, seed: int, device: str, output: str | None) -> None:
    """Fit one model on everybody in a cohort: a model file and its card."""
    from pathlib import Path

    from palsy_utils.clip import fit as fitting

    path = Path(output or f"data/models/palsy-{model}.pt").absolute()
    fitting.check_fittable(model)
    fitting.measure(cohort, profile)
    fitted, _ = fitting.fit(fitting.open_everybody(cohort, profile, model, seed, device))
    fitting.write_model(fitted, path)
    click.echo(f"{path}\n{path}.md")


@main.command()
@click.argument("clip", type=AbsolutePath())
@click.option("--model", required=True, type=AbsolutePath(), help="Model file of `palsy fit`.")
@option("--output", default="data/reports", type=AbsolutePath())
@device_option
def predict(**parameters) -> None:
    """Say what a model says of CLIP: a video, a photograph, or a folder of either.

    Every video gets a table with a row a frame, <name>.csv, and a report to open in a browser,
    <name>.html; only you may read them. The photographs of a folder share one table and one report.
    A face is found if the outer corners of its eyes are at least about 6 % of the picture's longer
    side apart, and often down to 4 %. Nothing of CLIP leaves this machine. This is not a medical
    device.
    """
    from palsy_utils.clip import predict as prediction

    for path in prediction.predict(**parameters):
        click.echo(path)


@main.command()
@click.argument("folder", metavar="DIR", type=AbsolutePath())
def handout(folder: str) -> None:
    """Write the notebooks for a class into DIR, best inside the project's folder.

    DIR/students has no solutions to the exercises, DIR/instructor has them. Notebooks in which
    somebody has worked are never overwritten.
    """
    from palsy_utils.teaching import write_handout

    notebooks = write_handout(folder)
    click.echo("\n".join(dict.fromkeys(str(path.parent) for path in notebooks)))
