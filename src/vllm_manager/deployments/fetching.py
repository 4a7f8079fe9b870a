"""Has the models fetched that deployments wait for, and writes down where they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vllm_manager.db import Database, Lease
from vllm_manager.deployments import store
from vllm_manager.deployments.memory import Memory
from vllm_manager.deployments.models import Models
from vllm_manager.deployments.observed import Failure, Fetch
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.deployments.vetting import Vetting


class Fetcher:
    """One step looks at each deployment that waits for its model's files.

    What it learns is kept in memory; where the files are, and that a download was asked for in
    this start, is kept in the row's `applied`, so that another process goes on from there.
    """

    def __init__(
        self, database: Database, memory: Memory, models: Models, vetting: Vetting, lease: Lease
    ) -> None:
        self._database = database
        self._memory = memory
        self._models = models
        self._vetting = vetting
        self._lease = lease

    async def step(self, rows: Sequence[DeploymentRow], *, acts: bool) -> bool:
        """Look at these rows, and act where this process leads; return whether any was written."""
        changed = False
        for row in rows:
            if self._memory.waits_for_files(row):
                changed |= await self._look(row, acts=acts)
            else:
                self._memory.fetches.pop(row.uid, None)
        return changed

    async def _look(self, row: DeploymentRow, *, acts: bool) -> bool:
        applied = row.applied or {}
        model, revision = applied["spec"]["model"], applied["spec"]["revision"]
        folder = await self._models.folder(model, revision)
        if folder is not None:
            return await self._found(row, folder) if acts else False
        if applied.get("download") is None:
            if not acts:  # whoever leads has it fetched
                return False
            fetch = await self._models.begin(model, revision)
            self._memory.fetches[row.uid] = fetch
            return await self._note(row, {"download": fetch.download_id or model})
        self._memory.fetches[row.uid] = await self._models.look(model, revision)
        return False

    async def _found(self, row: DeploymentRow, folder: Path) -> bool:
        """Write down where the files are, unless they may not be loaded."""
        spec = (row.applied or {})["spec"]
        vetted = await self._vetting.of_folder(spec["model"], folder)
        if vetted.problem is not None:
            problem = vetted.problem
            failure = Failure(problem.code, problem.detail, problem=problem)
            self._memory.fetches[row.uid] = Fetch(state="failed", failure=failure)
            return False
        return await self._note(row, {"folder": str(folder), "trusted": vetted.trusted})

    async def _note(self, row: DeploymentRow, news: Mapping[str, Any]) -> bool:
        values = {"applied": {**(row.applied or {}), **news}}
        async with self._database.unit_of_work() as session:
            if not await self._lease.is_still_mine(session):
                return False
            return await store.guarded_write(session, row.uid, row.version, values)
