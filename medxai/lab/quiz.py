"""Ten questions about the course, asked in the first lab and again in the last, without marks, to show what was learned.

The correct answers are not in this package. An answer is the letter of an option, or "?" for "I do not know yet";
each question has an id, so that answers from before and after can be compared one by one.

The answers are written into a notebook cell with the tag ``quiz`` and are submitted with the notebook; :func:`read`
finds them there without running anything. :func:`keep` also saves them in a small file next to the notebook, from which
the last lab reads the answers given in the first.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping

from data_fetch.store.atomic import fresh_file

from . import questions
from .questions import AnswerError, Question

TAG = "quiz"
QuizError = AnswerError

QUESTIONS = (
    Question(
        "majority",
        "Of 400 chest films 48 show an enlarged heart. A network names the right class for 352 of them. What do you know about it?",
        (
            "It is good: it is right in 88 of 100 cases.",
            "It finds most enlarged hearts, and has some false alarms.",
            "Nothing yet: calling every film normal is right just as often.",
            "It was trained for too long.",
        ),
    ),
    Question(
        "patients",
        "Most patients have several films. The films are shuffled and divided into training and test films. What happens to the result on the test films?",
        (
            "It is too good: the network has seen the test patients before.",
            "It is too bad: films of one patient differ too much.",
            "Nothing, as long as the shuffling has a seed.",
            "Nothing, as long as both parts have equally many positive films.",
        ),
    ),
    Question(
        "threshold",
        "A network gives a probability. Above which value do you call a film positive?",
        (
            "Above 0.5: that is what a probability means.",
            "Above the value that is best on the test films.",
            "Above the value at which all training films are right.",
            "Above a value chosen on validation films and then kept fixed.",
        ),
    ),
    Question(
        "auroc",
        "The area under a network's ROC curve is 0.9. What does this number say?",
        (
            "Nine films out of ten get the right class.",
            "A positive film, drawn at random, gets a higher score than a negative one in nine cases out of ten.",
            "It finds nine out of ten patients who are ill.",
            "Nine out of ten of its alarms are right.",
        ),
    ),
    Question(
        "projection",
        "Why does the same heart look larger on a film taken from front to back (AP), as at the bedside?",
        (
            "It lies further from the detector, so its shadow is magnified.",
            "It beats faster when the patient lies down.",
            "The exposure is stronger.",
            "It does not: only the label says so.",
        ),
    ),
    Question(
        "gradient",
        "You take the gradient of the score for 'enlarged heart' with respect to the pixels. What does its value at one pixel say?",
        (
            "How likely this pixel belongs to the heart.",
            "How much of the score comes from this pixel, so that all values add up to the score.",
            "How the score would move if this pixel became a little brighter.",
            "How bright this pixel is in a typical positive film.",
        ),
    ),
    Question(
        "marker",
        "Positive films of one hospital carry a metal letter in a corner. The hottest point of the maps never lies on it. Does the network use the letter?",
        (
            "No: the map would show it.",
            "You cannot tell until you remove the letter, add it to other films, and look at the score.",
            "No, if the accuracy is high.",
            "Yes: every network does.",
        ),
    ),
    Question(
        "baseline",
        "In 80 of 100 films the hottest point of a map lies inside the heart. What do you compare this number with?",
        (
            "With 50, a coin.",
            "With the accuracy of the network.",
            "With what a blob in the middle of every film would reach.",
            "With nothing: it speaks for itself.",
        ),
    ),
    Question(
        "resolution",
        "A map of 6 x 6 cells was enlarged smoothly to the size of the film. Its bright spot ends exactly at a rib. What do you conclude?",
        (
            "The network follows the rib.",
            "Nothing about the rib: one cell covers a sixth of the film's width.",
            "The disease is in the rib.",
            "The map was enlarged incorrectly.",
        ),
    ),
    Question(
        "randomised",
        "You replace the weights of a network's last layers with random numbers, and its maps hardly change. What follows?",
        (
            "The maps are robust, and that is good.",
            "The network did not need those layers.",
            "The random numbers were too small.",
            "The maps show something other than what the network has learned.",
        ),
    ),
)


def show(ids: tuple[str, ...] | None = None) -> None:
    """Show the questions (all, or those with the given ids) as text with lettered options."""
    questions.show(QUESTIONS, ids)


def check(answers: Mapping[str, str]) -> dict[str, str]:
    """The given answers, in the order of the questions; unanswered ones ("") are omitted.

    Raises
    ------
    QuizError
        For an unknown question id, or an answer that is not one of its letters, "?" or "".
    """
    return questions.check(QUESTIONS, answers)


def _file(when: str) -> str:
    if when not in ("before", "after"):
        raise QuizError(f'The quiz is taken "before" or "after" the course, got {when!r}.')
    return f"quiz-{when}.json"


def keep(when: str, answers: Mapping[str, str], folder: str | os.PathLike[str] = ".") -> None:
    """Check the answers, save them as ``quiz-WHEN.json`` in `folder`, and print how many there are.

    Parameters
    ----------
    when : "before" or "after"
    answers : dict, id of a question -> letter, "?" or "" (not answered)
        Nothing is written if there are no answers.
    folder : path
        By default the notebook's folder.

    Raises
    ------
    QuizError
        As for :func:`check`. A file saved earlier is then left unchanged.
    """
    name, given = _file(when), check(answers)
    if not given:
        print(
            f"0 of {len(QUESTIONS)} questions answered. Write a letter between the quotation marks and run this cell again."
        )
        return
    path = pathlib.Path(folder) / name
    with fresh_file(path) as part:
        part.write_text(json.dumps({"quiz": when, "answers": given}, indent=1) + "\n", encoding="utf-8")
    left = [question.id for question in QUESTIONS if question.id not in given]
    print(
        f"{len(given)} of {len(QUESTIONS)} questions answered; saved in {name}."
        + (f" Unanswered: {', '.join(left)}." if left else "")
    )


def kept(when: str, folder: str | os.PathLike[str] = ".") -> dict[str, str] | None:
    """The answers that :func:`keep` saved in `folder`, or None if there are no readable ones."""
    try:
        stored = json.loads((pathlib.Path(folder) / _file(when)).read_text(encoding="utf-8"))
        return check(stored["answers"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read(notebook: Mapping) -> dict[str, str] | None:
    """The answers in a notebook's cell tagged ``quiz``, as `questions.read` finds them; None if there are none."""
    return questions.read(QUESTIONS, notebook, TAG)
