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
# A test says that one number of the ledger is at most so many times another. The two are divided seed by seed, and the 95 % interval of the mean ratio (Student's $t$ over seeds; all runs are judged on the same tasks) decides: the test *holds* if the whole interval is at or below the limit, *fails* if it is above it, and is *open* if the limit lies inside. A claim is **reproduced** if all of its tests hold, **partly** if some do or
# if none fails, **not reproduced** otherwise, and **not yet run** while a record is missing or no test has been written.
#
# The rule is strict on purpose, and three seeds make intervals wide: with two degrees of freedom $t$ is 4.3. *Open* therefore often means that three seeds cannot tell. And a claim with many tests is reproduced only if every one of them holds, which no correction for multiple tests makes easier; read the counts, not the word alone. What is compared is our runs with each other; the paper's own figures were got at other sizes, and stand beside.

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
shown_profile: str = "cpu"  # whose records decide: smoke | cpu | small | paper
seed: int = 0  # not used here

# %%
from collections import Counter

from iai.study.book import notebook
from iai.study.analysis.claims import claims
from iai.study.analysis.costs import effort

chapter = notebook.setup(globals())
every = claims()

# %% tags=["hide-input", "nbval-check-output"]
rows = {
    claim.text: (
        claim.where,
        claim.figure or "–",
        claim.grade,
        claim.counts(claim.profile or shown_profile),
        f"**{claim.verdict(claim.profile or shown_profile)}**",
    )
    for claim in every
}
header = ("claim", "where", "the paper's figure", "grade", "tests", "verdict")
grid = notebook.Grid(header=header, rows=rows)
caption = f"The paper's claims. Grades of what we know of it: S a summary, N reading notes, V public reviews, A the authors' other work, I inference. Decided at profile `{shown_profile}` unless the claim is about another size."
notebook.table(grid, caption, "tab-claims", source=" ")

# %% tags=["hide-input", "nbval-check-output"]
found = Counter(claim.verdict(claim.profile or shown_profile) for claim in every)
words = [f"{found[verdict]} {verdict}" for verdict in ("reproduced", "partly", "not reproduced", "not yet run")]
notebook.Markdown(f"Of {len(every)} claims: {', '.join(words)}.")

# %% [markdown]
# ## Test by test
#
# For each claim: every test with its ratio (or number) and 95 % interval, and what we believe where it does not hold. The last is opinion.


# %% tags=["hide-input", "nbval-check-output"]
def account(claim):
    """A claim, its tests and what we believe."""
    at = claim.profile or shown_profile
    shown = [(test.outcome(at), test.shown(at).replace(" ", "\u00a0"), test) for test in claim.tests]
    rows = "\n".join(f"| {outcome} | {number} | `{test}` |" for outcome, number, test in shown)
    head = f"### {claim.text}\n\n{claim.where} · **{claim.verdict(at)}** · profile `{at}`\n\n"
    caption = f":::{{table}} The tests of this claim.\n:name: tab-claim-{claim.name}\n\n"
    table = f"{caption}| outcome | found | test |\n|---|---|---|\n{rows}\n:::\n\n" if rows else ""
    return f"{head}{table}*What we believe.* {claim.believed}"


notebook.Markdown("\n\n".join(map(account, every)))

# %% [markdown]
# ## What all of this took
#
# A claim is as cheap to check as its runs. {numref}`tab-claims-effort` adds up what the records of this profile say they took, each as one process with one thread; two of them ran at a time, beside other work at times, so that a quiet machine needs less. One command does all of it, and can be stopped at any time and run again:
#
# ```bash
# python -m iai reproduce '*' --profile cpu --jobs 2
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
# Write a test that decides whether the implicit model beats five nearest neighbours on Fashion-MNIST after one mini-batch, and after ten.
# ````
#
# ````{solution} ex-claims-own
# :class: dropdown
#
# A baseline is named before its metric:
# ```toml
# [[claim.test]]
# first = "table4/mnist/data:fashion-mnist:error:{k}"
# second = "table4/mnist/data:fashion-mnist:neighbours/error:{k}"
# each = { k = [1, 10] }
# ```
# A baseline is the same in all runs, so that all of the spread is the model's.
# ````
#
# ## What we found, and what we did not
#
# *What was found* is the table at the top of this page, and no sentence here can add to it.
#
# *What three seeds cannot do*: tell a small effect from none. Many tests are open for that reason, and more seeds (`python -m iai reproduce KEY --seeds 10`) are the remedy.
#
# *What no test here can do*: say whether the paper's own runs were right. Sizes differ, settings that the paper does not give were chosen, and its tables were not before us.
