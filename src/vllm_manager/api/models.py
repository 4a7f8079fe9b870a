"""Builds what is about models: found, fetched, kept, configured, and held against the machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vllm_manager.catalog import Catalog
from vllm_manager.catalog.build import build as build_catalog
from vllm_manager.cluster import Cluster
from vllm_manager.configs import (
    EngineArguments,
    EnvironmentVault,
    Presets,
    RecipeChecks,
    Recipes,
)
from vllm_manager.configs.fit import Fit
from vllm_manager.db import Database
from vllm_manager.deployments import Below, Deployments, DeploymentsRoom
from vllm_manager.deployments.models import StoredModels
from vllm_manager.deployments.planning import Planning
from vllm_manager.deployments.vetting import Vetting
from vllm_manager.downloads.build import DownloadsRoom
from vllm_manager.downloads.build import build as build_downloads
from vllm_manager.downloads.library import Library, Use, Uses
from vllm_manager.downloads.library.build import build as build_library
from vllm_manager.downloads.service import Downloads
from vllm_manager.hardware import Hardware
from vllm_manager.hardware.build import build as build_hardware
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.topics import Hub
from vllm_manager.kit.vault import Vault
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Models:
    """What the routes ask for, under the names they ask by, and what deployments stand on."""

    catalog: Catalog
    downloads: Downloads
    library: Library
    hardware: Hardware
    engine_arguments: EngineArguments
    recipes: Recipes
    presets: Presets
    fit: Fit
    downloads_room: DownloadsRoom
    below: Below


def build(
    settings: Settings,
    database: Database,
    clock: Clock,
    hub: Hub,
    operations: Operations,
    cluster: Cluster,
    deployments: Callable[[], DeploymentsRoom],
) -> Models:
    """Return the services. `deployments` is called later: they stand on these."""
    catalog = build_catalog(settings, database, clock)
    arguments = EngineArguments(settings.engine_arguments_file)
    vault = EnvironmentVault(Vault(settings.secrets_dir / "vault_key"))
    recipes = _recipes(database, arguments, clock, deployments, vault)
    downloads = build_downloads(settings, database, operations, catalog, hub, clock)
    uses = _uses_of(lambda: deployments().service)
    library = build_library(settings, database, operations, downloads.service, uses, clock)
    hardware = build_hardware(settings, clock, deployments)
    fit = Fit(hardware, catalog, arguments, cluster.nodes_if_known)
    planning = Planning(recipes, fit, Vetting(catalog, settings.trusted_models), vault)
    stored = StoredModels(library, downloads.service)
    return Models(
        catalog=catalog,
        downloads=downloads.service,
        library=library,
        hardware=hardware,
        engine_arguments=arguments,
        recipes=recipes,
        presets=Presets(),
        fit=fit,
        downloads_room=downloads,
        below=Below(cluster, operations, arguments, planning, stored, hardware),
    )


def _recipes(
    database: Database,
    arguments: EngineArguments,
    clock: Clock,
    deployments: Callable[[], DeploymentsRoom],
    vault: EnvironmentVault,
) -> Recipes:
    """Return the configs, which ask who uses them, and tell of each save."""

    async def users() -> Mapping[str, Sequence[str]]:
        return await deployments().service.config_users()

    def saved() -> None:
        deployments().nudge()

    return Recipes(database, RecipeChecks(arguments), clock, users, saved, vault)


def _uses_of(deployments: Callable[[], Deployments]) -> Uses:
    """Tell the library who names which model, and what engines run from."""

    async def uses() -> Sequence[Use]:
        claims = await deployments().model_uses()
        return [Use(c.deployment, c.model, c.revision, c.last_used_at) for c in claims]

    return uses
