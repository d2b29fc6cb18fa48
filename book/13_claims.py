# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-claims)=
# # The claims, one by one
#
# *Cost: a few seconds; nothing is trained. Verdicts are computed from the committed records when this page is made.*
#
# What does the paper say, and what of it holds here? This page is made from one file, `iai/study/analysis/claims.toml`, and from the ledger. The file has what {cite:t}`mittal2025iterative` are reported to claim, in our words, where in the paper, with the figure if we know one and how well we know it, and *tests* on records of this book. It has no verdict: that is computed, and so `python -m iai claims` prints the same.
#
# %% [markdown]
# ## How a claim is decided
#
# *A test* compares results of the ledger by the logarithm of their ratio, paired by seed and by task. Its 95 % interval has two levels, seeds and tasks, crossed: the variance of the mean over seeds, plus that of the mean over tasks, less the interaction, which is in both; Student's $t$ with Satterthwaite's degrees of freedom. Results on different draws of tasks have both errors over tasks. Records of before the values of single tasks were kept have intervals *over seeds alone*, and the table says so.
#
# There are three kinds of tests. *Below*: the result is below each of its rivals, at 5 % (two-sided) against every one of them; the test fails if the result is above one, or if two one-sided tests place it within 5 % of one. *Equal*, or *barely*: two one-sided tests place the ratio within a factor of 1.05. *A figure of the paper*: the same, within a margin around the figure that the claim declares. A test *holds* or *fails* at 5 %, and is *open* otherwise. A result can be below a rival and within 5 % of it: then the smaller of the two p-values decides, and a small difference that is well known counts as none.
#
# *The gate.* A test is **not testable**, with the reason, unless each trained model has at most 90 % of the error of the trivial predictor, which ignores the inputs; no model takes more steps than it was trained on, except where a test is about that; and a doubled training budget leaves the ratio on the same side of 1, or of the limit that the test names. A test of equality needs the doubled budget only where the ratio is outside of what counts as equal and more training might lead inside: above it, and below it if the second result is of a trained model too. (This was added on 28 November 2026, after the first row of `paper` and before any other: until then tests of equality needed none, and the test that falls from 51 to 0.5 read *contradicted*.) All chapters use the same check, and ask on which side of 1 a ratio lies, even where the answer may be *equal*; the chapter on training compares settings at a fixed budget, and says so.
#
# *The verdict.* Each claim has one primary test, decided at 5 %; Holm's procedure decides all others together at 5 %. Of the others, those count that were run and passed the gate.
#
# | verdict | primary test | other tests |
# |---|---|---|
# | **supported** | holds | all hold |
# | **supported with exceptions** | holds | at most a third do not hold |
# | **mixed** | holds | more than a third do not hold |
# | **mixed** | fails | more than a third hold |
# | **contradicted** | fails | at most a third hold |
# | **inconclusive** | open | any |
# | **not testable** | does not pass the gate | any |
# | **not run** | is pending | any |
#
# Primary tests and margins were written down before the runs that decide them. What is compared is our runs with each other, at the scale that the table names. The figures of the paper are compared at the scale `paper`.

# %% tags=["hide-cell"]
# In Colab: clone the project, with the results that this chapter reads, and work inside it.
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.isfile("../iai/types.py"):
    if not os.path.isdir("iai"):  # it is there after a restart, in which only the working directory is lost
        subprocess.run(["git", "clone", "--quiet", "--depth=1", "https://github.com/OWNER/iai"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "jaxtyping", "safetensors"], check=True)
    os.chdir("iai/book")
    sys.path.insert(0, os.path.abspath(".."))

# %% tags=["parameters"]
profile: str = "smoke"  # not used here: nothing is trained live
shown_profile: str = "small"  # whose records decide: smoke | small | paper
seed: int = 0  # not used here

# %%
import itertools
from collections import Counter

from iai.study.book import notebook
from iai.study.analysis.claims import claims
from iai.study.analysis.costs import effort
from iai.study.ledger import records
from iai.study.registry import EXPERIMENTS

chapter = notebook.setup(globals())
every = {claim: claim.judged(shown_profile) for claim in claims()}

# %% tags=["hide-input", "nbval-check-output"]
rows = {
    claim.text: (
        claim.where,
        claim.figure or "–",
        claim.grade,
        judged.counts,
        f"**{judged.verdict}**",
        f"`{claim.profile or shown_profile}`",
    )
    for claim, judged in every.items()
}
header = ("claim", "where", "the paper's figure", "grade", "tests", "verdict", "scale")
grid = notebook.Grid(header=header, rows=rows)
caption = "The paper's claims. Grades of what we know of it: S a summary, N reading notes, V public reviews, A the authors' other work, I inference."
notebook.table(grid, caption, "tab-claims", source=" ")

# %% tags=["hide-input", "nbval-check-output"]
found = Counter(judged.verdict for judged in every.values())
notebook.Markdown(
    f"Of {len(every)} claims: {', '.join(f'{count} {verdict}' for verdict, count in found.most_common())}."
)

# %% [markdown]
# ## Test by test
#
# For each claim: its tests, the primary one first, as family, signal, number of steps $k$, and in what the rival differs; the ratio with its 95 % interval (to the nearest of several rivals); and what we believe. The last is opinion.


# %% tags=["hide-input", "nbval-check-output"]
def account(claim, judged):
    """A claim, its tests and what we believe."""
    found = zip(claim.tests, judged.results)
    rows = "\n".join(f"| {outcome} | {test} | {number} |" for test, (outcome, number) in found)
    head = f"### {claim.text}\n\n{claim.where} · **{judged.verdict}** · {judged.counts} · scale `{claim.profile or shown_profile}`\n\n"
    caption = f":::{{table}} The tests of this claim, the primary one first.\n:name: tab-claim-{claim.name}\n\n"
    table = f"{caption}| outcome | test | ratio |\n|---|---|---|\n{rows}\n:::\n\n"
    return f"{head}{table}*What we believe.* {claim.believed}"


notebook.Markdown("\n\n".join(itertools.starmap(account, every.items())))

# %% [markdown]
# (sec-claims-renewed)=
# ## Before and after
#
# The book had a first ledger, whose models stopped long before they had learned. Its numbers are kept in one file, and {numref}`tab-claims-renewed` sets them beside the present ones; its verdicts, {numref}`tab-claims-verdicts`, were reached by another rule: intervals over three seeds on raw ratios, without a gate and without a primary test.

# %% tags=["hide-input", "nbval-check-output"]
first = records.measured("first-ledger")
once = {(cell["key"], cell["set"], cell["k"]): cell for cell in first["cells"]}
BOUNDS = {"linear-regression": "memoryless"}
NO_RIVALS = {"mean", "ridge", "memoryless", "random-order", "truth", "fresh"}


def renewed(key: str, where: str, metric: str) -> tuple:
    """After ten steps: the first ledger's mean, the present one, the bound, the best baseline and its name."""
    now = records.summary(key, shown_profile, where, metric, 10)
    tables = records.records(key, shown_profile)
    names = [name for name, found in (tables[0]["baselines"][where] if tables else {}).items() if metric in found]
    beside = {name: records.summary(f"{key}|{name}", shown_profile, where, metric, 10) for name in names}
    known = {name: one for name, one in beside.items() if isinstance(one, records.Summary)}
    rival = min((name for name in known if name not in NO_RIVALS), key=lambda name: known[name].mean, default=None)
    bound = known.get(BOUNDS.get(where, ""), "–")
    return once[key, where, 10]["mean"], now, bound, known[rival] if rival else "–", rival or "–"


rows = {
    f"`{key}`" + f" on {where}" * (where not in key): renewed(key, where, cell["metric"])
    for (key, where, k), cell in once.items()
    if k == 10 and "1-step" not in key and key in EXPERIMENTS
}
header = ("after ten steps", "first ledger", "now", "bound", "best baseline", "which")
caption = "Every row of Tables 2 to 6 that `small` has, and two in 32 dimensions, before and after: squared error of regression, share of wrong answers, and for generation the error of the field or, for letters, the Wasserstein distance. Bounds and baselines read the same mini-batches."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-claims-renewed")

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for claim, judged in every.items():
    outcome, found = judged.results[0]
    before = first["verdicts"].get(claim.name, "no such claim")
    rows[claim.text] = (before, f"**{judged.verdict}**", f"{outcome}: {found}")
header = ("claim", f"first ledger, at {first['commit']}", "now", "because of the primary test")
caption = "Verdicts by the first rule on the first ledger, and by the present rule on the present one."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-claims-verdicts", source=" ")

# %% [markdown]
# One claim of the first page is gone: that ten steps leave at most a fifth of the error of one, a limit of our own.
#
# ## What all of this took
#
# A claim is as cheap to check as its runs. {numref}`tab-claims-effort` adds up what the records of this profile say they took, each as one process with one thread; two of them ran at a time, beside other work at times, so that a quiet machine needs less. One command does all of it, and can be stopped at any time and run again:
#
# ```bash
# python -m iai reproduce '*' --profile small --jobs 2
# ```

# %% tags=["hide-input", "nbval-check-output"]
took = effort(shown_profile)
rows = {f"`{one.Index}`": (f"{one.runs} of {one.asked}", one.hours) for one in took.itertuples()}
there, asked, hours = took["runs"].sum(), took["asked"].sum(), took["hours"].sum()
rows["**all**"] = (f"{there} of {asked}", hours)
notebook.table(
    notebook.Grid(header=("keys", "runs in the ledger", "hours of one core"), rows=rows),
    f"What the runs of profile `{shown_profile}` took, by the first word of their keys. `choice` are the trials that settings were chosen by.",
    "tab-claims-effort",
    ".1f",
    source=" ",
)

# %% tags=["remove-input", "nbval-check-output"]
notebook.Markdown(f"In all {hours:.1f} hours of one core, or {hours / 2:.1f} on two, for {there} of {asked} runs.")

# %% [markdown]
# ## Exercises
#
# ````{exercise} A claim of your own
# :label: ex-claims-own
#
# Write a claim that decides whether the implicit model beats five nearest neighbours on Fashion-MNIST after five mini-batches, and say what the gate asks of it.
# ````
#
# ````{solution} ex-claims-own
# :class: dropdown
#
# A baseline is named before its metric:
# ```toml
# [claim.primary]
# first = "table4/mnist/data:fashion-mnist:error:5"
# second = "table4/mnist/data:fashion-mnist:neighbours/error:5"
# ```
# A baseline has no seeds and is not trained: the spread over seeds is the model's, tasks are paired, and the gate asks of the model alone that it beat the trivial predictor and keep its lead, or its lag, when it is trained for twice as long.
# ````
#
# ## What we found, and what we did not
#
# *What was found* is the table at the top of this page, and no sentence here can add to it.
#
# *What few seeds cannot do*: tell a small effect from none. Tests may be open for that reason, and more seeds (`python -m iai reproduce KEY --seeds 10`) are the remedy.
#
# *What no test here can do*: say whether the paper's own runs were right. Sizes differ, settings that the paper does not give were chosen, and its tables were not before us.
