"""The amortizer f(x, g(D_T)): one Transformer step, what its state means, and the formula as a module."""

from iai.model.amortizer import Amortizer
from iai.model.attention import attention_mask
from iai.model.refiner import Anchor, Interface, Refiner, RefinerConfig
from iai.model.regimes import Decoder, Parameters, Predictions, Signal, Signals, Space
from iai.model.relations import Relations, RelationsConfig
