"""The trust poll: answers are checked, found in the notebook without running it, and counted beside the paper's."""

from pathlib import Path

import nbformat
import pytest

from medxai.lab import poll, questions

ROOT = Path(__file__).resolve().parents[3]


def cell(source, tag):
    return nbformat.v4.new_code_cell(source, metadata={"tags": [tag]})


def test_the_lab_asks_both_questions_twice_and_gives_no_answer():
    notebooks = sorted((ROOT / "solutions" / "03_bias").glob("*.ipynb"))
    asking = [nb for nb in (nbformat.read(path, as_version=4) for path in notebooks) if poll.asked_in(nb)]
    assert len(asking) == 1
    for when, tag in poll.TAGS.items():
        (one,) = [cell for cell in asking[0].cells if tag in cell.metadata.get("tags", ())]
        assert all(f'"{question.id}": ""' in one.source for question in poll.QUESTIONS)
        assert poll.read(asking[0], when) == {}


def test_what_is_counted_is_an_answer_that_can_be_given():
    letters = {question.id: question.letters for question in poll.QUESTIONS}
    assert [row.letter in letters[row.question] for row in poll.COUNTED] == [True, True]
    assert [(row.paper["before"], row.paper["after"]) for row in poll.COUNTED] == [(10, 3), (12, 25)]


def test_answers_are_read_by_time_without_running_them(tmp_path):
    trap = tmp_path / "ran"
    nb = nbformat.v4.new_notebook(
        cells=[
            cell(f"open({str(trap)!r}, 'w')\nbefore = {{'trust': ' A ', 'looks_at': ''}}", "poll-before"),
            cell("after = {'trust': 'b', 'looks_at': '?'}", "poll-after"),
        ]
    )
    assert poll.asked_in(nb) and not trap.exists()
    assert poll.read(nb, "before") == {"trust": "a"}
    assert poll.read(nb, "after") == {"trust": "b", "looks_at": "?"}
    assert poll.read(nbformat.v4.new_notebook(), "after") is None and not poll.asked_in(nbformat.v4.new_notebook())
    with pytest.raises(questions.AnswerError, match="before"):
        poll.read(nb, "later")


@pytest.mark.parametrize("source", ["before = {'trust': 'c'}", "before = {'trust': open('x')}", "x = '" + "a" * 30_000])
def test_what_cannot_be_read_is_no_answer(source):
    nb = nbformat.v4.new_notebook(cells=[cell(source, "poll-before")])
    assert poll.read(nb, "before") is None


def test_damaged_metadata_are_no_poll():
    assert not poll.asked_in({"cells": [{"metadata": 3}, "text", {"metadata": {"tags": 5}}, {}]})


def test_a_wrong_letter_is_refused_with_the_letters_there_are(capsys):
    with pytest.raises(questions.AnswerError, match="expected one of a, b"):
        poll.keep("before", {"trust": "c"})
    assert poll.keep("after", {"trust": "b", "looks_at": ""}) == {"trust": "b"}
    assert "1 of 2" in capsys.readouterr().out


def test_unsure_counts_as_asked_and_silence_does_not():
    people = [
        {"before": {"trust": "a", "looks_at": "?"}, "after": {"trust": "b"}},
        {"before": {"trust": "?"}, "after": None},
        {},
    ]
    trust, names = poll.table(people)
    assert (trust.before, trust.after, trust.paper_before, trust.paper_after) == ((1, 2), (0, 1), (10, 27), (3, 27))
    assert (names.before, names.after) == ((0, 1), (0, 0))


def test_both_rounds_are_shown_with_the_papers(capsys):
    poll.compare({"trust": "a"}, {"trust": "b", "looks_at": "?"})
    said = capsys.readouterr().out
    assert "you, before: Yes." in said and "you, after:  No." in said and "do not know yet" in said
    assert "10       3" in said and "12      25" in said
