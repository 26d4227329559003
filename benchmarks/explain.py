"""The cost of thirteen attribution maps compared with the original lab's approach: time, memory and correctness.

Run: python benchmarks/explain.py [--rounds 3] [--films-peer 2]      three quarters of an hour on two quiet cores
     python benchmarks/explain.py --full-size METHOD, or all         a quarter of an hour, 4 GB of memory

The network is the checkpoint cardiomegaly-cpu at 256 px; the films are the first of the test split; each film's winning
class is explained; every method has iNNvestigate's default settings: 64 samples, 64 steps. Prints one line of JSON per
measurement, with medians over the rounds. Time is measured from before the process starts to the last map.

explain_one, explain_sixteen
    Ours: a new process in which `medxai.create_analyzer` computes all thirteen maps of 1 or 16 films. Includes start and
    imports of the process and of iNNvestigate's process, opening the films (which are cached) and the checkpoint,
    building every analyzer, and fitting patterns to all training films once.
    Peer, the original approach: one process with eager execution off and one default graph, in which iNNvestigate's own
    `create_analyzer` is called again for each film and each of the eleven methods; then PatternNet and
    PatternAttribution, each fitted separately to the same training films, once for all films. iNNvestigate 2 has no
    patterns, so that part is ours, in a second, eager process, whose start is not counted. Timed on --films-peer films.
    The time for 16 films is extrapolated from these; since the graph grows with every analyzer, later films take longer,
    so the extrapolation favours the peer. Limit: a tenth of the peer's time for 16 films.
explain_one_memory, explain_sixteen_memory
    Peak resident memory (VmHWM) of the same runs. Ours: the process's peak plus that of iNNvestigate's process, although
    they occur at different times. Peer: the larger of its two processes, after --films-peer films instead of 16, which
    again favours the peer.
explain_wrong_maps
    How many of eleven methods return, for any film, a different map than the same method alone in a new graph of
    iNNvestigate (by more than 1e-4 of the map's largest magnitude). Ours must be 0, and the pattern maps of both sides
    must agree; otherwise there is an error and no result. SmoothGrad is excluded, as iNNvestigate's noise cannot be
    seeded. The names are printed to standard error. Limit: 0.
explain_512_METHOD, with --full-size
    Peak memory for one film of 512 x 512 in the full-width network, with random weights; a new process for each method,
    with iNNvestigate's process counted as above. The pattern methods are fitted to 16 films. Limit: 4 GB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from data_fetch import command_line

SERIES = 16
UNSEEDED = "smoothgrad"
SAME = 1e-4
FULL_SIZE = 512
FULL_SIZE_TRAINING = 16
FULL_SIZE_LIMIT_GB = 4.0


def peak_gb(pid: int | str = "self") -> float:
    """The peak resident memory of a process, in 10^9 bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmHWM")) * 1024 / 1e9


def peak_with_child_gb() -> float:
    from medxai.explain.analyzers import _CHILD

    return peak_gb() + (peak_gb(_CHILD.pid) if _CHILD.pid else 0)


def films_of(split: str, count: int | None = None) -> np.ndarray:
    """Stored films uint8 (N, 256, 256)."""
    from data_fetch import fetch_cardiomegaly

    return fetch_cardiomegaly(source="phantom", split=split, size=256, progress=False).images[:count]


def network() -> Any:
    import medxai

    return medxai.load_checkpoint("cardiomegaly-cpu").model


# Each job below runs in its own process and returns its measurements (seconds, GB); maps are saved to a file.


def job_ours(started: float, films: int, training: int | None, keep: Path) -> dict[str, float]:
    import medxai
    from medxai.explain import fit_patterns, logits_model
    from medxai.explain.analyzers import METHODS, PATTERNS
    from medxai.networks.preprocessing import to_network_input

    model, images = network(), to_network_input(films_of("test", films))
    maps = {name: medxai.create_analyzer(name, model).analyze(images) for name in METHODS}
    patterns = fit_patterns(logits_model(model), films_of("train", training), prepare=to_network_input)
    for name in PATTERNS:
        maps[name] = medxai.create_analyzer(name, model, patterns=patterns).analyze(images)
    marks = {"seconds": time.monotonic() - started, "gb": peak_with_child_gb()}
    np.savez(keep, **maps)
    return marks


def job_peer(started: float, films: int, training: int | None, keep: Path) -> dict[str, float]:
    """The original approach, measured after each film."""
    import tensorflow as tf

    tf.compat.v1.disable_eager_execution()
    import innvestigate

    from medxai.explain.analyzers import METHODS
    from medxai.networks.preprocessing import to_network_input

    model = innvestigate.model_wo_softmax(network())
    images = to_network_input(films_of("test", films))
    maps: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    marks = {"first_film_from": time.monotonic() - started}
    for number in range(films):
        for name in METHODS:
            analyzer = innvestigate.create_analyzer(name, model)
            maps[name].append(analyzer.analyze(images[number : number + 1])[0])
        marks |= {f"seconds_{number + 1}": time.monotonic() - started, f"gb_{number + 1}": peak_gb()}
    np.savez(keep, **{name: np.stack(found) for name, found in maps.items()})
    return marks


def job_peer_patterns(started: float, films: int, training: int | None, keep: Path) -> dict[str, float]:
    """Two fits, then the maps of one film and of all films."""
    from medxai.explain import PatternAttribution, PatternNet, logits_model
    from medxai.networks.preprocessing import to_network_input

    model, images = logits_model(network()), to_network_input(films_of("test", films))
    training_films = films_of("train", training)
    before = time.monotonic()
    fitted = [kind(model).fit(training_films, prepare=to_network_input) for kind in (PatternNet, PatternAttribution)]
    fits = time.monotonic() - before
    marks = {}
    maps = {}
    for count in (1, films):
        before = time.monotonic()
        maps = {analyzer.name: analyzer.analyze(images[:count]) for analyzer in fitted}
        marks |= {f"seconds_{count}": fits + time.monotonic() - before, f"gb_{count}": peak_gb()}
    np.savez(keep, **maps)
    return marks


def job_alone(started: float, films: int, training: int | None, keep: Path) -> dict[str, float]:
    """iNNvestigate's own maps with nothing else in the graph: the reference."""
    import tensorflow as tf

    tf.compat.v1.disable_eager_execution()
    import innvestigate

    from medxai.explain.analyzers import METHODS
    from medxai.networks.preprocessing import to_network_input

    images = to_network_input(films_of("test", films))
    maps = {}
    for name in METHODS:
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph).as_default():
            analyzer = innvestigate.create_analyzer(name, innvestigate.model_wo_softmax(network()))
            maps[name] = np.concatenate([analyzer.analyze(images[k : k + 1]) for k in range(films)])
    np.savez(keep, **maps)
    return {}


def job_full_size(name: str) -> dict[str, float]:
    import tensorflow as tf

    import medxai
    from medxai.explain.analyzers import PATTERNS

    tf.keras.utils.set_random_seed(0)
    model = medxai.networks.models.vgg16_block6(size=FULL_SIZE)
    generator = np.random.default_rng(0)
    film = generator.uniform(-120, 150, (1, FULL_SIZE, FULL_SIZE, 3)).astype(np.float32)
    analyzer: Any = medxai.create_analyzer(name, model)
    started = time.monotonic()
    if name in PATTERNS:
        analyzer.fit(np.repeat(film, FULL_SIZE_TRAINING, axis=0) * generator.random((FULL_SIZE_TRAINING, 1, 1, 1)))
    found = analyzer.analyze(film)
    if found.shape != film.shape or not np.isfinite(found).all():
        raise SystemExit(f"explain: {name} returned no valid map of a film of {FULL_SIZE} px: shape {found.shape}.")
    return {"gb": peak_with_child_gb(), "seconds": time.monotonic() - started}


JOB = "--job"  # the first argument of a process that runs a single measurement
JOBS = {"ours": job_ours, "peer": job_peer, "peer_patterns": job_peer_patterns, "alone": job_alone}


def run(job: str, *arguments: Any) -> dict[str, float]:
    """The measurements of a job in a new Python process."""
    command = [sys.executable, __file__, JOB, str(time.monotonic()), job, *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise SystemExit(f"explain: job {job} failed with exit status {done.returncode}:\n{last}")
    return json.loads(done.stdout.splitlines()[-1])


def line(
    name: str, ours: list[float], peer: list[float] | None, limit: float | None, unit: str, share: float | None = None
) -> str:
    """One measurement as JSON: medians and their ratios. `share`: the limit as a fraction of the peer's median."""
    a = statistics.median(ours)
    b = statistics.median(peer) if peer else None
    if share is not None and b is not None:
        limit = share * b
    row = {
        "name": name,
        "ours": a,
        "peer": b,
        "limit": limit,
        "ratio_peer": b / a if b is not None and a else None,
        "ratio_limit": a / limit if limit else None,
    }
    return json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()} | {"unit": unit})


def different(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether the map of any film differs by more than SAME times its largest magnitude."""
    axes = tuple(range(1, ours.ndim))
    return bool((np.abs(ours - theirs).max(axes) > SAME * np.abs(theirs).max(axes)).any())


def wrong_maps(folder: Path, films_peer: int) -> int:
    """The number of the peer's methods that return wrong maps; an error if one of ours does."""
    found = {job: np.load(folder / f"{job}.npz") for job in ("ours", "alone", "peer", "peer_patterns")}
    compared = [name for name in found["alone"].files if name != UNSEEDED]
    wrong = [name for name in compared if different(found["ours"][name][:films_peer], found["alone"][name])]
    wrong += [n for n in found["peer_patterns"].files if different(found["ours"][n], found["peer_patterns"][n])]
    if wrong:
        raise SystemExit(f"explain: our maps differ from those of the method alone: {', '.join(wrong)}. No results.")
    bad = [name for name in compared if different(found["peer"][name], found["alone"][name])]
    print(f"explain: methods with different maps in a shared graph: {', '.join(bad) or 'none'}", file=sys.stderr)
    return len(bad)


def compare(rounds: int, films_peer: int, training: int | None) -> None:
    if films_peer < 1:
        raise SystemExit(f"explain: --films-peer {films_peer}; expected 1 or more.")
    films_of("train"), films_of("test")  # fills the cache
    ours: dict[int, list[dict[str, float]]] = {1: [], SERIES: []}
    peer: dict[int, list[dict[str, float]]] = {1: [], SERIES: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(rounds):
            for count in ours:
                ours[count].append(run("ours", count, training, folder / "ours.npz"))
            graph = run("peer", films_peer, training, folder / "peer.npz")
            patterns = run("peer_patterns", SERIES, training, folder / "peer_patterns.npz")
            before = graph["first_film_from"]
            scale = {1: (1, 1.0), SERIES: (films_peer, SERIES / films_peer)}
            for count, (last, factor) in scale.items():
                seconds = before + factor * (graph[f"seconds_{last}"] - before) + patterns[f"seconds_{count}"]
                gb = max(graph[f"gb_{last}"], patterns[f"gb_{count}"])
                peer[count].append({"seconds": seconds, "gb": gb})
        run("alone", films_peer, training, folder / "alone.npz")
        wrong = wrong_maps(folder, films_peer)
    for name, count, share in (("explain_one", 1, None), ("explain_sixteen", SERIES, 0.1)):
        for suffix, key, unit, part in (("", "seconds", "s", share), ("_memory", "gb", "GB", None)):
            sides = ([found[key] for found in ours[count]], [found[key] for found in peer[count]])
            print(line(name + suffix, *sides, None, unit, part))
    print(line("explain_wrong_maps", [0], [wrong], 0, "methods"))


def full_size(names: list[str]) -> None:
    for name in names:
        peak = run("full_size", name)
        print(line(f"explain_512_{name}", [peak["gb"]], None, FULL_SIZE_LIMIT_GB, "GB"), flush=True)
        print(f"explain: {name} took {peak['seconds']:.0f} s, including patterns and building", file=sys.stderr)


def main(
    rounds: int = 3,
    films_peer: Annotated[int, typer.Option(help="Number of films for timing the peer.")] = 2,
    training_films: Annotated[int | None, typer.Option(help="Use only this many training films, for a trial.")] = None,
    full_size_of: Annotated[
        list[str] | None, typer.Option("--full-size", metavar="METHOD", help="Only at full size; repeatable, or all.")
    ] = None,
    version: command_line.Version = False,
) -> None:
    from medxai.explain.analyzers import METHODS, PATTERNS

    known = [*METHODS, *PATTERNS]
    if full_size_of:
        command_line.one_of([*known, "all"])(full_size_of)
        full_size(known if "all" in full_size_of else full_size_of)
    else:
        compare(rounds, films_peer, training_films)


def job(started: float, name: str, *given: str) -> None:
    """One measurement, in a process of its own."""
    if name == "full_size":
        print(json.dumps(job_full_size(*given)))
        return
    films, training, keep = given
    print(json.dumps(JOBS[name](started, int(films), None if training == "None" else int(training), Path(keep))))


if __name__ == "__main__":
    if sys.argv[1:2] == [JOB]:
        job(float(sys.argv[2]), *sys.argv[3:])
    else:
        raise SystemExit(command_line.single(main, "python benchmarks/explain.py"))
