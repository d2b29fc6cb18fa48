"""Medians of a pytest-benchmark file over the floor of their group: a table, and a record for the ledger."""

import json
import sys
from pathlib import Path


def ratios(found: dict) -> dict[str, dict[str, dict[str, float]]]:
    """Group to member to median milliseconds, rounds, and ratio to the group's floor where it has one."""
    groups: dict[str, dict[str, dict[str, float]]] = {}
    for one in found["benchmarks"]:
        name = one["param"] or one["name"].removeprefix("test_")
        row = {"median_ms": round(1e3 * one["stats"]["median"], 3), "rounds": one["stats"]["rounds"]}
        groups.setdefault(one["group"], {})[name] = row
    for members in groups.values():
        floor = next((row["median_ms"] for name, row in members.items() if "floor" in name), None)
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
            print(f"  {name:32} {row['median_ms']:10.2f} ms  {row.get('ratio', '')}")
