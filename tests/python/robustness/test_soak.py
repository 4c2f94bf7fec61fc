"""The program behind `./dev soak --hours`, for a few seconds; docs/security.md has the hour's."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from harness.presence import require
from harness.sanitizing import weighs

FOLDER = Path(__file__).resolve().parents[2] / "soak"


def run(*arguments):
    """Run the soak with 9,000 calls; return its exit code and what it printed."""
    require("ours")
    short = ["--hours", "0.0007", "--calls", "9000", "--every", "0.15", "--kept", "4"]
    # In a short time nothing but a gross leak of memory shows.
    command = [sys.executable, str(FOLDER / "soak.py"), *short, "--growth", "16384", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


@weighs
@pytest.mark.timeout(120)
def test_some_seconds_of_real_calls_leave_nothing(samples, tmp_path):
    code, printed = run("--csv", tmp_path / "samples.csv", "--svg", tmp_path / "plot.svg")
    assert code == 0, printed
    assert "BAD" not in printed
    assert "our server: objects left at the end 0" in printed
    assert len(samples.read(tmp_path / "samples.csv")) > 15
    assert (tmp_path / "plot.svg").read_text().count("<polyline") == 15


@pytest.mark.timeout(120)
def test_it_finds_what_is_kept_for_ever():
    code, printed = run("--leak")
    assert code == 1, printed
    assert "BAD  our server: imports" in printed


@pytest.fixture
def samples(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import samples  # noqa: PLC0415 - found by the path that was just added

    return samples


def rows(samples, **slopes):
    """Return an hour's samples of one process; `slopes` is by how much a field rises each time."""
    flat = samples.Sample(0.0, "server", 20_000, 12, 8, 100, 100, 0, 0.0)
    return [
        dataclasses.replace(
            flat,
            seconds=5.0 * number,
            **{name: getattr(flat, name) + int(slope * number) for name, slope in slopes.items()},
        )
        for number in range(720)
    ]


def test_what_stays_as_it_was_is_good(samples):
    findings = samples.judge(rows(samples), ["server"], 500, 1024)
    assert len(findings) == 5
    assert all(finding.good for finding in findings)


@pytest.mark.parametrize(
    ("field", "slope"),
    [("rss_kib", 2), ("descriptors", 0.01), ("threads", 0.01), ("exports", 0.2), ("imports", 0.2)],
)
def test_what_rises_is_bad(samples, field, slope):
    findings = samples.judge(rows(samples, **{field: slope}), ["server"], 500, 1024)
    bad = [finding.text for finding in findings if not finding.good]
    assert len(bad) == 1
    assert {"rss_kib": "memory"}.get(field, field) in bad[0]


def test_a_peak_is_no_leak(samples):
    steady = rows(samples)
    steady[600] = dataclasses.replace(steady[600], rss_kib=90_000, descriptors=500)
    assert all(one.good for one in samples.judge(steady, ["server"], 500, 1024))


def test_too_few_samples_prove_nothing(samples):
    findings = samples.judge(rows(samples)[:4], ["server"], 0, 1024)
    assert [finding.good for finding in findings] == [False]


def test_samples_are_read_as_they_were_written(samples, tmp_path):
    some = rows(samples, rss_kib=3)[:10]
    samples.write(tmp_path / "some.csv", some)
    assert samples.read(tmp_path / "some.csv") == some
