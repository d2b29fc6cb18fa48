"""N points in one pass against k passes of N / k each, over a grid, one thread: `make grid`."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import torch

from iai.study.ledger.provenance import config_hash, sources_hash, statements
from iai.study.ledger.records import read
from iai.study.measure import meter, passes
from iai.study.measure.passes import KERNELS, Case, Record, measure
from iai.training import replace_file

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
    (NS[4:], KS[2:], Case(signal="grad+data")),  # no k = 1 and 5: gradients are one or two of thousands of tokens
]


def grid(
    ns: Sequence[int],
    ks: Sequence[int],
    base: Case,
    device: torch.device | str = "cpu",
    known: Sequence[Record] = (),
) -> Iterator[Record]:
    """Records of N x k (k <= N) with both kinds of attention, the cheap ones first; `known` ones are not measured."""
    cells = [
        replace(base, points=n, passes=k, attention=attention)
        for n in sorted(ns)
        for k in sorted(ks, reverse=True)
        for attention in KERNELS
        if k <= n
    ]
    for case in cells:
        named = asdict(case) | {"device": torch.device(device).type}
        there = [one for one in known if named.items() <= one.items()]
        yield there[0] if there else measure(case, device)


def fill(
    path: Path,
    grids: Sequence[tuple[Sequence[int], Sequence[int], Case]],
    header: Record,
    device: torch.device | str = "cpu",
) -> Iterator[Record]:
    """The records of several grids (ns, ks, base), each written to `path` before the next is measured.

    Records in `path` are not measured again, unless they have another `header`: machine, versions, settings.
    """
    found = read(path, lambda found: found["cells"][:0]) if path.exists() else {}
    same = {name: found.get(name) for name in header} == header
    cells = list(found["cells"]) if same else []
    for ns, ks, base in grids:
        for record in grid(ns, ks, base, device, cells):
            if record not in cells:
                cells.append(record)
                whole = {**header, "date": date.today().isoformat(), "cells": cells}
                replace_file(path, (json.dumps(whole, indent=1) + "\n").encode())
            yield record


if __name__ == "__main__":
    import cpuinfo

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
