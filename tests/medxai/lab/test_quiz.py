"""The ten questions: answers are checked, kept beside the notebook, and found in it without running it."""

import json
import tomllib
from pathlib import Path

import nbformat
import pytest

from medxai.lab import quiz

ROOT = Path(__file__).resolve().parents[3]
LETTERS = {question.id: "a" for question in quiz.QUESTIONS}


def notebook(source, tags=("quiz",)):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("answers = {'majority': 'd'}"), cell])


def test_questions_and_their_key_belong_together():
    key = tomllib.loads((ROOT / "solutions" / "00_welcome" / "hidden" / "quiz_key.toml").read_text(encoding="utf-8"))
    assert list(key) == [question.id for question in quiz.QUESTIONS] and len(key) == 10
    assert all(key[question.id] in question.letters for question in quiz.QUESTIONS)
    assert len(set(key.values())) > 2, "a student who always says the same letter must not look learned"


def test_the_welcome_notebook_asks_every_question_and_gives_no_answer():
    source = nbformat.read(ROOT / "solutions" / "00_welcome" / "00_welcome.ipynb", as_version=4)
    (cell,) = [cell for cell in source.cells if "quiz" in cell.metadata.get("tags", ())]
    assert all(f'"{question.id}": ""' in cell.source for question in quiz.QUESTIONS)
    assert quiz.read(source) == {}


def test_answers_are_kept_and_found_again(tmp_path, capsys):
    quiz.keep("before", {"majority": " C ", "auroc": "?", "patients": ""}, tmp_path)
    assert quiz.kept("before", tmp_path) == {"majority": "c", "auroc": "?"}
    assert quiz.kept("after", tmp_path) is None
    said = capsys.readouterr().out
    assert "2 of 10" in said and "patients" in said
    quiz.keep("before", LETTERS, tmp_path)
    assert quiz.kept("before", tmp_path) == LETTERS
    assert [path.name for path in tmp_path.iterdir()] == ["quiz-before.json"]


def test_no_answer_writes_no_file(tmp_path, capsys):
    quiz.keep("before", dict.fromkeys(LETTERS, ""), tmp_path)
    assert "0 of 10" in capsys.readouterr().out and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("answers", "told"),
    [({"majority": "e"}, "expected one of a, b, c, d"), ({"majority": 3}, "expected one of"), ({"majorty": "a"}, "The questions are"),
     (["a"], "a dict")],
)  # fmt: skip
def test_a_wrong_answer_is_refused_and_the_kept_ones_stay(answers, told, tmp_path):
    quiz.keep("before", LETTERS, tmp_path)
    with pytest.raises(quiz.QuizError, match=told):
        quiz.keep("before", answers, tmp_path)
    assert quiz.kept("before", tmp_path) == LETTERS


def test_a_damaged_file_counts_as_none(tmp_path):
    (tmp_path / "quiz-before.json").write_text('{"answers": {"majority"', encoding="utf-8")
    assert quiz.kept("before", tmp_path) is None
    (tmp_path / "quiz-before.json").write_text(json.dumps(["a"]), encoding="utf-8")
    assert quiz.kept("before", tmp_path) is None


def test_answers_are_read_from_a_submitted_notebook_without_running_it(tmp_path):
    trap = tmp_path / "ran"
    nb = notebook(f"open({str(trap)!r}, 'w')\nanswers = {{'majority': 'c', 'auroc': ''}}\nquiz.keep('before', answers)")
    assert quiz.read(nb) == {"majority": "c"} and not trap.exists()


@pytest.mark.parametrize(
    "source",
    ["answers = {'majority': open('x')}", "answers = {'majority': 'c'", "answers = 3", "answers = {'majority': 'zz'}", "",
     "answers = {" + "[" * 5000 + "]" * 5000 + ": 1}"],
)  # fmt: skip
def test_what_cannot_be_read_counts_as_none(source):
    assert quiz.read(notebook(source)) is None


def test_a_notebook_without_the_cell_counts_as_none():
    assert quiz.read(notebook("answers = {'majority': 'c'}", tags=())) is None
