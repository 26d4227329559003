"""The command line: data-fetch list | get | verify | where | clean | mirror."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from data_fetch import cache, cardiomegaly, cardiomegaly_biased, cues, nih, pneumothorax, transport
from data_fetch.checkpoint import checkpoint, checkpoint_names
from data_fetch.errors import DataFetchError, TooFewFilms, choose
from data_fetch.fetching import choose_source
from data_fetch.files import fetch_file, verify_file
from data_fetch.imageset import ImageSet
from data_fetch.mirror import write_mirror
from data_fetch.plan import print_plan
from data_fetch.profiles import profile
from data_fetch.registry import data_set, registry

app = typer.Typer(
    name="data-fetch",
    help="Fetch, verify and share the data of the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False)

FETCH: dict[str, Callable[..., ImageSet]] = {
    "cardiomegaly": cardiomegaly.fetch_cardiomegaly,
    "cardiomegaly_biased": cardiomegaly_biased.fetch_cardiomegaly_biased,
    "pneumothorax": pneumothorax.fetch_pneumothorax,
}
# The stored sets that a split of a data set needs.
STORED: dict[str, Callable[..., list[pathlib.Path]]] = {
    "cardiomegaly": lambda *given, **options: [cardiomegaly.stored_folder(*given, **options)],
    "cardiomegaly_biased": cardiomegaly_biased.stored_folders,
    "pneumothorax": lambda *given, **options: [pneumothorax.stored_folder(*given, **options)],
}

Source = Annotated[str | None, typer.Option(help="phantom, nih or mit; by default DATA_FETCH_SOURCE or the profile's.")]
Size = Annotated[int | None, typer.Option(help="Height and width in pixels; by default the profile's.")]
Cue = Annotated[str | None, typer.Option(help=f"Of cardiomegaly_biased: {', '.join(cues.RECIPES)}.")]
Films = Annotated[int | None, typer.Option(help="Of pneumothorax, NIH: how many films in all, half of them positive.")]
Dir = Annotated[pathlib.Path | None, typer.Option("--dir", help="The cache; by default DATA_FETCH_DIR or the user's.")]


def human(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count:,} bytes"


def folder_size(path: pathlib.Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def stored_sets(folder: pathlib.Path) -> list[pathlib.Path]:
    sets = folder / "sets"
    return sorted(p for p in sets.iterdir() if p.is_dir() and not p.name.startswith(".")) if sets.is_dir() else []


@app.command("list")
def list_(directory: Dir = None) -> None:
    """What can be fetched, under which terms, and what of it is in the cache."""
    folder = cache.cache_folder(directory)
    kept = [path.name for path in stored_sets(folder)]
    for name, entry in registry()["datasets"].items():
        _say(f"[bold]{name}[/bold]  {entry['title']}")
        for source, given in entry["sources"].items():
            prefix = f"{name}-{source}-"
            here = [set_id.removeprefix(prefix) for set_id in kept if set_id.startswith(prefix)]
            _say(f"  [bold]--source {source}[/bold]  {given['title']}")
            _say(f"    splits   {', '.join(given['splits'])}")
            _say(f"    licence  {given['licence']}")
            _say(f"    cached   {', '.join(here) or 'nothing yet'}")
    for name, entry in registry()["files"].items():
        path = folder / "files" / entry["filename"]
        _say(f"[bold]{name}[/bold]  {entry['title']}")
        _say(
            f"    bytes    {entry['bytes']:,}" if "bytes" in entry else "    bytes    not published, and no hash either"
        )
        _say(f"    licence  {entry['licence']}")
        _say(f"    cached   {'yes' if path.is_file() else 'nothing yet'}")
    _say("Checkpoints, part of the course: " + (", ".join(checkpoint_names()) or "none"))


def _say(line: str) -> None:
    out.print(line, soft_wrap=True)


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A data set or file that `data-fetch list` shows.")],
    source: Source = None,
    split: Annotated[str | None, typer.Option(help="One split; by default those that the labs use.")] = None,
    size: Size = None,
    directory: Dir = None,
    cue: Cue = None,
    films: Films = None,
    plan: Annotated[
        bool, typer.Option(help="Only print which NIH films would be fetched (CSV), and what that costs.")
    ] = False,
) -> None:
    """Fetch a data set or file into the cache; what is there is not fetched again."""
    choose("data set", name, [*FETCH, *registry()["files"]])
    if name not in FETCH:
        out.print(f"{fetch_file(name, directory)}", soft_wrap=True)
        return
    source = choose_source(name, source)
    options = _options(name, source, cue=cue, films=films)
    if plan:
        print_plan(name, source, directory, films, size)
        return
    if source == "nih":
        nih.find_source(cache.cache_folder(directory), refresh=True)
    labs = data_set(name)["sources"][source]["labs"]
    got = None
    for one in [split] if split else labs:
        try:
            got = FETCH[name](source=source, split=one, size=size, cache_dir=directory, **options)
        except TooFewFilms as problem:
            # A small mirror may have no patients left to test on, and its development films are good all the same.
            if split or one == labs[0]:
                raise
            out.print(f"{one}: none. {problem}", markup=False)
            continue
        out.print(f"{one}: {got!r}", markup=False, soft_wrap=True)
        for key in ("films", "warning"):
            if note := got.card.get(key):
                out.print(f"  {key}: {note}", markup=False, soft_wrap=True)
    if got is not None:
        out.print(f"  licence: {got.card['licence']}", markup=False, soft_wrap=True)
    out.print(f"  in {cache.cache_folder(directory)}", markup=False, soft_wrap=True)


def _options(name: str, source: str, **given: object) -> dict[str, object]:
    """The options that were given, refused where this source of the data set has none of the name."""
    known = data_set(name)["sources"][source].get("options", [])
    options = {key: value for key, value in given.items() if value is not None}
    for key in options:
        if key not in known:
            raise DataFetchError(
                f"{name} from {source} has no option --{key}.",
                expected=", ".join(f"--{one}" for one in known) or "none of its own",
                next="leave it out",
            )
    return options


def _named(items: list[pathlib.Path], name: str | None) -> list[pathlib.Path]:
    """Those of some cached things that a name means: all, one, or all of a data set."""
    if name is None:
        return items
    fitting = [item for item in items if item.name == name or item.name.startswith(name + "-")]
    filenames = {entry["filename"]: key for key, entry in registry()["files"].items()}
    # The recorded hash of a file goes with it.
    fitting += [item for item in items if name in (filenames.get(bare := item.name.removesuffix(".sha256")), bare)]
    fitting = list(dict.fromkeys(fitting))
    if not fitting:
        choose("data set", name, dict.fromkeys([*FETCH, *registry()["files"], *(item.name for item in items)]))
    return fitting


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="A data set, or one stored set; all by default.")] = None,
    directory: Dir = None,
) -> None:
    """Hash what is in the cache, and the checkpoints, again. Ends with status 1 if anything was changed."""
    problems: list[DataFetchError] = []
    folder = cache.cache_folder(directory)
    sets = _named(stored_sets(folder), name)
    if not sets:
        out.print(f"No stored set{f' of {name}' if name else ''} in {folder}.", markup=False, soft_wrap=True)
    for path in sets:
        found = cache.verify(path)
        out.print(f"{'damaged' if found else 'good':<8} {path.name} ({human(folder_size(path))})", markup=False)
        problems += found
    for entry in registry()["files"].values():
        path = folder / "files" / entry["filename"]
        if path.is_file() and name is None:
            problem = verify_file(path, entry)
            found = [problem] if problem else []
            out.print(f"{'damaged' if found else 'good':<8} {path.name} ({human(path.stat().st_size)})", markup=False)
            problems += found
    for one in checkpoint_names() if name is None else ():
        try:
            checkpoint(one)
            out.print(f"{'good':<8} checkpoint {one}", markup=False)
        except DataFetchError as damage:
            out.print(f"{'damaged':<8} checkpoint {one}", markup=False)
            problems.append(damage)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)


@app.command()
def where(directory: Dir = None) -> None:
    """Where data are kept and come from."""
    folder = cache.cache_folder(directory)
    exists = next(path for path in [folder, *folder.parents] if path.exists())
    sets = stored_sets(folder)
    lines = {
        "cache": f"{folder}",
        "holds": f"{len(sets)} stored sets, {human(folder_size(folder)) if folder.is_dir() else 'nothing yet'}",
        "free": human(shutil.disk_usage(exists).free),
        "profile": f"{profile().name} (source {choose_source('cardiomegaly', None)})",
        "mirror": transport.mirror_address() or "none (DATA_FETCH_MIRROR)",
        "offline": "yes" if cache.offline() else "no (DATA_FETCH_OFFLINE)",
    }
    for key, value in lines.items():
        print(f"{key + ':':<9}{value}")
    for path in sets:
        print(f"  {path.name}  {human(folder_size(path))}")


@app.command()
def clean(
    name: Annotated[str | None, typer.Argument(help="A data set, or one stored set; all by default.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    directory: Dir = None,
) -> None:
    """Free the room that cached data take, and what interrupted fetches left. Says what, and asks."""
    folder = cache.cache_folder(directory)
    pieces = sorted((folder / "partial").iterdir()) if (folder / "partial").is_dir() else []
    files = sorted(p for p in (folder / "files").iterdir() if p.is_file()) if (folder / "files").is_dir() else []
    left_over = {path: path.name[1:].rsplit(".", 2)[0] for path in (folder / "sets").glob(".*.part")}
    chosen = _named(stored_sets(folder) + pieces + files, name)
    chosen += [path for path, set_id in left_over.items() if name is None or (set_id + "-").startswith(name + "-")]
    if not chosen:
        out.print(f"Nothing to free in {folder}.", markup=False, soft_wrap=True)
        return
    for path in chosen:
        out.print(f"{human(folder_size(path)):>12}  {path.relative_to(folder)}", markup=False, soft_wrap=True)
    total = human(sum(folder_size(path) for path in chosen))
    if not yes:
        if not sys.stdin.isatty():
            raise DataFetchError(f"This would free {total}; nothing was deleted.", next="data-fetch clean --yes")
        if not typer.confirm(f"Free {total}?"):
            out.print("Nothing was deleted.")
            return
    freed = 0
    for path in chosen:
        size = folder_size(path)
        with cache.locked(folder, left_over.get(path, path.name), wait=False):
            if path.is_dir():
                # Gone for other processes at once, so that nobody opens a set of which half is deleted.
                doomed = path.with_name(f".{path.name}.{os.getpid()}.part")
                path.rename(doomed)
                shutil.rmtree(doomed)
            else:
                path.unlink()
        freed += size
    out.print(f"Freed {human(freed)}.")


@app.command()
def mirror(
    target: Annotated[pathlib.Path, typer.Argument(help="Folder to write; served or shared later.")],
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; all by default.")] = None,
    source: Source = None,
    size: Size = None,
    directory: Dir = None,
    cue: Cue = None,
    films: Films = None,
) -> None:
    """Write a folder that other machines can name as DATA_FETCH_MIRROR: no rendering, no download from afar."""
    folder = cache.cache_folder(directory)
    for name in names or FETCH:
        choose("data set", name, FETCH)
        if not names and source not in (None, *data_set(name)["sources"]):
            continue
        given = choose_source(name, source)
        known = data_set(name)["sources"][given]
        options = {key: value for key, value in (("cue", cue), ("films", films)) if value is not None}
        if names:
            _options(name, given, **options)
        options = {key: value for key, value in options.items() if key in known.get("options", [])}
        try:
            stored = {path for split in known["labs"] for path in STORED[name](given, split, size, folder, **options)}
        except TooFewFilms as problem:
            if names:
                raise
            out.print(f"{name}: none. {problem}", markup=False, soft_wrap=True)
            continue
        if given == "nih" and (manifest := nih.find_source(folder).manifest):
            # The manifest is what names the set, so the new mirror must say the same.
            _keep_manifest(target, manifest)
        for path in sorted(stored):
            done = "written" if write_mirror(path, target) else "there already"
            out.print(f"{done}: {path.name} ({human(folder_size(path))})", markup=False, soft_wrap=True)
    shown = target.absolute()
    out.print(f"On the other machine: DATA_FETCH_MIRROR={shown}", markup=False, soft_wrap=True)
    out.print(
        f"or, over HTTP: python -m http.server --directory {shown}, and its address", markup=False, soft_wrap=True
    )


def _keep_manifest(target: pathlib.Path, manifest: bytes) -> None:
    path = target / nih.MANIFEST
    if path.is_file() and path.read_bytes() != manifest:
        raise DataFetchError(
            "This folder mirrors another selection of NIH films.", where=path, next="choose an empty folder"
        )
    target.mkdir(parents=True, exist_ok=True)
    path.write_bytes(manifest)


def main() -> None:
    """Run the command line. Problems are told as text, with status 1, never as a traceback."""
    try:
        app()
    except DataFetchError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has gone (`data-fetch list | head`); there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        print(f"{problem.strerror or problem}\n  where:    {problem.filename or 'not known'}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
