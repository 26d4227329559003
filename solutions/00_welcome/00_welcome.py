# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Welcome: one film, one window, one check
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 25 minutes | 1 GB | 80 MB, drawn on your machine in a minute or two, nothing is downloaded | text and figures CC BY 4.0, code Apache 2.0 |
#
# This lab makes sure that everything works, shows you a chest film and the way in which all labs are done, and ends with ten
# questions. You pass your first check within ten minutes. There are no marks in it.
#
# **When you are done you can**
#
# - tell whether this computer is ready for the course, and mend what is not;
# - name the parts of a frontal chest film, and say which side of the picture is the patient's left;
# - write a function, check it, ask for a hint, and hand in your notebook.
#
# You need to be able to program in Python. Nothing about X-rays is assumed. A notebook is a column of cells. Click on one and press Shift + Enter: it runs, and the next is selected. Run them from top to bottom.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from data_fetch import fetch_cardiomegaly
from medxai import plots
from medxai.lab import environment, quiz
from medxai.checks import welcome as checks

# %% [markdown]
# ## 1. Is everything here?
#
# The next cell looks at Python, the packages, the memory, the disk and the folder in which the course keeps its films. It changes
# nothing and takes a few seconds. A line that begins with `WRONG` has a second line below it with what to type. Type it in a terminal
# (menu *File*, *New*, *Terminal*), not in a notebook.

# %% tags=["demo"]
environment.report()

# %% [markdown]
# ## 2. A chest film
#
# This course reads chest films first. The ones on your computer are **phantoms**: the course draws bodies of soft tissue, lung, air and
# bone, and computes how many X-rays arrive behind them. Nobody's privacy is at stake, and, unlike in any hospital, we know for every
# pixel what it belongs to. (Labs say where real films behave differently; they do.)
#
# The first call draws the films, which can take a minute or two, and keeps them. From then on they are there at once.

# %%
films = fetch_cardiomegaly(source="phantom")

# %% tags=["keep_output", "nbval-check-output"]
print("films, height, width:", films.images.shape, films.images.dtype)
for number, name in enumerate(films.classes):
    print(f"{name:12} {np.sum(films.labels == number):4} films")

# %% [markdown]
# `films.images` holds whole numbers from 0 (black) to 255 (white): one picture, many rows of pixels. Black is where nearly all rays
# arrived, because only air stood in their way; white is where hardly any did, because of bone, or of much water.
#
# **Before you go on.** Picture the patient facing you, as if you were to shake hands. Two questions, with the film still unseen: on
# which side of the picture is the patient's left hand? And on which side of the picture does most of the heart lie? Decide, then run
# the cell.

# %%
normal = (films.labels == 0) & (films.attributes["view"] == "PA").to_numpy()
first = int(np.flatnonzero(normal)[0])
film, heart, lungs = films.images[first], films.masks["heart"][first], films.masks["lungs"][first]

fig = plots.annotated_film.name_parts(film, heart, lungs, marker=films.attributes["marker"][first])
plots.show(
    fig,
    alt="A frontal chest film, bone white. Two dark lungs, each outlined, with the patient's right lung on the viewer's left. "
    "Between them the bright heart, outlined in orange, lies mostly on the viewer's right. Labels point to the two clavicles, which "
    "cross the tops of the lungs, to the two domes of the diaphragm at their lower ends, and to a small metal letter in an upper corner.",
)

# %% [markdown]
# **What you should see.** The patient's left is on *your right*, as when somebody faces you. About two thirds of the heart lie on that
# side. The lungs are dark, with ribs and vessels crossing them; the diaphragm closes them below, and lower on your right, where the
# heart rests on it. The clavicles cross the tops of the lungs.
#
# The letter in the corner is the **side marker**, a piece of lead that the radiographer lays beside the patient before the exposure:
# L on the patient's left or R on the right. It is there because a picture can be mirrored by mistake. Keep it in mind. A network sees
# it as well as you do, and in lab 03 that will matter.

# %% [markdown]
# ## 3. How to work
#
# In each lab you fill in a few functions. An exercise always looks like the one below:
#
# 1. a **task**, with how hard it is and how long it should take;
# 2. two **hints**, folded: first the idea, then the shape of the answer. Open them whenever you like; they cost nothing;
# 3. the **function**, with a text that says what goes in and what comes out, and an example. Replace the line
#    `raise NotImplementedError` by your own;
# 4. a **check**. Run it as often as you like. It gives no points; it says which property fails first, and usually why;
# 5. **short cells** of one grey or green line, such as `# Inside the window ...`. They name the properties that earn the points, and stay as they
#    are: your function is judged on inputs that you have not seen.
#
# No exercise needs an earlier one. If one will not come right, go on: what follows shows the picture that your function should draw.

# %% [markdown]
# ## 4. Look through a window
#
# Look at the film above once more: the heart is one white patch. Is there nothing behind it? There is: the spine, with its twelve
# thoracic vertebrae. The film holds 256 greys, the heart's lie in a narrow range of them, and nobody can tell neighbouring greys apart.
# So radiologists look through a **window**: a range of greys, given by its centre and its width, is spread over everything from black to
# white. What is darker than the window turns black, what is brighter turns white. A window hides things in order to show others, which
# is why one looks through several.

# %% [markdown]
# ### Exercise: `window`  (bonus, easy, 5 minutes)
#
# Write the window. The lower end, centre - width / 2, becomes 0, the upper end becomes 1, and between them the grey rises evenly.
#
# <details><summary>Hint 1: the idea</summary>
# Two steps. Move the greys so that the lower end of the window lies at 0, then shrink them so that its upper end lies at 1. What is then
# below 0 or above 1 lay outside the window.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Every pixel is treated alike, so whole arrays can be moved and shrunk at once, and the shape stays. NumPy has a function that holds
# values between two limits. And beware: the film holds whole numbers of 8 bits, which cannot go below 0. Make decimal numbers of them
# before you subtract (`astype`).</details>
#
# No progress after 15 minutes? Run the check with what you have and read its message. Then go on: nothing below needs your answer.


# %% nbgrader={"grade": false, "grade_id": "window", "locked": false, "schema_version": 3, "solution": true, "task": false}
def window(film, centre, width):
    """What is seen of a film through a window.

    Parameters
    ----------
    film : uint8 or float array, any shape such as (H, W) or (N, H, W)
        Greys, usually from 0 to 255. Must not be changed.
    centre, width : int or float
        The window, in the film's greys; width is above 0.

    Returns
    -------
    float array, of the film's shape
        0 at and below centre - width / 2, 1 at and above centre + width / 2, rising evenly between.

    Example
    -------
    A window from 60 to 140:

    >>> window(np.array([0, 60, 80, 100, 140, 255], dtype=np.uint8), centre=100, width=80)
    array([0.  , 0.  , 0.25, 0.5 , 1.  , 1.  ])
    """
    ### BEGIN SOLUTION
    lowest = centre - width / 2
    return np.clip((film.astype(float) - lowest) / width, 0, 1)
    ### END SOLUTION


# %% [markdown]
# Now the check. As long as the function still says `raise NotImplementedError`, that is what it reports.

# %% tags=["check"]
checks.window(window)

# %% nbgrader={"grade": true, "grade_id": "window-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Inside the window the grey rises evenly from 0 to 1 (0 points).

# %% nbgrader={"grade": true, "grade_id": "window-2", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Outside the window there is only black and white, in films of 8 bits too (0 points).

# %% nbgrader={"grade": true, "grade_id": "window-3", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# The film that was given is not changed (0 points).


# %% tags=["keep_output"]
def draw():
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.4))
    for ax, (title, centre, width) in zip(
        axes, [("all greys", 127.5, 255), ("lungs", 110, 110), ("behind the heart", 205, 80)]
    ):
        plots.film(255 * window(film, centre, width), f"{title}: centre {centre}, width {width}", ax)
    fig.tight_layout()
    return fig


plots.yours_or_expected(
    draw,
    lambda: checks.window(window),
    "windows",
    alt="The same film three times. Left, all greys: heart and spine are one white patch. Middle, a window on the lungs: their ribs and "
    "vessels stand out, and everything else is white. Right, a window on the brightest greys: the lungs are black, and the vertebrae "
    "of the spine show, one above the other, as a brighter column behind the heart.",
)

# %% [markdown]
# **What you should see.** The same film three times. Through the second window the lungs fill with ribs and vessels, and heart and
# diaphragm are blank. Through the third the lungs are gone, and the spine appears, vertebra by vertebra, behind a heart that looked
# solid.
#
# **What this picture does not tell you.** The film did not change, only your view of it: nothing was added. A network gets the numbers,
# not the window, so what is invisible to you may be plain to it, and a picture that a map is laid over may show you other things than
# those the network used.

# %% [markdown]
# ## 5. Ten questions
#
# You are not meant to know the answers: the course is about them. They carry no marks, and nobody is judged by them. The last lab asks
# them again, and the two rounds side by side show you, and your teacher, what was learned. So do not look anything up; if you do
# not know, `?` is an honest answer.

# %%
quiz.show()

# %% [markdown]
# Write a letter, or `?`, between the quotation marks of each line, and run the cell. You can change your answers as long as you have
# not handed in.

# %% tags=["quiz"]
answers = {
    "majority": "",
    "patients": "",
    "threshold": "",
    "auroc": "",
    "projection": "",
    "gradient": "",
    "marker": "",
    "baseline": "",
    "resolution": "",
    "randomised": "",
}
quiz.keep("before", answers)

# %% [markdown]
# ## 6. Hand in
#
# Save the notebook (Ctrl + S, on a Mac Cmd + S). Then open a terminal (menu *File*, *New*, *Terminal*), go to the folder that holds
# `notebooks`, and type, with the same Python that you started JupyterLab with (`.venv/bin/python`, in conda just `python`):
#
# ```
# .venv/bin/python -m medxai submit 00
# ```
#
# It packs this lab into one file and prints where that file lies. Upload it where your teacher told you. You may do so
# more than once; the last one counts. On a hub with its own *Submit* button, use that instead.
#
# Handing in a lab that is not finished is better than not handing it in: every property counts by itself.

# %% [markdown]
# ## Recap
#
# - On a frontal film the patient's left is on your right, and the side marker is there to prove it.
# - A film is an array of whole numbers. Subtracting in 8 bits wraps around; and a function that changes its input changes what everybody
#   else sees.
# - A window spreads a range of greys and hides the rest. What you see is a choice.
# - Write, check, read the message, ask for a hint, go on, hand in.
#
# ## Further reading
#
# - L. R. Goodman: Felson's principles of chest roentgenology. Elsevier. The classic first book on reading chest films.
#
# **Next:** in lab 01 a network learns to see whether a heart is enlarged, and you find out how much to believe it.
