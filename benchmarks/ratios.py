"""Medians of a pytest-benchmark file over the fastest floor of their group: a table, and a record for the ledger."""

import json
import sys
from pathlib import Path


def ratios(found: dict) -> dict[str, dict[str, dict[str, float]]]:
    """Group to member to median and quartiles' distance (ms), rounds, extras, and ratio to the floor, if any."""
    groups: dict[str, dict[str, dict[str, float]]] = {}
    for one in found["benchmarks"]:
        stats, extras = one["stats"], one["extra_info"]
        name = extras.pop("member", None) or one["param"] or one["name"].removeprefix("test_")
        row = {f"{what}_ms": round(1e3 * stats[what], 3) for what in ("median", "iqr")}
        row |= {"rounds": stats["rounds"], **extras}
        groups.setdefault(one["group"], {})[name] = row
    for members in groups.values():
        floor = min((row["median_ms"] for name, row in members.items() if "floor" in name), default=None)
        for row in members.values():
            row |= {"ratio": round(row["median_ms"] / floor, 3)} if floor else {}
    return groups


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text())
    groups = ratios(found)
    machine = {
        "cpu": found["machine_info"]["cpu"].get("brand_raw", "unknown"),
        "date": found["datetime"][:10],
    }
    Path(sys.argv[2]).write_text(json.dumps({**machine, "groups": groups}, indent=1) + "\n")
    for group, members in groups.items():
        print(group)
        for name, row in members.items():
            spread = f"{row['median_ms']:10.2f} ms (quartiles {row['iqr_ms']:.2f} apart)"
            extras = {what: row[what] for what in row if what.endswith(("bytes", "seconds"))}
            print(f"  {name:32} {spread}  {row.get('ratio', '')}  {extras or ''}")
