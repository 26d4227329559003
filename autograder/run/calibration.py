"""Determines by experiment which check cells of an assignment can be run outside the student's process.

The reference solution, the stub, any mutants and eleven degenerate answers are checked both inside, as nbgrader does, and
outside. A cell whose verdicts differ is checked inside from then on and marked as not tamper-proof.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.check.protocol.verdict import FAILED, NOT_RUN, PASSED, Finding, Verdict
from autograder.check.runner.servers import Server
from autograder.course.markers import stub_of
from autograder.notebook import code_cells, syntax
from autograder.notebook.code_cells import CHECK, SOLUTION, CodeCell
from autograder.record.sentences import message
from autograder.run.results import USUAL, Difference, Policy, Seconds
from autograder.run.walk import Kernel, walk

FIRST = "next(iter([*args, *kwargs.values()]), None)"
# With this answer, a comparison may leave an array as the cell's last value: nbgrader then gives full points, the outside check
# none. So this answer is only used to find weak checks, and never moves a cell inside.
EMPTY = "returns an empty array"
# (Body of every function, value of every other name); None leaves the name unbound.
DEGENERATE: dict[str, tuple[str, str | None]] = {
    "returns None": ("return None", "None"),
    "returns NaN": ("return float('nan')", "float('nan')"),
    "returns 0": ("return 0", "0"),
    "returns 1": ("return 1", "1"),
    "returns True": ("return True", "True"),
    "returns an empty list": ("return []", "[]"),
    "returns an empty string": ("return ''", "''"),
    "returns its first argument": (f"return {FIRST}", "{}"),
    "returns zeros": (f"return {FIRST} * 0", "0.0"),
    # Equal to any number, if compared with `all`.
    EMPTY: ("import numpy\n    return numpy.zeros(0)", "__import__('numpy').zeros(0)"),
    "always raises": ("raise ValueError('no')", None),
}


@dataclass
class Calibration:
    """The result of calibrating an assignment.

    Attributes
    ----------
    policies : dict
        How each check cell is run; `why` gives the reason against running it outside.
    weak : dict
        For each check cell that the stub or a degenerate answer passes, these answers.
    wrong_reference : dict
        For each check cell in which the reference solution loses points, its message: an error by the instructor.
    by_luck : dict
        For each check cell that marked the same answer differently when run twice, the answer.
    """

    policies: dict[str, Policy] = field(default_factory=dict)
    weak: dict[str, list[str]] = field(default_factory=dict)
    wrong_reference: dict[str, Finding] = field(default_factory=dict)
    by_luck: dict[str, str] = field(default_factory=dict)

    @property
    def inside(self) -> dict[str, Difference]:
        """The cells that are not tamper-proof, with the reason."""
        return {id: policy.why for id, policy in self.policies.items() if policy.why}

    def to_json(self) -> dict[str, Any]:
        """As plain data; `from_json` reads it."""
        return {
            **vars(self),
            "policies": {id: policy.to_json() for id, policy in self.policies.items()},
            "wrong_reference": {id: finding.to_json() for id, finding in self.wrong_reference.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """The inverse of `to_json`. Raises ValueError, TypeError, KeyError or AttributeError for other data."""
        policies = {id: Policy.from_json(policy) for id, policy in data["policies"].items()}
        wrong = {id: Finding.from_json(finding) for id, finding in data["wrong_reference"].items()}
        return cls(**{**data, "policies": policies, "wrong_reference": wrong})

    def problems(self) -> list[str]:
        """Messages for the instructor."""
        told = [
            f"{id}: the reference solution loses points: {message(id, finding)}"
            for id, finding in self.wrong_reference.items()
        ]
        told += [
            f"{id}: checked in the student's process, not tamper-proof: {why_inside(difference)}"
            for id, difference in self.inside.items()
        ]
        told += [f"{id}: depends on chance: {name} passed once and failed once" for id, name in self.by_luck.items()]
        return told + [f"{id}: weak, passed by: {', '.join(names)}" for id, names in self.weak.items()]


def calibrate(
    cells: Sequence[CodeCell],
    server: Server,
    kernel: Callable[[], AbstractContextManager[Kernel]],
    mutants: Mapping[str, dict[str, str]] | None = None,
    seconds: Seconds = USUAL,
    whole: bool = False,
) -> Calibration:
    """Calibrates an assignment.

    Parameters
    ----------
    cells : sequence of CodeCell
        The instructor's cells, with the reference solution in the solution cells.
    server : Server
        The checker of these cells.
    kernel : callable
        Starts a fresh kernel, which will run the instructor's code only.
    mutants : mapping, optional
        Wrong answers by name: sources of solution cells by id.
    seconds : Seconds
        Time limits of one run.
    whole : bool
        Also run the locked cells that no mark seems to depend on.
    """
    cells = list(cells) if whole else code_cells.for_marks(cells)
    checks = {c.id: c for c in cells if c.kind == CHECK}
    variants = {
        name: code_cells.with_answers(code_cells.affected(cells, answers) if answers else cells, answers)
        for name, answers in answers_to(cells, mutants or {}).items()
    }

    def run(variant: list[CodeCell], policies: dict[str, Policy]) -> dict[str, Verdict]:
        sources = [c.source for c in variant if c.kind == SOLUTION]
        with server.submission(sources) as submission:
            return walk(variant, kernel, submission, policies, seconds)

    empty = {EMPTY: variants.pop(EMPTY)}
    everything_inside = {id: Policy(outside=False) for id in checks}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # each in its own kernel
        inside = dict(zip(variants, pool.map(lambda v: run(v, everything_inside), variants.values()), strict=True))
    found = Calibration()
    for id, verdict in inside["reference"].items():
        if (verdict.status, verdict.points) != (PASSED, checks[id].points):
            found.wrong_reference[id] = verdict.finding
    learned = run(variants["reference"], {id: Policy(in_place=None) for id in checks})
    found.policies = {id: Policy(in_place=learned[id].in_place) for id in checks}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outside = dict(zip(variants, pool.map(lambda v: run(v, found.policies), variants.values()), strict=True))
    waiting = list(variants)
    while waiting:  # a cell moved inside changes the state seen by later cells, so everything is run again
        name = waiting.pop(0)
        got = outside.pop(name, None) or run(variants[name], found.policies)
        moved = _moved(name, checks, inside[name], got, found.policies)
        if moved:  # once more, because a check with random inputs can differ by chance
            again = run(variants[name], everything_inside), run(variants[name], found.policies)
            both = _moved(name, checks, *again, found.policies)
            found.by_luck |= {id: name for id in moved if id not in both}
            moved = {id: policy for id, policy in moved.items() if id in both}
        if moved:
            found.policies |= moved
            waiting, outside = list(variants), {}
    inside[EMPTY] = run(empty[EMPTY], found.policies)
    for id, cell in checks.items():
        passing = [name for name in ("stub", *DEGENERATE) if _mark(inside[name].get(id)) == (True, cell.points)]
        if passing:
            found.weak[id] = passing
    return found


def answers_to(cells: Sequence[CodeCell], mutants: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The answers used to calibrate an assignment: by name, the sources of its solution cells."""
    solutions = {c.id: c.source for c in cells if c.kind == SOLUTION}
    answers = {"reference": {}, "stub": {id: stub_of(s) for id, s in solutions.items()}, **mutants}
    for name in DEGENERATE:
        answers[name] = {id: degenerate(s, name) for id, s in solutions.items()}
    return answers


def degenerate(reference: str, name: str) -> str:
    """A solution cell that binds the reference's names to objects unrelated to the exercise."""
    body, value = DEGENERATE[name]
    lines = []
    for statement in syntax.statements(reference):
        if syntax.is_import(statement):
            lines.append(ast.unparse(statement))
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            lines.append(f"def {statement.name}(*args, **kwargs):\n    {body}")
        elif value is not None:
            lines += [f"{bound} = {value}" for bound in sorted(syntax.bound(statement))]
    return "\n".join(lines)


def _moved(
    name: str,
    checks: Mapping[str, CodeCell],
    inside: Mapping[str, Verdict],
    outside: Mapping[str, Verdict],
    policies: Mapping[str, Policy],
) -> dict[str, Policy]:
    """The cells that must be run inside from now on, because of one answer."""
    moved: dict[str, Policy] = {}
    for id in inside:
        if _mark(inside[id]) == _mark(outside[id]):
            continue
        why = Difference(name, inside[id], outside[id])
        if policies[id].outside:
            moved[id] = replace(policies[id], outside=False, why=why)
            continue
        # Already inside: it lacks a name that an earlier cell, run outside, would have defined.
        for earlier in _leaving(checks, id):
            if policies[earlier].outside and earlier not in moved:
                moved[earlier] = replace(policies[earlier], outside=False, why=replace(why, needed_by=id))
    return moved


def _leaving(checks: Mapping[str, CodeCell], id: str) -> list[str]:
    """The check cells before a cell that bind a name used in it."""
    ordered = list(checks)
    wanted = {name for s in syntax.statements(checks[id].source) for name in syntax.mentioned(s)}
    return [
        earlier
        for earlier in ordered[: ordered.index(id)]
        if any(syntax.bound(s) & wanted for s in syntax.statements(checks[earlier].source))
    ]


def _mark(verdict: Verdict | None) -> tuple[bool, float]:
    return (verdict.status == PASSED, verdict.points) if verdict else (False, 0.0)


def why_inside(difference: Difference) -> str:
    """Why a check is run inside, for the instructor."""
    both = f"{_verdict(difference.inside)} inside, {_verdict(difference.outside)} outside"
    told = f"{difference.answer}: {both}"
    return f"{difference.needed_by} needs a name that it defines ({told})" if difference.needed_by else told


def _verdict(verdict: Verdict) -> str:
    why = message(verdict.id, verdict.finding) if verdict.status in (FAILED, NOT_RUN) else ""
    return f"{verdict.status} with {verdict.points:g}" + (f" ({why[:100]})" if why else "")
