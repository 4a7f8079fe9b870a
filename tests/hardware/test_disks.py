"""The disks under the product's folders."""

import shutil
from pathlib import Path

from vllm_manager.hardware.disks import Disks


def test_the_file_system_of_a_folder_is_told(tmp_path: Path) -> None:
    (disk,) = Disks({"models": tmp_path}).read()
    assert (disk.purpose, disk.path) == ("models", str(tmp_path))
    assert disk.total_bytes == shutil.disk_usage(tmp_path).total
    assert disk.mount_point is not None
    assert tmp_path.resolve().is_relative_to(disk.mount_point)
    assert disk.filesystem


def test_a_folder_that_is_not_made_yet_counts_as_the_one_around_it(tmp_path: Path) -> None:
    disks = Disks({"models": tmp_path / "not" / "yet", "home": tmp_path}).read()
    assert [disk.total_bytes for disk in disks] == [shutil.disk_usage(tmp_path).total] * 2
