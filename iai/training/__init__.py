"""How an amortizer is trained: what is minimised (`objectives`), and the loop around it (`loop`)."""

from iai.training.checkpoint import Checkpoint, replace_file
from iai.training.distributed import ProcessLost
from iai.training.loop import pick_device, stop_signals, train
from iai.training.muon import make_optimizer
from iai.training.objectives import EndToEnd, Greedy, RandomStep, StepObjective, Unrolled, greedy_loss, rollout_losses
from iai.training.optimizer import Progress, TrainConfig, adamw, train_step
