"""How many threads a process may run: its cores, what its control groups leave it, and what the user asks for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore import cores


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine of 8 cores without control groups, and nothing asked for."""
    monkeypatch.setattr(cores, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(cores, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.delenv(cores.VARIABLE, raising=False)
    cores.most_threads.cache_clear()
    yield
    cores.most_threads.cache_clear()


def system(folder: Path, membership: str | None, files: dict[str, str | bytes]) -> None:
    """Write the files of control groups, and which of them the process is in."""
    if membership is not None:
        (folder / "membership").write_text(membership)
    for name, content in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def version_1(folder: str, quota: int, period: int = 100_000) -> dict[str, str | bytes]:
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


FIRST_AND_SECOND = "12:cpu,cpuacct:/docker/a\n3:cpuset:/docker/a\n1:name=systemd:/other\n0::/docker/a\n"


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/app\n", {"app/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/pod/app\n", {"pod/cpu.max": "200000 100000\n", "pod/app/cpu.max": "400000 100000\n"}, 2.0),
        ("0::/pod/app\n", {"pod/cpu.max": "400000 100000\n", "pod/app/cpu.max": "30000 20000\n"}, 1.5),
        ("0::/pod/app\n", {"cpu.max": "100000 100000\n", "pod/app/cpu.max": "max 100000\n"}, 1.0),
        ("0::/pod/app\n", {"pod/other/cpu.max": "100000 100000\n"}, None),
        ("0::/a:b/c\n", {"a:b/c/cpu.max": "300000 100000\n"}, 3.0),
        ("0::/../../outside\n", {"cpu.max": "300000 100000\n"}, 3.0),
        (FIRST_AND_SECOND, version_1("cpu,cpuacct/docker/a", 250_000), 2.5),
        (FIRST_AND_SECOND, version_1("cpu,cpuacct/docker/a", -1), None),
        (FIRST_AND_SECOND, version_1("cpu,cpuacct", 120_000), 1.2),  # seen from inside: its own folder is the root
        (FIRST_AND_SECOND, version_1("cpu,cpuacct/docker/a", 250_000) | version_1("cpu,cpuacct/docker", 100_000), 1.0),
        (FIRST_AND_SECOND, version_1("cpu,cpuacct/docker/a", 60_000, 20_000), 3.0),
        ("4:cpu:/a\n", version_1("cpu/a", 350_000), 3.5),
        ("4:cpuset:/a\n", version_1("cpuset/a", 350_000), None),  # of another controller
        (None, {"cpu.max": "150000 100000\n"}, 1.5),
        (None, version_1("cpu", 150_000), 1.5),
        (None, version_1("cpu,cpuacct", 150_000), 1.5),
        (None, {}, None),
        ("0::/app\n", {}, None),
    ],
)
def test_the_tightest_limit_counts(
    tmp_path: Path, membership: str | None, files: dict[str, str | bytes], expected: float | None
) -> None:
    system(tmp_path, membership, files)
    assert cores.quota() == expected


@pytest.mark.parametrize(
    "content",
    ["", "\n", "100000", "100000 0", "0 100000", "-1 100000", "a lot", "nan 100000", "1 2 3", b"\xff\xfe 100000"],
    ids=repr,
)
def test_what_makes_no_sense_is_no_limit(tmp_path: Path, content: str | bytes) -> None:
    files = {"app/cpu.max": content, "cpu/app/cpu.cfs_quota_us": content}
    system(tmp_path, "0::/app\n1:cpu:/app\n", files)
    assert cores.quota() is None
    assert cores.most_threads() == 8
    system(tmp_path, None, {"cpu.max": "200000 100000"})
    assert cores.quota() == 2.0, "another limit still counts"


@pytest.mark.parametrize("membership", ["", "\n", "nonsense\n", "0:\n", "nonsense\n0::/app\n"])
def test_lines_that_name_no_group_are_passed_over(tmp_path: Path, membership: str) -> None:
    system(tmp_path, membership, {"cpu.max": "300000 100000\n"})
    assert cores.quota() == 3.0


def test_an_unreadable_membership_leaves_the_root(tmp_path: Path) -> None:
    (tmp_path / "membership").write_bytes(b"0::/\xff\xfe\n")
    system(tmp_path, None, {"cpu.max": "300000 100000\n"})
    assert cores.quota() == 3.0


@given(st.text("0123456789:,/cpu \n", max_size=60))
def test_any_membership_is_read(membership: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", lambda path, *_, **__: membership)
        cores.quota()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, 8), (0.1, 1), (0.5, 1), (1.0, 1), (1.5, 1), (2.0, 2), (3.9, 4), (8.0, 8), (20.0, 8), (float("inf"), 8)],
)
def test_no_more_threads_than_the_quota_and_the_cores(
    monkeypatch: pytest.MonkeyPatch, limit: float | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "quota", lambda: limit)
    assert cores.most_threads() == expected


def test_a_quota_in_the_files_lowers_the_number_of_threads(tmp_path: Path) -> None:
    system(tmp_path, "0::/app\n", {"app/cpu.max": "300000 100000\n"})
    assert cores.most_threads() == 3


@pytest.mark.parametrize(("wanted", "expected"), [("1", 1), ("5", 5), ("16", 16), ("007", 7)])
def test_what_is_asked_for_counts_more_than_cores_and_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, expected: int
) -> None:
    system(tmp_path, "0::/\n", {"cpu.max": "200000 100000\n"})
    monkeypatch.setenv(cores.VARIABLE, wanted)
    assert cores.most_threads() == expected


@pytest.mark.parametrize("wanted", ["", "0", "-3", "two", "1.5", "1e3", "²", " "])
def test_what_is_no_number_of_threads_is_as_if_not_set(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv(cores.VARIABLE, wanted)
    assert cores.most_threads() == 8


def test_affinity_counts_and_else_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    for allowed, expected in (({3}, 1), ({0, 2, 5}, 3), (set(), 1)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, allowed=allowed: allowed, raising=False)
        assert cores.usable_cores() == expected
        cores.most_threads.cache_clear()
        assert cores.most_threads() == expected
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores.usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.usable_cores() == 1
