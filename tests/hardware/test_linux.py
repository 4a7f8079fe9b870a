"""Linux machines: processors and memory from recorded files, and within a container's limits."""

import os
from pathlib import Path

import psutil
import pytest

from hardware.recorded import recording
from vllm_manager.hardware.cgroup import Limits, read_limits
from vllm_manager.hardware.cpu import numbers_of, read_cpu
from vllm_manager.hardware.linux import LinuxHost

GIB = 1024**3
MIB = 1024**2
TOTAL = 65794932 * 1024
AVAILABLE = 51029384 * 1024


def put(root: Path, place: str, text: str | int) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def machine(root: Path) -> Path:
    put(root, "proc/meminfo", recording("meminfo_64_gib.txt"))
    put(root, "proc/cpuinfo", recording("cpuinfo_xeon_amx.txt"))
    return root


def in_container(root: Path, files: dict[str, str | int], path: str = "/") -> Path:
    """Put the process in a group of control groups, version 2."""
    put(root, "proc/self/cgroup", f"0::{path}")
    mounted = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate"
    put(root, "proc/self/mountinfo", f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n{mounted}")
    for name, text in files.items():
        put(root, f"sys/fs/cgroup/{name}", text)
    return root


def test_a_xeon_with_amx(tmp_path: Path) -> None:
    cpu = read_cpu(machine(tmp_path), None)
    assert (cpu.name, cpu.vendor) == ("Intel(R) Xeon(R) Platinum 8480+", "GenuineIntel")
    assert (cpu.sockets, cpu.cores, cpu.threads) == (2, 4, 8)
    assert cpu.instruction_sets is not None
    expected = {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16", "amx_int8"}
    assert expected <= set(cpu.instruction_sets)
    assert "smep" not in cpu.instruction_sets


def test_an_arm_server_without_names(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", recording("cpuinfo_neoverse.txt"))
    cpu = read_cpu(tmp_path, None)
    assert (cpu.name, cpu.vendor, cpu.threads) == (None, "ARM", 4)
    assert (cpu.sockets, cpu.cores) == (None, None)
    assert cpu.instruction_sets is not None
    assert {"asimd", "sve", "i8mm", "bf16"} <= set(cpu.instruction_sets)


def test_sockets_and_cores_come_from_sys_where_it_tells_them(tmp_path: Path) -> None:
    machine(tmp_path)
    for cpu, (socket, core) in enumerate([(0, 0), (0, 0), (0, 1), (0, 1)]):
        folder = f"sys/devices/system/cpu/cpu{cpu}/topology"
        put(tmp_path, f"{folder}/physical_package_id", socket)
        put(tmp_path, f"{folder}/core_id", core)
    found = read_cpu(tmp_path, None)
    assert (found.sockets, found.cores, found.threads) == (1, 2, 4)


def test_numa_nodes_are_told_with_cpus_and_memory(tmp_path: Path) -> None:
    for index, cpus in enumerate(("0-1,4", "2-3,5-7")):
        put(tmp_path, f"sys/devices/system/node/node{index}/cpulist", cpus)
        memory = f"Node {index} MemTotal:       32897466 kB"
        put(tmp_path, f"sys/devices/system/node/node{index}/meminfo", memory)
    nodes = read_cpu(tmp_path, None).numa_nodes
    assert nodes is not None
    assert [node.cpus for node in nodes] == [[0, 1, 4], [2, 3, 5, 6, 7]]
    assert nodes[1].memory_total_bytes == 32897466 * 1024


def test_a_machine_without_limits_has_all_its_memory(tmp_path: Path) -> None:
    memory = LinuxHost(machine(tmp_path)).read().host.memory
    assert (memory.total_bytes, memory.available_bytes) == (TOTAL, AVAILABLE)
    assert (memory.limit_bytes, memory.machine_total_bytes) == (None, TOTAL)
    assert memory.swap_total_bytes == 8388604 * 1024


def test_a_containers_limit_is_the_total_and_its_cache_counts_as_available(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "memory.max": 8 * GIB,
        "memory.current": 6 * GIB,
        "memory.stat": f"anon {2 * GIB}\ninactive_file {3 * GIB}\nactive_file {GIB}\n",
    }
    memory = LinuxHost(in_container(machine(tmp_path), files)).read().host.memory
    assert (memory.total_bytes, memory.limit_bytes) == (8 * GIB, 8 * GIB)
    assert memory.machine_total_bytes == TOTAL
    assert memory.available_bytes == 6 * GIB


def test_of_nested_groups_the_tightest_counts(tmp_path: Path) -> None:
    files: dict[str, str | int] = {
        "system.slice/memory.max": 4 * GIB,
        "system.slice/memory.current": 3 * GIB,
        "system.slice/manager.service/memory.max": "max",
        "system.slice/manager.service/memory.current": GIB,
    }
    in_container(machine(tmp_path), files, "/system.slice/manager.service")
    assert read_limits(tmp_path) == Limits(4 * GIB, GIB, None)


def test_a_limit_above_the_machines_memory_is_none(tmp_path: Path) -> None:
    files: dict[str, str | int] = {"memory.max": 1024 * GIB, "memory.current": GIB}
    memory = LinuxHost(in_container(machine(tmp_path), files)).read().host.memory
    assert (memory.limit_bytes, memory.total_bytes) == (None, TOTAL)
    assert memory.available_bytes == AVAILABLE


def test_version_1_of_control_groups_limits_as_well(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc")
    mounts = [
        "31 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
        "32 30 0:32 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct",
    ]
    put(tmp_path, "proc/self/mountinfo", "\n".join(mounts))
    for name, text in {
        "memory/memory.limit_in_bytes": 2 * GIB,
        "memory/memory.usage_in_bytes": GIB,
        "memory/memory.stat": f"total_inactive_file {256 * MIB}\ninactive_file 0",
        "cpu/cpu.cfs_quota_us": 150000,
        "cpu/cpu.cfs_period_us": 100000,
    }.items():
        put(tmp_path, f"sys/fs/cgroup/{name}", text)
    assert read_limits(tmp_path) == Limits(2 * GIB, GIB + 256 * MIB, 1.5)


def test_version_1_without_a_limit_is_none(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "4:memory:/")
    put(tmp_path, "proc/self/mountinfo", "31 30 0:31 / /cg ro - cgroup cgroup rw,memory")
    put(tmp_path, "cg/memory.limit_in_bytes", 9223372036854771712)
    put(tmp_path, "cg/memory.usage_in_bytes", GIB)
    assert read_limits(tmp_path) == Limits()


def test_a_containers_share_of_cpus_is_what_may_be_used(tmp_path: Path) -> None:
    in_container(machine(tmp_path), {"cpu.max": "50000 100000"})
    assert LinuxHost(tmp_path).read().host.cpu.usable_cpus == 0.5


def test_without_meminfo_the_memory_is_unknown_and_that_is_said(tmp_path: Path) -> None:
    found = LinuxHost(tmp_path).read()
    assert found.host.memory.available_bytes is None
    assert [problem.code for problem in found.problems] == ["memory_unknown"]


def test_the_distribution_is_named(tmp_path: Path) -> None:
    put(tmp_path, "etc/os-release", '# a comment\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n')
    host = LinuxHost(tmp_path).read().host
    assert (host.os_name, host.os_version) == ("Debian GNU/Linux", "12")


@pytest.mark.parametrize(
    ("listed", "numbers"), [("0", [0]), ("0-3,8\n", [0, 1, 2, 3, 8]), ("", [])]
)
def test_the_kernels_lists_are_read(listed: str, numbers: list[int]) -> None:
    assert numbers_of(listed) == numbers


@pytest.mark.linux
def test_this_machine_tells_of_itself() -> None:
    host = LinuxHost().read().host
    assert host.memory.machine_total_bytes == psutil.virtual_memory().total
    assert host.memory.available_bytes is not None
    assert host.memory.total_bytes is not None
    assert 0 < host.memory.available_bytes <= host.memory.total_bytes
    assert host.cpu.threads == psutil.cpu_count()
    assert host.cpu.usable_cpus is not None
    assert 0 < host.cpu.usable_cpus <= len(os.sched_getaffinity(0))
