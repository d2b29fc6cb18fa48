"""Error after k mini-batches, and the evaluation of generation."""

from iai.evaluation.evaluate import Curve, EvaluationConfig, as_json, episodes, evaluate, one_context
