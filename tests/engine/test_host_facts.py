"""What the kernel counts and says around an engine's end; what is not there is not known."""

from pathlib import Path

import pytest

from vllm_manager_engine.failures.host_facts import KernelLog, memory_group
from vllm_manager_engine.failures.model_facts import damage, safetensors_fault
from vllm_manager_engine.model_folder import DEMO_FOLDER


def test_the_control_group_of_a_process_is_found_in_both_versions(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "7").mkdir(parents=True)
    (groups / "pod").mkdir(parents=True)
    (groups / "pod" / "memory.events").write_text("oom 3\noom_kill 2\n")
    (proc / "7" / "cgroup").write_text("0::/pod\n")
    assert memory_group(7, proc, groups) == groups / "pod"
    (groups / "memory" / "old").mkdir(parents=True)
    (groups / "memory" / "old" / "memory.oom_control").write_text("oom_kill 1\n")
    (proc / "7" / "cgroup").write_text("4:memory:/old\n1:cpu:/\n0::/\n")
    assert memory_group(7, proc, groups) == groups / "memory" / "old"


def test_in_a_container_the_mount_itself_is_the_group(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "7").mkdir(parents=True)
    groups.mkdir()
    (groups / "memory.events").write_text("oom_kill 0\n")
    (proc / "7" / "cgroup").write_text("0::/kubepods/of/the/host\n")
    assert memory_group(7, proc, groups) == groups
    assert memory_group(8, proc, groups) is None


def test_a_kernel_log_that_may_not_be_read_is_silent(tmp_path: Path) -> None:
    log = KernelLog(str(tmp_path / "kmsg"))
    assert log.last_kill() is None
    log.close()


def test_what_the_kernel_said_of_a_kill_is_told_as_often_as_it_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "kmsg"
    file.write_text("6,1,0,-;Killed process 1 (before)\n")
    log = KernelLog(str(file))
    with file.open("a") as opened:
        opened.write("6,2,0,-;Out of memory: Killed process 7 (VLLM::Worker) anon-rss:9kB\n")
    told = [log.last_kill(), log.last_kill()]
    log.close()
    assert told == ["Out of memory: Killed process 7 (VLLM::Worker) anon-rss:9kB"] * 2


def test_a_sound_model_has_no_damage() -> None:
    assert damage(DEMO_FOLDER) is None


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.5, 0.999])
def test_a_cut_file_is_told_with_its_numbers(tmp_path: Path, share: float) -> None:
    data = (DEMO_FOLDER / "model.safetensors").read_bytes()
    file = tmp_path / "model.safetensors"
    file.write_bytes(data[: int(len(data) * share)])
    why = safetensors_fault(file)
    assert why is not None
    assert "bytes" in why
    found = damage(tmp_path)
    assert found is not None
    assert (found.code, found.file) == ("weights_corrupt", "model.safetensors")


def test_a_shard_that_the_index_names_is_missed(tmp_path: Path) -> None:
    index = '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}'
    (tmp_path / "model.safetensors.index.json").write_text(index)
    found = damage(tmp_path)
    assert found is not None
    assert (found.code, found.file) == ("weights_incomplete", "model-1.safetensors")
