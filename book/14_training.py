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
# (ch-training)=
# # Training
#
# *Cost: under half a minute on one core; one small model is trained live for fifty updates. Tables and figures show committed records of profile `small` (three or six seeds, most of them under three minutes each on one core; one seed of trials and of other budgets).*

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
profile: str = "smoke"  # of the model that is trained live for fifty updates: smoke | small | paper
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below

# %% tags=["hide-input"]
from collections import Counter

import numpy as np
import torch

from iai.experiment import build
from iai.study.analysis.contrasts import best, ratio, scaled
from iai.study.analysis.learning import final_loss, full_horizon, operations_to, running_loss
from iai.study.analysis.trials import trials
from iai.study.book import notebook, plots
from iai.study.book.comparisons import Contrast, error_bars, in_words, outcome, sentences, steady
from iai.study.ledger import records
from iai.study.measure.cost import cost_of_update, operations
from iai.study.registry import EXPERIMENTS, experiment
from iai.study.registry.ladder import BUDGETS, FOURFOLD, LADDER, partner
from iai.study.registry.recipe import BASES, PRECISE
from iai.study.registry.trials import RATES, taken
from iai.study.registry.variants import vary
from iai.training import train
from iai.training.muon import make_optimizer, orthogonal

chapter = notebook.setup(globals())
plots.style(dots=80)
TITLES = {"linear-regression": "regression, 32 dimensions", "mnist": "images"}
WHERE = {"linear-regression": "linear-regression:mse", "mnist": "mnist:error"}
RUNGS = {
    family: {"first": f"recipe/{family}/first", "first + Muon": f"recipe/{family}/muon", "recipe": row}
    for family, row in BASES.items()
}
RUNGS["linear-regression"] |= {
    "recipe, AdamW": "recipe/linear-regression/adamw",
    "recipe, residuals": "dimension/32/residual",
    "recipe, gradients": "dimension/32/grad",
}
goals = {family: final_loss(rungs["first"], shown_profile) for family, rungs in RUNGS.items()}
efforts, at_most = {}, {}
for family, rungs in RUNGS.items():
    goal = goals[family]
    for label, key in rungs.items():
        found = operations_to(key, shown_profile, max(goal.values)) if isinstance(goal, records.Summary) else goal
        soonest = operations_to(key, shown_profile, np.inf)  # when the running mean begins
        efforts[family, label] = found
        at_most[family, label] = isinstance(found, records.Summary) and found.values == soonest.values
against_first = {family: ratio(efforts[family, "recipe"], efforts[family, "first"]) for family in BASES}
levers = {}
for family, title in TITLES.items():
    known = {key.split("/")[2]: key for key in EXPERIMENTS if key.startswith(f"recipe/{family}/")}
    changed = {name: key for name, key in known.items() if name not in ("first", "muon")}
    levers[family] = Contrast(
        title=title,
        rows={"recipe": BASES[family]} | changed,
        where=WHERE[family],
        at=10,
        profile=shown_profile,
        fixed_budget=True,
    )

METRIC = {"mnist": "mnist:error", "features": "held-out:error"}
KEYS = {0.5: "ladder/{}/half", 1.0: "{}", 2.0: "doubled/{}", 4.0: "ladder/{}/fourfold"}
ladder = {
    row: {
        budget: Contrast(
            title=row,
            rows={"one context": key.format(partner(row)), "many steps": key.format(row)},
            where=METRIC.get(next((name for name in METRIC if name in row), ""), "linear-regression:mse"),
            at=10,
            profile=shown_profile,
            fixed_budget=True,
        )
        for budget, key in KEYS.items()
        if budget < 4 or row in FOURFOLD
    }
    for row in LADDER
}
stable = {row: steady([one.ratio("many steps") for one in found.values()]) for row, found in ladder.items()}

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("recipe/*", "precision/*", "ladder/*")

# %% [markdown]
# This chapter asks which parts of training save work, and which conclusions depend on how long it lasts.

# %% tags=["remove-input", "nbval-check-output"]
fewer = "; ".join(
    f"on {title}, "
    + {"pending": "pending", "–": "it does not reach it"}.get(
        str(over),
        f"unknown, as it is below that loss at the first mean that counts (bound: {over:.2g} times)"
        if at_most[family, "recipe"]
        else f"{over:.2g} times the operations",
    )
    for (family, title), over in zip(TITLES.items(), against_first.values())
)
decided = Counter(outcome(found) for one in levers.values() for found in one.ratios().values())
shown = ", ".join(f"{count} {word}" for word, count in decided.most_common())
sides = Counter(stable.values())
words = ", ".join(f"{count} {word}" for word, count in sides.most_common())
notebook.Markdown(
    ":::{admonition} In short\n"
    f"- **Work to a fixed error.** The recipe against the first settings, to the final training loss of the first: {fewer}.\n"
    f"- **One lever at a time.** Of {decided.total()} single changes of the recipe, by the error after ten steps: {shown}.\n"
    f"- **Longer training.** Many steps against one context, from half to twice the budget or four times, in {len(stable)} pairs of rows: {words}.\n"
    ":::"
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-train-ladder", "caption": "Dots further left need less work: operations of the model until the training loss is that of the first rung at its end. Rungs without a dot are pending, or not all of their seeds reach that loss. *At most*: all seeds are below that loss as soon as it can be measured."}, "image": {"alt": "Two panels, regression and images, with a line for each rung of the recipe: a dot at the operations to a fixed training loss, on a logarithmic axis."}}
_, axes = plots.panels(columns=2, width=8.6, height=2.6)
for ax, (family, rungs) in zip(axes, RUNGS.items()):
    places = {label: -i for i, label in enumerate(rungs)}
    for (label, place), colour in zip(places.items(), plots.COLOURS):
        found = efforts[family, label]
        if isinstance(found, records.Summary):
            ax.plot(
                np.array(found.values) / 1e12, [place] * len(found.values), "o", color=colour, markersize=5, alpha=0.7
            )
    missing = {"pending": " (pending)", "–": " (not reached)"}
    notes = {label: missing.get(str(efforts[family, label]), "") for label in places}
    ax.set_yticks(
        list(places.values()),
        [label + note + " (at most)" * at_most[family, label] for label, note in notes.items()],
    )
    ax.set(title=TITLES[family], xlabel="operations, 10¹²", ylim=(0.6 - len(places), 0.4))
    plots.log_scale(ax, "x")

# %% [markdown]
# ## What an update is made of
#
# An update refines every task of the pool once. It draws new tasks to replace those that are finished, evaluates the refiner on one mini-batch of each task, takes the loss on held-out queries, and changes the weights. {numref}`tab-train-recipe` lists what the recipe sets in each of these parts.
#
# :::{table} The recipe, part by part. Each line is one choice; {ref}`sec-train-levers` changes some of them one at a time.
# :name: tab-train-recipe
#
# | part | choice | reason |
# |---|---|---|
# | optimizer | Muon on the matrices of the blocks, AdamW {cite:p}`loshchilov2019decoupled` on the rest | all directions of a matrix move at one rate |
# | schedule | one linear warm-up, then one cosine | nothing to tune but the rates |
# | horizon | grows from one step to ten over the first 30 % of the updates | states of late steps are useful only when early steps are |
# | precision | bfloat16 where its products are measured to be 1.5 times as fast or more, else float32 | a CPU may have the instructions and be slower with them |
# | attention | two plain products and a softmax where the backward pass of the fused kernel is slow | short contexts in bfloat16 on a CPU |
# | last block | computes only the tokens that are read | queries, feed-forward and output of all other tokens are never used |
# | parameters | in linear likelihoods one token per coordinate of $x$, with the row of $\theta$ that belongs to it, where trials prefer that | no token has to carry all of $\theta$ |
# | signal | data; as a rung of its own, residuals $y - f(x, \theta)$ in their place | the network need not multiply state and input |
# :::
#
# Precision is decided on each machine by a measurement of some milliseconds ({func}`iai.training.graph.fast_bfloat16`). Attention is decided by {func}`iai.model.attention.attend` from device, precision and length.
#
# ## Muon
#
# Muon gives all singular directions of a matrix the same step size {cite:p}`jordan2024muon`. Let $G_t$ be the gradient of an $n \times m$ matrix $W$. With momentum $\mu = 0.95$ and Nesterov's correction,
#
# $$
# M_t = \mu M_{t-1} + (1 - \mu)\, G_t, \qquad \tilde M_t = \mu M_t + (1 - \mu)\, G_t ,
# $$
#
# and with rate $\eta$ and weight decay $\lambda$
#
# $$
# W_{t+1} = (1 - \eta \lambda)\, W_t - 0.2\,\eta \sqrt{\max(n, m)}\;\operatorname{orth}(\tilde M_t).
# $$ (eq-train-muon)
#
# Here $\operatorname{orth}(U \Sigma V^\top) = U V^\top$ replaces all singular values by one. The factor $0.2 \sqrt{\max(n, m)}$ gives the update a root mean square of 0.2, about that of AdamW, so that one scale of rates serves both {cite:p}`liu2025muon`. In this library queries, keys and values are matrices of their own ({class}`iai.training.muon.Muon`).
#
# The singular value decomposition is not computed. Five Newton-Schulz iterations of an odd polynomial in the matrix come close enough:
#
# $$
# X_0 = \tilde M / \lVert \tilde M \rVert_F, \qquad X_{i+1} = a X_i + b\,(X_i X_i^\top) X_i + c\,(X_i X_i^\top)^2 X_i, \qquad (a, b, c) = (3.4445, -4.7750, 2.0315).
# $$ (eq-train-ns)
#
# Each singular value $s$ follows $s \leftarrow a s + b s^3 + c s^5$ on its own. The slope at zero is 3.4445, which lifts small values quickly. The cell below applies it to a gradient of a model that was trained for fifty updates.


# %%
def newton_schulz(x):
    """One iteration: every singular value s becomes 3.4445 s - 4.7750 s^3 + 2.0315 s^5."""
    gram = x @ x.mT
    return 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x


chosen = vary(experiment(BASES["linear-regression"], profile), train={"updates": 50, "warmup": 10})
model = build(chosen, seed)
train(model, chosen.objective, chosen.train, seed=seed, show=False)
model.zero_grad()
next(chosen.objective(model, torch.Generator().manual_seed(seed))).backward()
gradient = model.refiner.blocks[0].up.weight.grad.mT  # not tall

states = [gradient / gradient.norm()]
for _ in range(5):
    states.append(newton_schulz(states[-1]))
assert torch.allclose(states[-1], orthogonal(gradient[None])[0], atol=1e-3)
singular = [torch.linalg.svdvals(state) for state in states]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-train-ns", "caption": "Five iterations bring the singular values of a gradient, which span orders of magnitude, near 1. Left: singular values of the gradient of a feed-forward matrix, in their order, after 0, 1, 3 and 5 iterations. Right: the same map for any singular value; values from 0.0015 to 1 end between 0.68 and 1.20, and smaller ones are multiplied by about 485 at most."}, "image": {"alt": "Left, four falling curves of singular values on a logarithmic axis, which become flat near one with more iterations. Right, the value after 1, 3 and 5 iterations against the value before, both logarithmic; the curve of five iterations is flat near one over nearly three orders of magnitude."}}
_, axes = plots.panels(columns=2, width=8.0, height=2.8)
shown = {f"{i} iteration{'s' * (i != 1)}": (np.arange(1, len(singular[i]) + 1), singular[i]) for i in (0, 1, 3, 5)}
plots.lines(axes[0], shown, labels=("index", "singular value"), logarithmic=True)
axes[0].set_title("a gradient")
before = np.logspace(-4, 0, 200)
after = [before]
for _ in range(5):
    after.append(3.4445 * after[-1] - 4.7750 * after[-1] ** 3 + 2.0315 * after[-1] ** 5)
shown = {f"{i} iteration{'s' * (i != 1)}": (before, after[i]) for i in (0, 1, 3, 5)}
plots.lines(axes[1], shown, labels=("singular value before", "after"), logarithmic=True)
axes[1].set_title("the map")
plots.log_scale(axes[1], "x")

# %% [markdown]
# The largest directions no longer decide the length of a step. For a refiner this matters because gradients of a few easy directions dominate early in training, while those that carry what is common to many tasks are small. This is the usual argument for Muon. The lever `adamw` in {ref}`sec-train-levers` tests Muon, not this reason for it.
#
# (sec-train-rungs)=
# ## Rung by rung

# %% tags=["remove-input", "nbval-check-output"]
said = []
for family, title in TITLES.items():
    if isinstance(goals[family], records.Missing):
        said.append(f"- *{title}*: pending.")
        continue
    named = {label: ratio(efforts[family, label], efforts[family, "first"]) for label in RUNGS[family]}
    named.pop("first")
    known = [
        f"{label} at most {one:.2f}" if at_most[family, label] else f"{label} {in_words(one)}"
        for label, one in named.items()
        if isinstance(one, records.Summary)
    ]
    late = [label for label, one in named.items() if str(one) == "–"]
    more = [label for label, one in named.items() if outcome(one) == "higher" and not at_most[family, label]]
    line = (
        f"- *{title}*, operations to the fixed loss over those of the first rung: {'; '.join(known) or 'none known'}."
    )
    line += f" **Negative result**: not all seeds reach that loss with {' or '.join(late)}." * bool(late)
    line += f" **Negative result**: more work than the first rung: {' and '.join(more)}." * bool(more)
    said.append(line)
notebook.Markdown("\n".join(said))

# %% [markdown]
# The rungs lead from the settings that this book started with to those of a row of `small`. *First* is AdamW in float32 at the first sizes. *First + Muon* exchanges the optimizer and lets each machine choose the precision. *Recipe* is the row itself: its sizes, its rates from trials and, for regression, coordinate tokens. The other rungs, for regression alone, change the recipe in one respect: AdamW again, at the recipe's rates, or another signal, with the rates of its own trials. {numref}`tab-train-settings` shows what the settings are.

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for family, title in TITLES.items():
    for label, key in RUNGS[family].items():
        one = experiment(key, shown_profile)
        tokens = {"coordinate": "per coordinate", "class": "per class", "one": "one"}[one.theta]
        size = f"{one.objective.tasks} × {one.train.updates}"
        rate = f"{one.train.matrix_lr:g}" if one.train.optimizer == "muon" else "–"
        state = tokens if one.regime == "parametric" else "–"
        rows[f"{title}: {label}"] = (
            one.train.optimizer,
            f"{one.train.lr:g}",
            rate,
            size,
            f"{one.objective.steps}",
            state,
            one.signal.kind,
        )
header = (
    "",
    "optimizer",
    "rate",
    "rate of matrices",
    "tasks × updates",
    "steps in training",
    "parameter tokens",
    "signal",
)
caption = "Settings of the rungs. Tasks times updates is the number of refinements of the whole training."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-settings", source=" ")

# %% [markdown]
# *Operations to a fixed error.* No task comes back once it has left the pool, so the training loss is close to the error on new tasks, and no training has to be stopped for an evaluation. (A task stays for as many updates as it has steps, with the same queries; what that takes off the loss was not measured.) The fixed error is the final training loss of *first*: the mean over its last tenth of updates, of the seed where that is highest. For each rung, {func}`iai.study.analysis.learning.operations_to` returns the operations of the model after which the running mean over a tenth of the updates is first at that loss. Losses during the growth of the horizon are those of short horizons and do not count. A rung of which all seeds are below the fixed loss at the first mean that does count was there earlier by an unknown amount: its number is an upper bound, which is marked *at most* and decides nothing.
#
# *Why not seconds.* Records come from several machines, and the older ones do not say which, so a ratio of their wall times would compare machines. Operations are counted and the same everywhere. They leave out the optimizer, and what a faster precision gains.

# %% tags=["hide-input", "nbval-check-output"]
rows = {}
for family, title in TITLES.items():
    evaluation, metric = WHERE[family].split(":")
    for label, key in RUNGS[family].items():
        found = efforts[family, label]
        rows[f"{title}: {label}" + " (at most)" * at_most[family, label]] = (
            records.summary(key, shown_profile, evaluation, metric, 10),
            scaled(records.fact(key, shown_profile, "flops"), 1e-12),
            scaled(found, 1e-12),
            ratio(found, efforts[family, "first"]),
        )
header = ("", "error after 10 steps", "operations of training, 10¹²", "to the loss of first, 10¹²", "over first")
caption = "Rungs of the recipe: raw squared error (regression) or error (images) after ten steps, operations of the model in the whole training, and operations to a fixed training loss. *At most*: the last two columns are upper bounds. A dash: not all seeds reach that loss."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-rungs")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-train-curves", "caption": "Where a curve crosses the grey line, its training has reached the final loss of the first rung; earlier is better. Running mean of the training loss over a tenth of the updates, from the first updates at the full horizon, against operations of the model; one seed of each rung."}, "image": {"alt": "Two panels, regression and images: training loss against operations of training for each rung, both logarithmic, with a grey line at the final loss of the first rung."}}
figure, axes = plots.panels(columns=2, width=9.0, height=3.2)
for ax, family in zip(axes, BASES):
    some = {label: records.records(key, shown_profile) for label, key in RUNGS[family].items()}
    curves = {label: running_loss(found[0]) if found else ((), ()) for label, found in some.items()}
    curves = {label: (np.array(x[::-10]) / 1e12, y[::-10]) for label, (x, y) in curves.items()}
    plots.lines(ax, curves, labels=("operations, 10¹²", "training loss"), logarithmic=True)
    if isinstance(goals[family], records.Summary):
        ax.axhline(max(goals[family].values), color=plots.INK, linestyle="--", linewidth=1.2)
    plots.log_scale(ax, "x")
    ax.set_title(TITLES[family])
    ax.get_legend().remove()
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)

# %% tags=["remove-input", "nbval-check-output"]
used, added, start = {}, [], []
for key, title in zip(BASES.values(), TITLES.values()):
    share = records.fact(key, shown_profile, "utilisation")
    used[title] = f"{share:.0%}" if isinstance(share, records.Summary) else str(share)
    row = experiment(key, shown_profile)
    model = build(row, seed)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    more = operations(make_optimizer(model, row.train).step) / cost_of_update(model, row.objective).flops
    added.append(f"{more:.0%} on {title}")
    start.append(f"update {full_horizon(row)} of {row.train.updates} on {title}")
notebook.Markdown(
    f"Muon adds {' and '.join(added)} to the operations of the recipe, which the table does not count. The full horizon starts at {' and '.join(start)}, as growth waits for the end of a filling of the pool. "
    + "Training the recipe reached this share of the peak that large products have on the same core: "
    + " and ".join(f"{share} on {title}" for title, share in used.items())
    + ". The rest is time in operations that are no products of matrices, in small products and in launching operators."
)

# %% [markdown]
# One comparison of this table is not exact. The first rungs of images were trained on eight steps and the recipe on ten: the mean loss of ten steps is an easier target than that of eight, and ten steps are two more than *first* was trained on.
#
# (sec-train-levers)=
# ## One lever at a time

# %% tags=["remove-input", "nbval-check-output"]
said = []
for one in levers.values():
    found = {label: outcome(over) for label, over in one.ratios().items()}
    better = [label for label, word in found.items() if word == "lower"]
    useless = [label for label, word in found.items() if word in ("equal", "higher")]
    if set(found.values()) <= {"pending"}:
        said.append(f"- *{one.title}*: pending.")
        continue
    line = f"- *{one.title}*: better than the recipe: {', '.join(better) or 'no change that is decided'}."
    said.append(line + f" **Negative results**, equal or worse: {', '.join(useless) or 'none that is decided'}.")
notebook.Markdown("\n".join(said))

# %% [markdown]
# Each lever is one change of the recipe, trained for the same number of refinements. Half the tasks so means twice the updates. Regression has all levers; images have the start of attention alone, which is `apart`: queries and keys whose weights are drawn apart, in the place of equal ones ({ref}`sec-token-scale`). Ratios of the error after ten steps to the recipe are paired by seed and by task and pass the gate of chapter {ref}`ch-claims`, with one exception: no doubled budget is asked for, because a lever is a question about *this* budget. **Equal** is within 5 % by two one-sided tests.

# %% tags=["hide-input", "nbval-check-output"]
MEANING = {
    "adamw": "AdamW for all weights",
    "growth-none": "full horizon from the start",
    "decay-tenfold": "weight decay × 10",
    "tasks-half": "tasks / 2, updates × 2",
    "apart": "queries and keys start apart",
}
rows = {}
for one in levers.values():
    for label in one.rows:
        said = in_words(one.ratio(label)) if label != one.reference else "–"
        name = f"{one.title}: {label}" + (f" ({MEANING[label]})" if label in MEANING else "")
        rows[name] = (one.result(label), said)
header = ("", "error after 10 steps", "against the recipe")
caption = "Single changes of the recipe at equal refinements: raw squared error (regression) and error (images), and ratio to the recipe with its 95 % interval."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-levers")

# %% tags=["remove-input", "nbval-check-output"]
sentences(levers.values())

# %% [markdown]
# *Precision.* The recipe trains in bfloat16 where its products are at least 1.5 times as fast. Three rows were trained in both precisions, the two of a pair one after the other.

# %% tags=["remove-input", "nbval-check-output"]
SAID = {
    "equal": "equal: the precision can be chosen by speed alone",
    "lower": "lower: bfloat16 trains to a smaller error, which we cannot explain",
    "higher": "higher: bfloat16 costs accuracy here",
    "open": "open: the interval does not decide",
}
said = []
for row in PRECISE:
    keys = {name: f"precision/{row}/{name}" for name in ("float32", "bfloat16")}
    where = WHERE["mnist" if "mnist" in row else "linear-regression"]
    found = Contrast(title=row, rows=keys, where=where, at=10, profile=shown_profile, fixed_budget=True).ratio(
        "bfloat16"
    )
    line = f"- `{row}`: {SAID.get(outcome(found), outcome(found))}"
    if isinstance(found, records.Summary):
        share = ratio(*(records.fact(keys[name], shown_profile, "seconds") for name in ("bfloat16", "float32")))
        line += f" (bfloat16 over float32: error {in_words(found)}, wall time {share.mean:.2f})"
    said.append(line + ".")
notebook.Markdown("\n".join(said))

# %% [markdown]
# (sec-train-ladder)=
# ## More and less training

# %% tags=["remove-input", "nbval-check-output"]
groups = {}
for row, word in stable.items():
    groups.setdefault(word, []).append(f"`{row}`")
TEXTS = {
    "stable": "The conclusion is stable over budgets for",
    "turns": "The conclusion depends on the budget for",
    "equal": "Both are equal, as far as budgets decide, for",
    "open": "Budgets do not decide for",
    "not testable": "A model fails the gate at some budget for",
    "pending": "Not all budgets have been run for",
}
notebook.Markdown(" ".join(f"{text} {', '.join(groups[word])}." for word, text in TEXTS.items() if word in groups))

# %% [markdown]
# A conclusion about two models should not depend on when training stopped. Eight rows of this book and their *partners* are trained on half, one and two times the budget, and four of them on four times. A partner reads all observations of a task in one context and is trained on as many tokens. Each budget has a warm-up and a cosine of its own: these are separate trainings, not points on one curve.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-train-budgets", "caption": "Where the two lines of a panel keep their order, the conclusion does not depend on the budget. Error after ten mini-batches against the training budget, relative to that of the row: the learner of many steps, and its partner that reads all observations in one context. Bars are 95 % intervals, over seeds where there are several."}, "image": {"alt": "Eight panels, one for each row of the ladder, of the error after ten mini-batches against half, one, two and, in four panels, four times the training budget; a line for many steps and a line for one context."}}
figure, axes = plots.panels(columns=4, rows=2, width=10.4, height=4.8)
for i, (ax, (row, found)) in enumerate(zip(axes, ladder.items())):
    lines = {
        label: {budget: one.result(label) for budget, one in found.items()} for label in ("many steps", "one context")
    }
    squares = found[1.0].where.endswith("mse")
    error_bars(ax, lines, ("training budget" * (i > 3), "squared error" if squares else "error"))
    waiting = not any(isinstance(one, records.Summary) for points in lines.values() for one in points.values())
    ax.set_title(row + " (pending)" * waiting, fontsize=8)
    ax.get_legend().remove()
    ax.set_xlim(0.4, 5.0)
    ax.tick_params(labelsize=8)
_ = figure.legend(axes[0].get_legend_handles_labels()[0], lines, loc="outside lower center", ncols=2)

# %% tags=["hide-input", "nbval-check-output"]
rows = {
    f"`{row}`": (
        *(in_words(found[budget].ratio("many steps")) if budget in found else "–" for budget in KEYS),
        stable[row],
    )
    for row, found in ladder.items()
}
header = ("", *(f"× {budget:g}" for budget in KEYS), "over budgets")
caption = "Error after ten mini-batches of many steps over that of one context, by budget, with 95 % intervals. A dash: not planned. Budgets other than × 1 have one seed, which decides nothing alone. Last column: *stable* if all budgets have the ratio on the same side of 1 and at least one decides."
source = notebook.provenance(
    [one.result(label) for found in ladder.values() for one in found.values() for label in one.rows]
)
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-budgets", source=source)

# %% [markdown]
# No curve is fitted: but for the whole budget each has one seed, and each has a schedule of its own.
#
# (sec-train-soon)=
# ### How soon the first ledger's errors are reached
#
# The book had a first ledger ({ref}`sec-claims-renewed`), trained with AdamW in float32. {numref}`tab-train-soon` asks which part of its time today's rows need for its errors. Each budget is a training of its own; all but the whole one have one seed. `make first` times forty updates of either ledger in turn on one core, the first one's with code of that time. For the times shown the other core was at work, during both. Budgets are parts of today's updates. Updates, tasks and, on images, steps in training (eight, now ten) differ between the ledgers, and times include that.
#
# Before any of the small budgets was run we expected a quarter of the updates to suffice in five rows: both at $d = 32$, the explicit one, and both on images.

# %% tags=["hide-input", "nbval-check-output"]
then, took = records.measured("first-ledger"), records.measured("first-times")
goals = {(cell["key"], cell["set"]): cell for cell in then["cells"] if cell["k"] == 10} if then else {}
took = took if took and shown_profile == "small" else {"cpu": "pending", "cells": []}
times = {cell["key"]: cell["now"] / cell["first"] for cell in took["cells"]}
rows, soonest = {}, {}
for row, found in ladder.items():
    where = found[1.0].where.split(":")
    goal = goals.get((row, where[0]))
    keys = {part: f"ladder/{row}/{name}" for name, part in BUDGETS.items() if part < 1} | {1: row, 2: f"doubled/{row}"}
    reached = {
        part: records.summary(keys[part], shown_profile, *where, 10) if keys[part] in EXPERIMENTS else "–"
        for part in sorted(keys)
    }
    known = {part: one.mean for part, one in reached.items() if isinstance(one, records.Summary)}
    below = [part for part, mean in known.items() if goal and mean <= goal["mean"]]
    waiting = any(isinstance(one, records.Missing) and part < min(below, default=9) for part, one in reached.items())
    soonest[row] = None if waiting or goal is None else min(below, default=9)
    share = f"{soonest[row] * times[row]:.2f}" if below and not waiting and row in times else "pending"
    mean = f"{goal['mean']:.3g} ± {goal['se']:.1g}" if goal else "pending"
    rows[f"`{row}`"] = (mean, *reached.values(), "–" if soonest[row] == 9 else share)
header = (
    "",
    "first ledger",
    *(f"× 1/{round(1 / budget)}" if budget < 1 else f"× {budget}" for budget in reached),
    "share of the time",
)
caption = "Error after ten steps in the first ledger (three seeds) and now by training budget. Last column: time of the least budget whose error is at most the first ledger's, in that of the first ledger. A dash under a budget: not planned; in the last column: not reached."
source = f"(Profile `{shown_profile}`; ± is the standard error over seeds, † over tasks. Times: {took['cpu']}.)"
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-soon", source=source)

# %% tags=["remove-input", "nbval-check-output"]
EXPECTED = {"dimension/32/data", "dimension/32/grad+data", "table3/linear-regression/grad+data", "table2/mnist/data", "table4/mnist/data"}  # fmt: skip
quick = {row for row, part in soonest.items() if part and part <= 0.25}
cheap = [row for row in quick if row in times and soonest[row] * times[row] <= 0.25]
notebook.Markdown(
    f"A quarter of the updates suffices in {len(quick)} of {len(soonest)} rows, of which we expected {len(quick & EXPECTED)}; in {len(EXPECTED - quick)} where we expected it, it does not. Counted in time, a quarter suffices in {len(cheap)}."
    + " These are rows that the first ledger had hardly learned, or not with all seeds."
    * (quick <= EXPECTED - {"table2/mnist/data", "table4/mnist/data"})
    if None not in soonest.values() and times
    else "(Pending.)"
)

# %% [markdown]
# Means are compared without intervals, so that the least budget may be a neighbouring one. The goals at $d = 32$ are weak. With data alone two of the three seeds of the first ledger were at the error of the mean of $y$, and with both signals one had failed. The precision of an error's training, chosen by its machine, need not be that of the times.

# %% [markdown]
# (sec-train-trials)=
# ## Which settings were tried
#
# Every row and every ablation has trials of its own at `small`: the settings of its family or of the row that it changes (*centre*), twice and half the learning rates, and a fourth rate where the best of these was at an end. (1-step models, pools of laws and letters, and rows that are only judged in another way, have the settings of their row or the centre. The levers of this chapter keep the recipe's.) Trials have half the updates and one seed, and are judged by validation tasks that no table shows. {numref}`tab-train-trials` counts what they chose. The list of every trial is folded below it.

# %% tags=["hide-input", "nbval-check-output"]
tried = list(
    dict.fromkeys(key.removeprefix("trial/").rpartition("/")[0] for key in EXPERIMENTS if key.startswith("trial/"))
)
losses = {row: trials(row, "small") for row in tried}
NAMES = tuple(RATES)
rows = {}
for group in dict.fromkeys(row.split("/")[0] for row in tried):
    mine = [row for row in tried if row.split("/")[0] == group]
    whole = [row for row in mine if best(losses[row])]
    chose = Counter(taken(row, "small") for row in mine)
    rows[f"`{group}`"] = (len(mine), len(whole), *(chose[name] for name in NAMES))
rows["**all**"] = tuple(sum(column) for column in zip(*rows.values()))
header = ("keys", "with trials", "all in the ledger", *(f"takes {name}" for name in NAMES))
caption = "Keys by their first word: how many have trials, how many of these are complete, and which trial the settings in use come from. While trials are incomplete, a key takes the centre."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-trials", "d", source="(Profile `small`.)")

# %% tags=["hide-input", "hide-output", "nbval-check-output"]
rows = {
    f"`{row}`": (*(found.get(name, "–") for name in NAMES), best(found) or "pending", taken(row, "small"))
    for row, found in losses.items()
    if any(isinstance(one, records.Summary) for one in found.values())
}
header = ("", *NAMES, "best", "in use")
caption = "Validation losses of all trials of which one at least is in the ledger, the best of them, and the one whose settings are in use."
notebook.table(
    notebook.Grid(header=header, rows=rows or {"pending": ("",) * (len(NAMES) + 2)}), caption, "tab-train-trials-all"
)

# %% tags=["remove-input", "nbval-check-output"]
complete = {row: best(found) for row, found in losses.items() if best(found)}
other = [row for row, name in complete.items() if name != taken(row, "small")]
notebook.Markdown(
    f"The trials of {len(complete)} of {len(losses)} keys are complete. "
    + (
        f"In {len(other)} of these the best trial is not yet the one in use."
        if other
        else "In all of these the best trial is the one in use."
        if complete
        else ""
    )
)

# %% [markdown]
# (sec-train-width)=
# ### Does a rate carry over to another width?
#
# The scale of {eq}`eq-train-muon` is meant to make one rate fit matrices of all shapes. {numref}`tab-train-width` asks it of trials of ten-dimensional regression at three widths, where all else stays but the feed-forward layer, which is four times as wide. A factor of two is their resolution.

# %% tags=["hide-input", "nbval-check-output"]
WIDTHS = {
    32: "size/linear-regression/width-32",
    64: "table2/linear-regression/data",
    128: "size/linear-regression/width-128",
}
found = {width: trials(key, "small") for width, key in WIDTHS.items()}
rows = {
    f"width {width}": (*(one.get(name, "–") for name in NAMES), taken(WIDTHS[width], "small"))
    for width, one in found.items()
}
header = ("", *NAMES, "taken")
caption = "Validation losses of trials by width: rates are those of the centre, the same at all widths, times a factor."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-train-width")

# %% tags=["remove-input", "nbval-check-output"]
finest = {width: best({name: one[name] for name in NAMES[:3]}) for width, one in found.items()}
text = "(Pending: trials at all three widths.)"
if None not in finest.values():
    lost = {width: ratio(one[finest[64]], one[finest[width]]).mean - 1 for width, one in found.items()}
    text = (
        "Of the three rates that all widths have, the best are "
        + ", ".join(f"{RATES[name]:g} times the centre at width {width}" for width, name in finest.items())
        + f". With the rate of width 64, width 32 would lose {lost[32]:.1%} and width 128 {lost[128]:.1%}."
    )
notebook.Markdown(text)

# %% [markdown]
# ## Exercises
#
# ````{exercise} The size of an update
# :label: ex-train-rms
#
# Show that the update of {eq}`eq-train-muon` has a root mean square of $0.2\,\eta$ for any shape of $W$, if all singular values of $\operatorname{orth}(\tilde M_t)$ are 1.
# ````
#
# ````{solution} ex-train-rms
# :class: dropdown
#
# $\operatorname{orth}(\tilde M)$ has $\min(n, m)$ singular values of 1, so that the sum of its squared entries is $\min(n, m)$. The mean of the $nm$ squares is $\min(n, m) / (nm) = 1 / \max(n, m)$, and the root is $1 / \sqrt{\max(n, m)}$. The factor $0.2\,\eta \sqrt{\max(n, m)}$ turns it into $0.2\,\eta$.
# ````
#
# ````{exercise} How small a direction may be
# :label: ex-train-slope
#
# Which share of the Frobenius norm must a singular value have to be at least 0.7 after five iterations of {eq}`eq-train-ns`? Neglect the cubic and the quintic term.
# ````
#
# ````{solution} ex-train-slope
# :class: dropdown
#
# For small values an iteration multiplies by 3.4445, so five multiply by $3.4445^5 \approx 485$. A share of $0.7 / 485 \approx 0.0014$ suffices by this estimate. {numref}`fig-train-ns` (right) shows where the exact map is there: the neglected terms slow the last iteration, so a little more is needed.
# ````
#
# ## What we found, and what we did not
#
# *What was found* is in the box at the top and in the sentences under each table; they are computed from the records.
#
# *What was tried by hand and left out.* One seed each, on validation tasks, in short trainings and before the records, so that these are impressions and not results. At as many updates, means of the last weights, RMS norm in the place of layer norm, longer growth of the horizon, mixtures of dimensions, a dimension that grows in training, and a linear or a trapezoid schedule in the place of the cosine changed little or nothing. Normalised queries and keys, one head or four in the place of two, and fewer tasks at first with more later were worse. Four extra learnable tokens, and half the tasks for more updates, lowered the error at a cost in time that ate the gain. Two blocks in the place of three were faster to the same error after ten steps of ten-dimensional regression and worse after one, and no better at 32 dimensions. Weighing each step's loss by its own size made late steps better and early ones worse. None of it is in the library.
#
# *What this does not show.* Operations say nothing of how fast a machine does them, and those of the optimizer are not counted. Operations to a fixed loss assume that all updates of a training cost the same. Rungs are cumulative: a gain that is credited to one of them depends on those before it. Levers were not tuned: one that wants another learning rate is at a disadvantage, and with three seeds a small difference stays open. Other budgets have one seed. Nothing here says how the recipe behaves at the sizes of `paper`.
