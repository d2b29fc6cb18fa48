"""Which comparisons may be decided: the one check of all tables, sentences and claims."""

from dataclasses import replace

from iai.study.analysis.contrasts import ratio
from iai.study.ledger import records
from iai.study.ledger.statistics import Arm, Found, Missing, Ratio, Summary
from iai.study.registry import EXPERIMENTS, experiment

TRIVIAL = ("mean", "random-order")
"""Baselines that ignore the inputs, by their names in records."""
ADVANTAGE = 0.9
"""What the error of a trained arm may be at most, in mean errors of the trivial predictor."""


def compared(
    first: Found,
    second: Found,
    *,
    limit: float | None = 1.0,
    within: tuple[float, float] | None = None,
    beyond: bool = False,
) -> Found:
    """The ratio of two results, marked as `untestable` unless it passes the gate.

    Each trained model has at most `ADVANTAGE` times the mean error of the trivial predictor on the same tasks after as
    many steps (of a model that is compared with itself, after the larger number); no model takes more steps than it was
    trained on, unless the comparison is about steps `beyond`; and with twice the training budget the ratio stays on
    the same side of `limit`, unless that is None. Equality, `within` two limits, asks this of the limit that a ratio is
    beyond, if more training may lead back: of the upper one, and of the lower one if the second result is trained too.
    """
    found = ratio(first, second)
    if not isinstance(found, Ratio):
        return found
    arms = [one.arm for one in (first, second) if isinstance(one, Summary) and one.arm and "|" not in one.arm.row]
    models = {arm._replace(k=0): arm for arm in sorted(arms, key=lambda arm: arm.k)}.values()
    reasons = [weak(arm) for arm in models]
    reasons += [] if beyond else [far(arm) for arm in models]
    if within:
        low, high = within
        falls = isinstance(second, Summary) and second.arm in arms
        limit = high if found.mean > high else low if falls and found.mean < low else None
    reasons += [unsettled(found, first, second, limit)] if limit and arms else []
    return replace(found, untestable=next(filter(None, reasons), ""))


def weak(arm: Arm) -> str:
    """Why an arm is too near to the trivial predictor, or nothing; judged within its horizon."""
    arm = arm._replace(k=min(arm.k, horizon(arm)))
    tables = records.records(arm.row, arm.profile)[0]["baselines"].get(arm.evaluation, {})
    metric = arm.metric.removesuffix("_by_points")
    trivial = next((tables[name][metric]["mean"] for name in TRIVIAL if metric in tables.get(name, ())), None)
    if trivial is None:
        return "no trivial predictor in its records"
    last = arm.k if metric == arm.metric else 1
    floor = next(value for value in reversed(trivial[: last + 1]) if value is not None)
    mine = records.curve(*arm[:4])
    if isinstance(mine, Missing):
        return mine.reason
    reached = next((one.mean for one in reversed(mine[: arm.k + 1]) if one.mean == one.mean), floor)
    return (
        ""
        if reached <= ADVANTAGE * floor
        else f"{arm.row} is not {100 - 100 * ADVANTAGE:.0f} % below the trivial predictor"
    )


def far(arm: Arm) -> str:
    """Why an arm is beyond what it was trained on, or nothing."""
    trained = horizon(arm)
    return f"{arm.row} was trained on {trained} steps" if arm.k > trained else ""


def horizon(arm: Arm) -> int:
    """The mini-batches that an arm was trained on; in one context, as many as held its observations."""
    chosen = experiment(arm.row, arm.profile)
    objective, evaluation = chosen.objective, chosen.evaluation
    if arm.metric.endswith("_by_points"):  # k counts points of one mini-batch
        return objective.points
    return objective.steps * objective.points // evaluation.points if evaluation.one_context else objective.steps


def unsettled(found: Ratio, first: Found, second: Found, limit: float) -> str:
    """Why a doubled budget does not confirm on which side of a limit a ratio lies, or nothing."""
    again = ratio(*(with_doubled_budget(one) for one in (first, second)))
    if isinstance(again, Missing):
        return again.reason
    turns = (again.mean - limit) * (found.mean - limit) < 0
    return f"a doubled budget is on the other side of {limit:g}" if turns else ""


def with_doubled_budget(found: Found) -> Found:
    """The result of the same arm after twice the training; what is not trained stays."""
    if isinstance(found, Missing) or found.arm is None or "|" in found.arm.row:
        return found
    key = doubled(found.arm.row)
    if key is None or not records.records(key, found.arm.profile):
        return Missing(reason="no doubled budget yet")
    return records.summary(key, *found.arm[1:])


def doubled(key: str) -> str | None:
    """The key of the run with twice the budget, if there is one; a longer training has twice that of the row's."""
    longer = key.endswith("-longer")
    twice = f"ladder/{key.removesuffix('-longer')}/fourfold" if longer else f"doubled/{key}"
    return twice if twice in EXPERIMENTS else None
