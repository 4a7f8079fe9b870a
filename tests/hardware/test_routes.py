"""The hardware over the API: this machine's own, for whoever is logged in."""

from pathlib import Path

import psutil

from support.application import running_in

PATH = "/api/v1/hardware"


async def test_this_machine_is_told(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        answer = await running.client.get(PATH, headers=running.bearer)
    body = answer.json()
    assert answer.status_code == 200
    memory = body["host"]["memory"]
    assert memory["machine_total_bytes"] == psutil.virtual_memory().total
    disks = {disk["purpose"]: disk for disk in body["disks"]}
    assert disks["models"]["path"] == str(tmp_path / "models")
    assert disks["models"]["free_bytes"] > 0


async def test_nobody_without_credentials_reads_it(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        assert (await running.client.get(PATH)).status_code == 401
