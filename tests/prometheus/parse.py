"""Reads our own pages with the strict OpenMetrics parser of the Python client, and compares them with the recorded.

    ROTAPOOL_PAGES=DIRECTORY cargo test --test prometheus
    python parse.py DIRECTORY
"""

import pathlib
import sys

from prometheus_client import parser as classic
from prometheus_client.openmetrics import parser as openmetrics

RECORDED = pathlib.Path(__file__).parent / "recorded"


def samples(families):
    """The kind and value of every sample, by its name and labels."""
    found = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} stands twice"
            found[key] = (family.type, sample.value)
    return found


def read(parser, path):
    return samples(parser.text_string_to_metric_families(path.read_bytes().decode()))


def main():
    ours = {path.name: path for path in pathlib.Path(sys.argv[1]).iterdir()}
    theirs = {path.stem: path for path in RECORDED.glob("*.txt")}
    assert ours and ours.keys() == theirs.keys(), f"other pages: {ours.keys() ^ theirs.keys()}"
    recorded = {name: read(classic, path) for name, path in theirs.items()}
    # What has none of the package's names is our own.
    package = {name for page in recorded.values() for name, _ in page}
    compared = 0
    for name, path in ours.items():
        here, there = read(openmetrics, path), recorded[name]
        here = {key: value for key, value in here.items() if key[0] in package}
        for key in sorted(here.keys() | there.keys(), key=str):
            if here.get(key) != there.get(key):
                sys.exit(f"{name}: {key}: ours {here.get(key)}, theirs {there.get(key)}")
        compared += len(here)
    print(f"{compared} samples on {len(ours)} pages are equal")


main()
