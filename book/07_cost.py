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
# (ch-cost)=
# # What it costs
#
# *Cost: some seconds on one core; nothing is trained, passes are measured live, at sizes that you can set. Tables and figures show committed measurements of one machine and committed records of profile `small`
# (three or six seeds, half a minute to four minutes each on one core).*
#
# A learner that reads its data in $k$ mini-batches is said to be up to ten times cheaper than one that reads them all at once {cite:p}`mittal2025iterative` [S]. Cheaper by which clock, than which implementation, and at what error? This chapter derives what can be gained, measures it next to the strongest
# opponent that we know, an attention kernel that never writes its matrix down, and counts what iteration itself adds. Then it asks the questions that a ratio of run times leaves open: what *training* a learner of many steps costs, which loop should train it, and what error one gets for a given time.

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
shown_profile: str = "small"  # whose records tables and figures show: smoke | small | paper
seed: int = 0  # of everything drawn at random below
points: int = 2000  # N: observations of the task that is measured live
passes: int = 10  # k: mini-batches that these are read in
width: int = 64  # of the refiner that reads them

# %%
from itertools import product

from iai.study.book import notebook, plots
from iai.study.book.comparisons import Contrast, in_words, sentences
from iai.study.ledger import records
from iai.study.registry.ablations import BASES
from iai.study.analysis.contrasts import scaled
from iai.study.measure.cost import planned
from iai.study.analysis.costs import case, data_gains, gain, passes as measured_passes
from iai.study.measure.passes import Case, flops, measure
from iai.study.registry import EXPERIMENTS, LOOPS, experiment, seeds_of

chapter = notebook.setup(globals())

# %% tags=["remove-input", "nbval-check-output"]
chapter.banner("*cost/*", "*unrolled/linear-regression/1*", *BASES.values(), "baseline/[lm]*/one-context")

# %% [markdown]
# ## What can be gained
#
# One forward pass of a Transformer of width $d$ and depth $L$, with feed-forward layers of width $4d$, over $n$ tokens takes
#
# $$
# F(n) = L\,(\underbrace{24\, d^2 n}_{\text{weights}} + \underbrace{4\, d\, n^2}_{\text{attention}})
# $$ (eq-cost-flops)
#
# floating-point operations (a product and a sum count as two). Reading $N$ observations in $k$ passes of $N/k$ instead of one costs
#
# $$
# \frac{F(N)}{k\,F(N/k)} = \frac{6d + N}{6d + N/k}
# $$ (eq-cost-ratio)
#
# times less. The gain is the attention's alone: weights meet every token once either way. It is 1 for $N \ll 6d$, and tends to $k$ for $N \gg 6 d k$. *Up to ten times* is therefore the limit of $k = 10$, and how near one comes to it is a matter of $N / d$: with the width of 256 that the authors use elsewhere [A],
# half of the limit takes some ten thousand observations. {numref}`tab-cost-limit` prints the formula; for a learner as it is in this library, with encoders, state and head, {func}`iai.study.measure.passes.flops` has PyTorch count the operations. Its last block computes keys and values of all tokens, and all else of the tokens that are read alone, which makes the ratio a little smaller.

# %% tags=["hide-input"]
ns = (100, 1000, 4000, 16000, 60000)
rows = {
    f"width {d}, k = {k}": tuple((6 * d + n) / (6 * d + n / k) for n in ns) for d in (64, 256) for k in (5, 10, 100)
}
grid = notebook.Grid(header=("", *(f"N = {n:,}" for n in ns)), rows=rows)
caption = "How many times fewer operations k passes over N/k tokens take than one over N: {eq}`eq-cost-ratio`."
notebook.table(grid, caption, "tab-cost-limit", ".3g", source=" ")

# %% [markdown]
# ## What is gained, by the clock
#
# Operations are not time. The table below is of the same model, the same $N$ observations of one linear regression task and the same precision on both sides; only the number of passes differs. Attention comes in two implementations: *fused*, which goes over the $N \times N$ matrix in blocks and never writes it to memory {cite:p}`dao2022flashattention`, and
# *materialised*, which does. The paper does not say, as far as we know, which of the two its one-step baseline used. Times were measured before the last block of the model computed only what is read; operations are counted of the model as it is now, so that the two can differ a little more than they should.

# %% tags=["hide-input", "nbval-check-output"]
measured = records.measured("passes-cpu")
cells = measured_passes(measured)

ks = (5, 10, 100)
rows = {
    f"N = {n:,}, k = {k}": (
        flops(Case(points=n, passes=1)) / flops(Case(points=n, passes=k)),
        gain(cells, "kernel_ms", n, k),
        gain(cells, "eager_ms", n, k),
        gain(cells, "eager_ms", n, k, attention="materialised"),
    )
    for n in ns
    for k in ks
    if k <= n
}
header = ("", "operations", "kernel time, fused", "wall time, fused", "wall time, materialised")
caption = (
    "How many times less k passes take than one: parametric model, data, width 64, two layers, forward passes only. "
    "Below 1, iterating loses. A dash: one of the two was not measured, or does not fit into half of the memory."
)
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-cost-grid", ".2f", notebook.machine(measured))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cost-gain", "caption": "How many times cheaper ten passes are than one, against the number of observations, by operations and by the clock. Left: width 64, two layers. Right: width 256, four layers. The grey line is the limit, k = 10; below the other grey line, 1, iterating loses."}, "image": {"alt": "Two panels of a ratio against the number of observations on a logarithmic axis. Lines for operations, kernel time and wall time with fused attention, and wall time with materialised attention, rise from about one; that of materialised attention is highest."}}
figure, axes = plots.panels(columns=2, width=8.2, height=3.2)
SIZES = {"width 64": {}, "width 256": {"width": 256, "depth": 4, "heads": 4}}
LINES = {
    "operations": ("flops", {}),
    "kernel time, fused": ("kernel_ms", {}),
    "wall time, fused": ("eager_ms", {}),
    "wall time, materialised": ("eager_ms", {"attention": "materialised"}),
}
for ax, (title, size) in zip(axes, SIZES.items()):
    series = {}
    for name, (clock, how) in LINES.items():
        known = [(n, gain(cells, clock, n, 10, **size, **how)) for n in ns]
        known = [(n, value) for n, value in known if not isinstance(value, str)]
        series[name] = ([n for n, _ in known], [value for _, value in known])
    plots.lines(ax, series, labels=("observations N", "one pass over ten"))
    ax.set_title(title)
    plots.log_scale(ax, "x")
    for level in (1, 10):
        ax.axhline(level, color=plots.INK, linestyle="--", linewidth=1)
axes[1].get_legend().remove()


# %% tags=["hide-input", "nbval-check-output"]
sizes = {"at most 1,000 points": (0, 1_000), "at least 60,000 points": (60_000, None)}
lines = []
for (size, ends), attention in product(sizes.items(), ("fused", "materialised")):
    gains = data_gains(measured, attention, 10, *ends)["eager_ms_gain"].dropna()
    said = (
        " to ".join(f"{g:.2g}" for g in dict.fromkeys((gains.min(), gains.max())))
        if len(gains)
        else "not both measured, or not both fit in memory"
    )
    lines.append(f"- {size}, {attention} attention: {said};")
notebook.Markdown(
    "How many times less wall time ten passes took than one:\n\n" + "\n".join(lines)[:-1] + ".\n\n"
    "The claim of *up to ten times* [S] is judged in chapter {ref}`ch-claims`, at these two ranges of sizes apart."
)

# %% [markdown]
# A page that prints *10×* should therefore name the baseline's attention. For a parametric learner and a fused kernel the clock follows the operations of {eq}`eq-cost-ratio`. An implicit learner gains more by the clock than its operations say ({numref}`tab-cost-added`), which we have not explained. Against a materialised matrix there is memory traffic to save as well. (Kernel time comes from a profiler, which adds to what it measures; passes of more than a second were profiled once, shorter ones three times.) Memory is the other half of the story ({numref}`tab-cost-memory`): what one pass holds grows with $N$ even if its matrix is never written, and what $k$ passes hold with $N/k$.

# %% tags=["hide-input", "nbval-check-output"]
rows = {f"N = {n:,}": [] for n in ns}
for n in ns:
    for attention, k in product(("fused", "materialised"), (1, 10)):
        found = case(cells, points=n, passes=k, attention=attention)
        megabytes = "pending" if found is None else "does not fit" if found["reason"] else found["peak_bytes"] / 1e6
        rows[f"N = {n:,}"].append(megabytes)
header = ("", "fused, k = 1", "fused, k = 10", "materialised, k = 1", "materialised, k = 10")
caption = "Most memory that the forward passes allocate at a time, in MB; parametric model, width 64, two layers."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-cost-memory", ".4g", notebook.machine(measured))

# %% [markdown]
# ### What iteration adds, and where it loses
#
# $k$ passes are not only $k$ shorter passes. Each of them re-reads the state; a gradient signal has to be computed at each new state, over the same observations in all; and an implicit learner shows *all its queries* to each pass, since they are its state. With $q$ queries the count becomes $k\,F(N/k + q)$ against $F(N + q)$, and for $q$ of the order of $N$ both terms of
# {eq}`eq-cost-flops` are repeated $k$ times for the queries. {numref}`tab-cost-added` has four learners on the same observations.

# %% tags=["hide-input", "nbval-check-output"]
LEARNERS = {
    "parametric, data": {},
    "parametric, gradients and data": {"signal": "grad+data"},
    "implicit, 64 queries": {"regime": "implicit", "queries": 64},
    "implicit, 1,000 queries": {"regime": "implicit", "queries": 1000},
}
rows = {
    f"{name}, N = {n:,}": (
        flops(Case(points=n, passes=1, **how)) / flops(Case(points=n, passes=10, **how)),
        gain(cells, "eager_ms", n, 10, **how),
        gain(cells, "eager_ms", n, 10, attention="materialised", **how),
    )
    for name, how in LEARNERS.items()
    for n in (1000, 4000, 16000)
    if n == 1000 or "1,000" not in name
}
header = ("", "operations", "wall time, fused", "wall time, materialised")
caption = (
    "How many times less ten passes take than one, for learners that are shown different things; width 64, two layers."
)
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-cost-added", ".2f", notebook.machine(measured))

# %% tags=["hide-input", "nbval-check-output"]
pairs = cells.query("passes > 1").dropna(subset="eager_ms_gain")
losing = pairs.query("eager_ms_gain < 1")
small = len(losing.query("points <= 1000"))
notebook.Markdown(
    f"By wall time, iterating loses in {len(losing)} of {len(pairs)} measured cells; {small} of these have at most 1,000 observations, "
    f"{len(losing.query('passes == 100'))} read them in 100 passes, and {(losing['regime'] == 'implicit').sum()} are of implicit learners, whose queries are re-fed."
)

# %% [markdown]
# ### Your own N, k and width, live
#
# The parameters of this chapter set the next cell: `papermill 07_cost.ipynb out.ipynb -p points 8000 -p passes 4 -p width 128`. A size that does not fit into memory is answered with the matrix that would not, and the setting to change.

# %%
live = {
    (k, attention): measure(Case(points=points, passes=k, width=width, attention=attention), repeats=10)
    for k in (1, passes)
    for attention in ("fused", "materialised")
}
for (k, attention), cell in live.items():
    took = cell["reason"] or f"{cell['eager_ms']['median']:8.2f} ms, {cell['peak_bytes'] / 1e6:8.1f} MB"
    print(f"{points} points in {k:3} pass{'es' * (k > 1):2}, {attention:12}: {cell['flops'] / 1e9:7.2f} GFLOP, {took}")
print(f"operations: {live[1, 'fused']['flops'] / live[passes, 'fused']['flops']:.2f} times fewer in {passes} passes")

# %% [markdown]
# ## What training costs
#
# Equation 9 wants the loss after step $i + 1$ from a state that $i$ steps have made. There are at least four loops which give it, with gradients that are equal in expectation (at fixed weights, which a test checks, together with the fact that backpropagation through time gives another one):
#
# *One random step.* Draw $i$, roll $i$ steps out without learning, learn from the next. To the letter, and most of the work is thrown away.
#
# *Roll-out of all tasks.* Take $K$ steps from each of $B$ tasks and learn from the mean of the $K$ losses. Nothing is thrown away, but an update has become $K$ times dearer, so that there are $K$ times fewer.
#
# *Roll-out of $B/K$ tasks.* The same with fewer tasks, at the price of one refinement of $B$ tasks an update. Its $K$ losses are of the same few tasks, and so are less informative together.
#
# *Tasks in flight.* Keep $B$ tasks, each at a step of its own. An update refines all of them once and learns from that; those that have had $K$ steps make room for new ones. Every refinement is learned from, but for those that fill the pool (some 4 % at `small`, which the table does not count). An update costs one refinement of $B$ different tasks.
#
# {numref}`tab-cost-loops` compares them on linear regression from data, at equal operations: a refinement without a gradient is counted as a third of one with. Each loop has trials of its learning rate (chapter {ref}`ch-training`), its own warm-up and decay, and is judged by the tasks of chapter {ref}`ch-linear-regression`. Operations are counted from the configuration, as if the horizon were $K$ from the first update. Seconds are left out, as the records come from several machines. Ratios pass the gate of chapter {ref}`ch-claims` but for one part: no doubled budget is asked for, because the question is about *this* budget.

# %% tags=["hide-input", "nbval-check-output"]
horizon = experiment(BASES["linear-regression"], shown_profile).objective.steps
loops = Contrast(
    title="regression",
    rows=LOOPS,
    where="linear-regression:mse",
    at=horizon,
    profile=shown_profile,
    fixed_budget=True,
)
rows = {}
for label, key in LOOPS.items():
    made = experiment(key, shown_profile)
    rows[label] = (
        loops.result(label),
        "–" if label == loops.reference else in_words(loops.ratio(label)),
        f"{made.train.updates:,}",
        f"{planned(made) / 1e12:.2f}",
        scaled(records.fact(key, shown_profile, "peak_memory"), 1e-6),
    )
header = ("", f"error after {horizon} steps", f"against {loops.reference}", "updates", "TFLOP", "MB")
caption = "Loops that train on eq. 9: squared error of regression, its ratio to that of tasks in flight with a 95 % interval, updates and operations of a training, and the most memory that training holds beside the weights, in the precision that its machine chose."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-cost-loops")

# %% tags=["remove-input", "nbval-check-output"]
sentences([loops])

# %% [markdown]
# Tasks in flight are the default ({class}`iai.training.objectives.Greedy`); the others stay in the library as {class}`iai.training.objectives.Unrolled` and {class}`iai.training.objectives.RandomStep`. An update of tasks in flight, or of one random step, steps back through one refinement, so that the graphs it holds do not depend on $K$. A roll-out with one backward pass at its end holds all $K$ graphs until then, whether or not they are cut from each other: compare the last column of {numref}`tab-cost-loops`, and {numref}`tab-cost-flat`.

# %% tags=["hide-input", "nbval-check-output"]
bench = records.measured("cpu")
benchmarks = (bench or {"groups": {}})["groups"]
GROUP = "training with k steps: 64 tasks in flight (pool), 64 tasks unrolled"
members = benchmarks.get(GROUP, {})
ks = (1, 2, 4, 8, 16, 32, 64)
rows = {
    f"k = {k}": tuple(
        members[f"{who}, k = {k}"]["peak_bytes"] / 1e6 if f"{who}, k = {k}" in members else "pending"
        for who in ("pool", "unrolled")
    )
    for k in ks
}
header = ("", "tasks in flight", "roll-out, one backward pass")
caption = "Most memory that the backward pass of one update waits for, in MB, against steps of a task: 64 tasks of linear regression, two layers of width 32."
notebook.table(notebook.Grid(header=header, rows=rows), caption, "tab-cost-flat", ".3g", notebook.machine(bench))

# %% [markdown]
# ## Error for a given time
#
# When a learner is used, what counts is the error at a moment. {numref}`fig-cost-adapt` has the time from observations to predictions, 64 tasks at once on one thread, against the error that the ledger has of a learner of the same form: after each number of mini-batches for those that go step by step, and on all observations so far for the learner of one context, for ridge and for logistic regression. Many steps and one context are compared at equal data in section {ref}`sec-base-context`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cost-adapt", "caption": "Error against the time of adapting and predicting, 64 tasks at once. SGD and Adam with tuned rates take one step a mini-batch; ridge (the Bayes-optimal learner) and logistic regression are fitted afresh to all that was seen. Points of a line are numbers of mini-batches, from 1 to 10, for which both time and error are known."}, "image": {"alt": "Two panels, linear regression and MNIST: error against milliseconds, both logarithmic, for the amortized learner of many steps, the one of a single context, SGD, Adam, and ridge or logistic regression."}}
CLASSICAL = {
    "linear-regression": {"SGD": "sgd", "Adam": "adam", "ridge (oracle)": "ridge"},
    "mnist": {"SGD": "sgd", "Adam": "adam", "logistic regression": "logistic"},
}

METRIC = {"linear-regression": "mse", "mnist": "error"}
figure, axes = plots.panels(columns=2, width=8.6, height=3.3)
for ax, (family, row) in zip(axes, BASES.items()):
    times = benchmarks.get(f"adapting to {family}, 64 tasks", {})
    keys = {"many steps": row, "one context": f"baseline/{family}/one-context"}
    keys |= {who: f"{row}|{baseline}" for who, baseline in CLASSICAL[family].items()}
    series = {}
    for who, key in keys.items():
        known = []
        for k in range(1, 11):
            time = times.get(f"{CLASSICAL[family].get(who, who)}, k = {k}")
            error = records.summary(key, shown_profile, family, METRIC[family], k) if time else None
            if isinstance(error, records.Summary):
                known.append((time["median_ms"], error.mean))
        series[who if known else f"{who} (pending)"] = tuple(zip(*known)) or ((), ())
    plots.lines(ax, series, labels=("ms for 64 tasks", METRIC[family]), logarithmic=True)
    ax.set_title(family)
    plots.log_scale(ax, "x")

# %% [markdown]
# ## What a step costs beside other people's code
#
# `make bench` times our steps next to a *floor* and next to other libraries. For an implicit step and for MAML the floor is the same mathematics written by hand for that one case; elsewhere it is what the name of the group says. If there are several floors, in two precisions, ratios are to the fastest. Losses and gradients of second-order MAML have to agree with those of `higher` and TorchOpt, or no record is written. One thread, one process, medians. When the record shown here was made, the machine's other core was at work.

# %% tags=["hide-input", "nbval-check-output"]
groups = {name: members for name, members in benchmarks.items() if any("ratio" in row for row in members.values())}
rows = {
    f"{name}: {who.replace('_', ' ')}": (row["median_ms"], row["iqr_ms"], row["ratio"])
    for name, members in groups.items()
    for who, row in members.items()
}
header = ("", "median, ms", "quartiles apart, ms", "times the floor")
caption = "Steps of this library beside floors and peers."
notebook.table(
    notebook.Grid(header=header, rows=rows or {"pending": ("", "", "")}),
    caption,
    "tab-cost-bench",
    ".3g",
    notebook.machine(bench),
)

# %% [markdown]
# *What did not pay.* Two accelerations were tried and are not defaults; their rows are in {numref}`tab-cost-bench`. *Several seeds at once*, with stacked weights and batched products, would have to halve the time of a seed to be worth its code: at most 0.5 in the column of ratios. *Compiling* the refiner (`TrainConfig(compile=True)`) is there for long trainings:
# what it saves an update has to be set against the first update, which waits for the compiler. On a GPU both balances may differ.
#
# ## On a GPU, and on many
#
# On CUDA a whole update is *captured*: drawing tasks, evidence, refinement, loss, clipping, AdamW and the schedule become one CUDA graph for each horizon, which the host launches once an update ({mod}`iai.training.graph`). Random numbers, rates and losses stay on the device. The same code runs as it stands on a CPU, where a test holds it to the losses of the plain loop; an update that cannot be captured runs without a graph after one warning.
#
# `torchrun --nproc-per-node N -m iai run KEY` trains one model on $N$ devices. Every process draws all tasks and refines its share, gradients are averaged in one message, and the result is a function of the configuration and not of $N$; a test compares two and three processes with one. Updates of several processes are not captured yet. `reproduce --executor slurm` spreads runs over a cluster.

# %% tags=["hide-input", "nbval-check-output"]
plan = {key: planned(experiment(key, "paper")) for key in EXPERIMENTS if seeds_of(key, "paper")}
total = sum(one * seeds_of(key, "paper") for key, one in plan.items())
longest = max(plan.values())

PEAK = 800e12  # operations a second of bfloat16 matrix products on an H100-class GPU, as measured by others
rows = {
    f"at {share:.0%} of the peak": tuple(max(total / gpus, longest) / (share * PEAK) / 60 for gpus in (1, 8, 64))
    for share in (0.4, 0.1, 0.01)
}
caption = f"What profile `paper` would take, in minutes, from its operations alone: {total / 1e15:,.0f} PFLOP in {len(plan)} keys with all their seeds."
notebook.table(
    notebook.Grid(header=("", "1 GPU", "8 GPUs", "64 GPUs"), rows=rows),
    caption,
    "tab-cost-gpus",
    ".2g",
    source="(Counted, not measured.)",
)

# %% [markdown]
# {numref}`tab-cost-gpus` is arithmetic. Its operations are counted from the configurations; the peak of an H100-class GPU is what others have measured; which share of it these small models reach is not known to us before runs of profile `paper` on such a GPU are in the ledger. Good trainers of large models are reported to reach 40 %, of small ones some 10 %; the last row is what may be left where launches are not captured. The records of such runs will carry the figure: tokens and operations a second, the share of the peak
# that matrix products reach on the same device, launches of an update, and peak memory.
#
# ## Exercises
#
# ````{exercise} Where half of the gain is
# :label: ex-cost-half
#
# For which $N$ does reading in $k$ passes reach half of its limit $k$, by {eq}`eq-cost-ratio`?
# ````
#
# ````{solution} ex-cost-half
# :class: dropdown
#
# $(6d + N) / (6d + N/k) = k/2$ gives $6d + N = 3dk + N/2$, so $N = 6d(k - 2)$. With $d = 256$ and $k = 10$ that is 12,288 observations, with $d = 64$ a quarter of it.
# ````
#
# ````{exercise} Queries that are re-fed
# :label: ex-cost-queries
#
# An implicit learner with $q = N$ queries: is there an $N$ at which ten passes take fewer operations than one? Count attention over all $N/k + q$ tokens of a pass.
# ````
#
# ````{solution} ex-cost-queries
# :class: dropdown
#
# One pass has $2N$ tokens, each of ten has $1.1 N$. By {eq}`eq-cost-flops` the ratio is $(24 d^2 \cdot 2N + 4d \cdot 4N^2) / (10 (24 d^2 \cdot 1.1 N + 4 d \cdot 1.21 N^2)) = (48 d + 16 N) / (264 d + 48.4 N)$, which lies between 0.18 and 0.33 for all $N$ and $d$: never.
# ````
#
# ````{exercise} The pool, by hand
# :label: ex-cost-pool
#
# With $B$ tasks in flight and horizon $K$, how many new tasks does an update draw, how many updates does a task take part in, and how many refinements are computed for each loss? The same for a roll-out of $B$ tasks, and for one random step.
# ````
#
# ````{solution} ex-cost-pool
# :class: dropdown
#
# In flight: $B/K$ new tasks an update, each takes part in $K$ updates, one refinement a loss. Roll-out: $B$ new tasks an update, each in one, one refinement a loss, and $K$ of them an update. Random step: $B$ new tasks an update, each in one, and $(K + 1)/2$ refinements a loss on average, of which one has a gradient.
# ````
#
# ## What we found, and what we did not
#
# *The gain in operations is bounded by attention's share of the work*, {eq}`eq-cost-ratio`; by the clock it can be larger. It is a matter of $N/d$, it is absent where contexts are short, and the sentence above {numref}`tab-cost-memory` says how much of it was measured against each kind of attention.
#
# *Iteration has costs of its own.* The state is re-read, gradients are recomputed, and queries are re-fed; for an implicit learner with as many queries as observations it cannot win ({ref}`ex-cost-queries`).
#
# *Training on eq. 9 needs one refinement an update*, and no more activations for more steps; a pool only keeps all observations of its tasks. What the choice of a loop does to the error is under {numref}`tab-cost-loops`.
#
# *What we did not measure*: anything on a GPU. Kernels there reach other shares of their peak, launches cost relatively more, and attention relatively less. The grid of {numref}`tab-cost-grid` has forward passes of one task; a GPU would want batches of tasks to be full.
