"""Each deviation from AWS against its own probe, then five against all probes: `-o FILE` writes what was found.

Needs some minutes. `--only NAME` chooses deviations, which are then also the ones that are combined, and `--against NAME` the
probes that meet the combination.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from parity.probe import Probe, all_probes
from support.deviating_aws import DeviatingAws, Deviation, all_deviations, deviating_aws, found

FIVE = (
    "an_update_needs_no_current_configuration",
    "failure_keys_end_otherwise",
    "scaling_in_has_another_threshold",
    "five_minutes_of_skew",
    "checksums_are_not_returned",
)


def single(stage: DeviatingAws, probes: dict[str, Probe], deviation: Deviation) -> tuple[bool, str]:
    begin = time.monotonic()
    seen = stage.observe([probes[deviation.probe]], [deviation])[deviation.probe]
    verdict = "found" if found(seen) else f"NOT FOUND: {seen}"
    return found(seen), f"{deviation.name} by {deviation.probe}: {verdict} ({time.monotonic() - begin:.0f} s)"


def together(stage: DeviatingAws, probes: dict[str, Probe], chosen: list[Deviation]) -> tuple[bool, list[str]]:
    seen = stage.observe(list(probes.values()), chosen)
    expected = {deviation.probe for deviation in chosen} | {name for name, probe in probes.items() if probe.stricter_locally}
    observed = {name for name, observations in seen.items() if found(observations)}
    rows = [
        f"{len(chosen)} deviations against {len(probes)} probes: found {len(observed & expected)} of {len(expected)} expected"
    ]
    rows += [f"NOT FOUND by {name}: {seen[name]}" for name in sorted(expected - observed)]
    rows += [f"FALSE FINDING of {name}: {seen[name]}" for name in sorted(observed - expected)]
    undecided = [f"{name}: {item.observed}" for name, items in seen.items() for item in items if item.verdict == "undecided"]
    return observed == expected, rows + [f"undecided: {text}" for text in undecided]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", action="append", help="deviations to try; default: all")
    parser.add_argument("--against", action="append", help="probes for the combination; default: all")
    parser.add_argument("--combination", action="store_true", help="only the combination")
    parser.add_argument("--time-scale", type=float, default=120)
    options = parser.parse_args()
    probes = {probe.name: probe for probe in all_probes()}
    deviations = {name: item for name, item in all_deviations().items() if item.probe in probes}
    rows, failed = [], 0
    with deviating_aws(options.time_scale) as stage:
        for name in [] if options.combination else options.only or deviations:
            good, row = single(stage, probes, deviations[name])
            failed += not good
            rows.append(row)
            print(row, flush=True)
        met = {name: probes[name] for name in options.against or probes}
        good, more = together(stage, met, [item for name in options.only or FIVE if (item := deviations[name]).probe in met])
        failed += not good
        rows += more
        print("\n".join(more))
    without = sorted({*probes} - {item.probe for item in deviations.values()})
    rows.append(f"{failed} failed; probes without a deviation: {', '.join(without) or 'none'}")
    print(rows[-1])
    options.output.write_text("\n".join(rows) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
