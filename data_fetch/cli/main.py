"""The command line: data-fetch list | get | verify | where | clean | mirror | cards."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from typing import Annotated

import typer

from data_fetch.checkpoints.checkpoint_files import checkpoint, described, verified_checkpoints
from data_fetch.cli import checkpoint_commands, organiser_commands
from data_fetch.cli.console import Cue, Dir, Films, ProfileName, Size, Source, out, say, use
from data_fetch.cli.getting import fetch_parts
from data_fetch.command_line import Version
from data_fetch.datasets.cardiomegaly import CARDIOMEGALY
from data_fetch.datasets.catalogue import DATASETS
from data_fetch.errors import DataFetchError, TooFewFilms, choose
from data_fetch.profiles import profile
from data_fetch.sources.nih.download_cost import print_cost
from data_fetch.sources.nih.source import NihSource
from data_fetch.store import cache, manifest
from data_fetch.store.files import fetch_file
from data_fetch.store.housekeeping import (
    entries,
    folder_size,
    human,
    left_overs,
    remove,
    stored_sets,
    verified_files,
)
from data_fetch.store.registry import checkpoints, registry
from data_fetch.transfer import transport

app = typer.Typer(
    name="data-fetch",
    help="Fetch, verify and share the data of the course.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _data_fetch(version: Version = False) -> None:
    pass


@app.command("list")
def list_(directory: Dir = None) -> None:
    """List what can be fetched, under which licence, and what is in the cache."""
    folder = cache.cache_folder(directory)
    folders = [*cache.shared_folders(), folder]
    kept = dict.fromkeys(path.name for place in folders for path in stored_sets(place))
    for name, entry in registry()["datasets"].items():
        _marked(f"[bold]{name}[/bold]  {entry['title']}")
        for source, given in entry["sources"].items():
            prefix = f"{name}-{source}-"
            here = [set_id.removeprefix(prefix) for set_id in kept if set_id.startswith(prefix)]
            _marked(f"  [bold]--source {source}[/bold]  {given['title']}")
            _marked(f"    splits   {', '.join(given['splits'])}")
            _marked(f"    licence  {given['licence']}")
            _marked(f"    cached   {', '.join(here) or 'nothing yet'}")
    for name, entry in registry()["files"].items():
        fetched = any((place / "files" / entry["filename"]).is_file() for place in folders)
        _marked(f"[bold]{name}[/bold]  {entry['title']}")
        _marked(f"    bytes    {entry['bytes']:,}" if "bytes" in entry else "    bytes    size and hash not published")
        _marked(f"    licence  {entry['licence']}")
        _marked(f"    cached   {'yes' if fetched else 'no'}")
    for name, (title, state) in described(directory).items():
        _marked(f"[bold]{name}[/bold]  checkpoint: {title}")
        say(f"    {state}")


def _marked(line: str) -> None:
    out.print(line, soft_wrap=True)


def _names_for(incomplete: str) -> list[str]:
    """The names of `data-fetch list` that complete what was typed."""
    return [name for name in (*DATASETS, *registry()["files"], *checkpoints()) if name.startswith(incomplete)]


@app.command()
def get(
    name: Annotated[
        str | None, typer.Argument(help="A name shown by `data-fetch list`.", autocompletion=_names_for)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that the labs of the profile need.")] = False,
    source: Source = None,
    split: Annotated[str | None, typer.Option(help="One split; by default those that the labs use.")] = None,
    size: Size = None,
    directory: Dir = None,
    cue: Cue = None,
    films: Films = None,
    profile_name: ProfileName = None,
    plan: Annotated[
        bool, typer.Option(help="Only print which NIH films would be fetched (CSV), and the download size.")
    ] = False,
) -> None:
    """Fetch a data set or file into the cache, unless it is already there."""
    use(profile_name, directory)
    if everything or name is None:
        if not everything or name is not None or any((source, split, size, cue, films, plan)):
            raise DataFetchError(
                "Give either one data set, with its options, or --all.",
                next="data-fetch get NAME, or data-fetch get --all",
            )
        _get_all()
        return
    choose("data set", name, [*DATASETS, *registry()["files"], *checkpoints()])
    if name not in DATASETS:
        say(f"{fetch_file(name) if name in registry()['files'] else checkpoint(name).path}")
        return
    dataset = DATASETS[name]
    chosen = dataset.source(source, directory, refresh=True, cue=cue, films=films)
    if plan:
        if not isinstance(downloaded := chosen.downloaded, NihSource):
            raise DataFetchError("--plan is available for NIH films only.", next="add --source nih")
        print_cost(downloaded, dataset.size(size))
        return
    labs = chosen.entry["labs"]
    got = None
    for one in [split] if split else labs:
        try:
            got = dataset.get(chosen, one, size).films
        except TooFewFilms as problem:
            # A small mirror may have no patients left for the test split; its development films are still usable.
            if split or one == labs[0]:
                raise
            out.print(f"{one}: skipped. {problem}", markup=False)
            continue
        say(f"{one}: {got!r}")
        for key in ("films", "warning"):
            if note := got.card.get(key):
                say(f"  {key}: {note}")
    if got is not None:
        say(f"  licence: {got.card['licence']}")
        kept = getattr(got.images, "filename", None) or cache.cache_folder(directory) / "sets" / "ID" / "images.npy"
        say(f"  in {pathlib.Path(kept).parents[2]}")


def _get_all() -> list[pathlib.Path]:
    folder = cache.cache_folder()
    say(f"Fetching everything for the profile {profile().name} into {folder}")
    found, well = fetch_parts(profile(), folder, say)
    say(f"{len(found)} stored sets and files, {human(sum(map(folder_size, found)))}")
    if not well:
        raise typer.Exit(1)
    return found


def _named(items: list[pathlib.Path], name: str | None) -> list[pathlib.Path]:
    """The cached items that a name selects: all, one, or those of a data set."""
    if name is None:
        return items
    fitting = [item for item in items if item.name == name or item.name.startswith(name + "-")]
    filenames = {entry["filename"]: key for key, entry in registry()["files"].items()}
    # The recorded hash of a file is selected with it.
    fitting += [item for item in items if name in (filenames.get(bare := item.name.removesuffix(".sha256")), bare)]
    fitting = list(dict.fromkeys(fitting))
    if not fitting:
        choose("data set", name, dict.fromkeys([*DATASETS, *registry()["files"], *(item.name for item in items)]))
    return fitting


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="A data set, or one stored set; all by default.")] = None,
    directory: Dir = None,
) -> None:
    """Re-hash everything in the cache, and the checkpoints. Exits with status 1 if anything is damaged."""
    problems: list[DataFetchError] = []

    def tell(what: str, found: list[DataFetchError]) -> None:
        say(f"{'damaged' if found else 'good':<8} {what}")
        problems.extend(found)

    folders = list(dict.fromkeys([*cache.shared_folders(), cache.cache_folder(directory)]))
    sets = _named([path for folder in folders for path in stored_sets(folder)], name)
    if not sets:
        say(f"No stored set{f' of {name}' if name else ''} in {', '.join(map(str, folders))}.")
    for path in sets:
        tell(f"{path.name} ({human(folder_size(path))})", manifest.verify(path))
    for folder in folders:
        for path, problem in verified_files(folder) if name is None else ():
            tell(f"{path.relative_to(folder)} ({human(folder_size(path))})", [problem] if problem else [])
        if waiting := folder_size(folder / "partial"):
            say(f"waiting  {human(waiting)} of incomplete downloads, not hashed here")
    for one, problem in verified_checkpoints(directory) if name is None else ():
        tell(f"checkpoint {one}", [problem] if problem else [])
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)


@app.command()
def where(directory: Dir = None) -> None:
    """Show where data are stored and where they are fetched from."""
    folder = cache.cache_folder(directory)
    exists = next(path for path in [folder, *folder.parents] if path.exists())
    sets = stored_sets(folder)
    lines = {
        "cache": f"{folder}",
        "shared": ", ".join(map(str, cache.shared_folders())) or "none (DATA_FETCH_SHARED)",
        "holds": f"{len(sets)} stored sets, {human(folder_size(folder)) if folder.is_dir() else 'nothing yet'}",
        "free": human(shutil.disk_usage(exists).free),
        "profile": f"{profile().name} (source {CARDIOMEGALY.source().name})",
        "mirror": transport.mirror_address() or "none (DATA_FETCH_MIRROR)",
        "offline": "yes" if transport.offline() else "no (DATA_FETCH_OFFLINE)",
    }
    for key, value in lines.items():
        print(f"{key + ':':<9}{value}")
    for path in [*(one for place in cache.shared_folders() for one in stored_sets(place)), *sets]:
        print(f"  {path.name}  {human(folder_size(path))}{'  (shared)' if cache.is_shared(path) else ''}")


@app.command()
def clean(
    name: Annotated[str | None, typer.Argument(help="A data set, or one stored set; all by default.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    directory: Dir = None,
) -> None:
    """Delete cached data and leftovers of interrupted fetches. Lists them and asks first."""
    folder = cache.cache_folder(directory)
    kinds = ("partial", "files", "mirrors")
    left_over = left_overs(folder)
    chosen = _named(stored_sets(folder) + [path for kind in kinds for path in entries(folder, kind)], name)
    chosen += [path for path, set_id in left_over.items() if name is None or (set_id + "-").startswith(name + "-")]
    if not chosen:
        say(f"Nothing to free in {folder}.")
        return
    before, total = folder_size(folder), sum(map(folder_size, chosen))
    for path in chosen:
        say(f"{folder_size(path):>16,} bytes  {path.relative_to(folder)}")
    say(f"The cache {folder} holds {before:,} bytes; this would free {total:,} of them.")
    if not yes:
        if not sys.stdin.isatty():
            raise DataFetchError(
                f"This would free {total:,} bytes; nothing was deleted.", next="data-fetch clean --yes"
            )
        if not typer.confirm(f"Free {total:,} bytes ({human(total)})?"):
            say("Nothing was deleted.")
            return
    freed = 0
    try:
        for path in chosen:
            freed += remove(folder, path, left_over.get(path, path.name))
    finally:
        say(f"Freed {freed:,} bytes. The cache holds {folder_size(folder):,} bytes now.")


organiser_commands.add_to(app)
checkpoint_commands.add_to(app)


def main() -> None:
    """Run the command line. Problems are reported as text with status 1, never as a traceback."""
    try:
        app()
    except DataFetchError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as end:
        if end.code == STOPPED:
            _stopped()
        raise
    except BrokenPipeError:
        # The reader of the output has gone (`data-fetch list | head`), so nothing can be reported.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        print(f"{problem.strerror or problem}\n  where:    {problem.filename or 'unknown'}", file=sys.stderr)
        sys.exit(1)


STOPPED = 130  # the exit status after Ctrl-C


def _stopped() -> None:
    print(
        "\nStopped by Ctrl-C. Completed sets and files are kept.\n"
        "  next:     run the same command again; it resumes where possible",
        file=sys.stderr,
    )
    sys.exit(STOPPED)


if __name__ == "__main__":
    main()
