"""N points in one pass against k passes of N / k each, over a grid, one thread: `make grid`."""

import sys
from pathlib import Path

import cpuinfo
import torch

from iai.study.ledger.provenance import config_hash, sources_hash, statements
from iai.study.measure import meter, passes
from iai.study.measure.passes import Case, fill

NS, KS = (100, 1000, 4000, 16000, 60000), (1, 5, 10, 100)
WIDE = {"width": 256, "depth": 4, "heads": 4}
GRIDS = [
    (NS[:4], KS, Case()),
    (NS[:4], KS, Case(signal="grad+data")),
    (NS[:4], KS, Case(regime="implicit", queries=64)),
    ((1000,), KS, Case(regime="implicit", queries=1000)),
    (NS[:3], KS, Case(**WIDE)),
    (NS[:3], KS, Case(signal="grad+data", **WIDE)),
    (NS[:3], KS, Case(regime="implicit", queries=64, **WIDE)),
    ((1000,), KS, Case(regime="implicit", queries=1000, **WIDE)),
    (NS[4:], KS, Case()),
    (NS[4:], KS, Case(regime="implicit", queries=64)),
    (NS[4:], KS[2:], Case(signal="grad+data")),  # where one or two tokens of thousands are no news: left out
]


if __name__ == "__main__":
    torch.set_num_threads(1)
    header = {
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", "unknown"),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "sources": sources_hash(),
        "measuring": config_hash({one.__name__: statements(Path(one.__file__).read_text()) for one in (passes, meter)}),
    }
    for cell in fill(Path(sys.argv[1]), GRIDS, header):
        named = [str(cell[name]) for name in ("points", "passes", "regime", "signal", "queries", "width", "attention")]
        took = cell["reason"] or f"{cell['eager_ms']['median']:.1f} ms, {cell['peak_bytes'] / 1e6:.1f} MB"
        print(*named, took, flush=True)
