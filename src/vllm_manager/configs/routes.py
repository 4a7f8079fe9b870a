"""HTTP routes of configs, and of the engine's argument list."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from vllm_manager.auth import Principal
from vllm_manager.auth.guard import ANYONE, OPERATORS, Anyone, Operator
from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.presets import Presets, Question
from vllm_manager.configs.schema_document import file_schema
from vllm_manager.configs.schemas import (
    ArgumentInfo,
    Config,
    ConfigClone,
    ConfigCreate,
    ConfigDiff,
    ConfigFile,
    ConfigFiles,
    ConfigImport,
    ConfigRollback,
    ConfigSave,
    ConfigSaved,
    ConfigsImported,
    ConfigSummary,
    ConfigVersion,
    PresetList,
)
from vllm_manager.configs.service import Recipes
from vllm_manager.configs.withheld import shown_change, shown_recipe
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/engine", tags=["engine"], dependencies=[Depends(ANYONE)])
config_router = APIRouter(
    prefix="/api/v1/configs", tags=["configs"], dependencies=[Depends(ANYONE)]
)


class ArgumentList(BaseModel):
    """Every argument that the installed engine knows."""

    engine: str = "vllm"
    version: str | None
    items: list[ArgumentInfo]
    next_cursor: str | None = None


def arguments_of(request: Request) -> EngineArguments:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.engine_arguments


def recipes_of(request: Request) -> Recipes:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.recipes


def presets_of(request: Request) -> Presets:
    """Return the presets that `api.wiring` placed on the application."""
    return request.app.state.presets


Arguments = Annotated[EngineArguments, Depends(arguments_of)]
Service = Annotated[Recipes, Depends(recipes_of)]
ConfigName = Annotated[str, Path(max_length=63, description="The config's name.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
_View = TypeVar("_View", Config, ConfigVersion)


@router.get(
    "/arguments",
    operation_id="listEngineArguments",
    summary="List the arguments that the installed engine knows",
)
async def list_engine_arguments(arguments: Arguments) -> ArgumentList:
    known = arguments.known()
    return ArgumentList(version=arguments.version, items=list(known.values()))


@config_router.get("", operation_id="listConfigs", summary="List configs by name")
async def list_configs(
    recipes: Service,
    limit: Limit = 100,
    cursor: str | None = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of name or model.")] = None,
) -> Page[ConfigSummary]:
    return await recipes.list(limit, cursor, q)


@config_router.post(
    "",
    operation_id="createConfig",
    summary="Keep a new config",
    status_code=201,
    responses={409: {"description": "The name is taken."}},
)
async def create_config(asked: ConfigCreate, user: Operator, recipes: Service) -> Config:
    return _shown(await recipes.create(asked, user.username), user)


@config_router.get(
    "/schema",
    operation_id="getConfigSchema",
    summary="Read the JSON Schema of config files, with the installed engine's arguments",
    responses={
        200: {
            "content": {
                "application/json": {
                    "example": {"$schema": "https://json-schema.org/draft/2020-12/schema"}
                }
            }
        }
    },
)
async def get_config_schema(arguments: Arguments) -> dict[str, Any]:
    return file_schema(arguments)


@config_router.get(
    "/presets", operation_id="listPresets", summary="List presets for families of models"
)
async def list_presets(
    presets: Annotated[Presets, Depends(presets_of)],
    model: Annotated[str | None, Query(max_length=512, description="A Hugging Face id.")] = None,
    model_type: Annotated[
        str | None, Query(max_length=128, description="`model_type` of its config.json.")
    ] = None,
    architecture: Annotated[
        str | None, Query(max_length=128, description="`architectures[0]` of its config.json.")
    ] = None,
) -> PresetList:
    return PresetList(items=presets.matching(Question(model, model_type, architecture)))


@config_router.post(
    "/import",
    operation_id="importConfigs",
    summary="Import the configs of a file; all of them, or none where one is wrong",
)
async def import_configs(asked: ConfigImport, user: Operator, recipes: Service) -> ConfigsImported:
    return await recipes.import_file(asked, user.username)


@config_router.get(
    "/export", operation_id="exportConfigs", summary="Export every config as one file"
)
async def export_configs(recipes: Service, response: Response, user: Anyone) -> ConfigFiles:
    _name_file(response, "configs")
    exported = await recipes.export_all()
    files = [shown_recipe(file, with_values=_sees_values(user)) for file in exported.configs]
    return exported.model_copy(update={"configs": files})


@config_router.get("/{name}", operation_id="getConfig", summary="Read one config")
async def get_config(name: ConfigName, recipes: Service, user: Anyone) -> Config:
    return _shown(await recipes.get(name), user)


@config_router.put(
    "/{name}",
    operation_id="saveConfig",
    summary="Save a config: a new version, if something changed",
    responses={409: {"description": "Somebody saved another version since the expected one."}},
)
async def save_config(
    name: ConfigName, asked: ConfigSave, user: Operator, recipes: Service
) -> ConfigSaved:
    return _shown_saved(await recipes.save(name, asked, user.username), user)


@config_router.delete(
    "/{name}",
    operation_id="deleteConfig",
    dependencies=[Depends(OPERATORS)],
    summary="Delete a config that no deployment uses",
    status_code=204,
    responses={409: {"description": "Deployments use it."}},
)
async def delete_config(name: ConfigName, recipes: Service) -> None:
    await recipes.delete(name)


@config_router.get(
    "/{name}/versions",
    operation_id="listConfigVersions",
    summary="List a config's versions, newest first",
)
async def list_config_versions(
    name: ConfigName,
    recipes: Service,
    user: Anyone,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[ConfigVersion]:
    page = await recipes.versions(name, limit, cursor)
    return page.model_copy(update={"items": [_shown(version, user) for version in page.items]})


@config_router.get(
    "/{name}/versions/{version}", operation_id="getConfigVersion", summary="Read one version"
)
async def get_config_version(
    name: ConfigName,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    recipes: Service,
    user: Anyone,
) -> ConfigVersion:
    return _shown(await recipes.version(name, version), user)


@config_router.get(
    "/{name}/diff",
    operation_id="diffConfigVersions",
    summary="Compare two versions; by default, the newest with the one before",
)
async def diff_config_versions(
    name: ConfigName,
    recipes: Service,
    user: Anyone,
    before: Annotated[Version, Query(alias="from")] = None,
    after: Annotated[Version, Query(alias="to")] = None,
) -> ConfigDiff:
    diff = await recipes.diff(name, before, after)
    changes = [shown_change(c, with_values=_sees_values(user)) for c in diff.changes]
    return diff.model_copy(update={"changes": changes})


@config_router.post(
    "/{name}/clone",
    operation_id="cloneConfig",
    summary="Copy a config under a new name",
    status_code=201,
    responses={409: {"description": "The name is taken."}},
)
async def clone_config(
    name: ConfigName, asked: ConfigClone, user: Operator, recipes: Service
) -> Config:
    return _shown(await recipes.clone(name, asked, user.username), user)


@config_router.post(
    "/{name}/rollback",
    operation_id="rollBackConfig",
    summary="Make a new version that is equal to an old one",
)
async def roll_back_config(
    name: ConfigName, asked: ConfigRollback, user: Operator, recipes: Service
) -> ConfigSaved:
    return _shown_saved(await recipes.roll_back(name, asked, user.username), user)


@config_router.get(
    "/{name}/export", operation_id="exportConfig", summary="Export a config as a file"
)
async def export_config(
    name: ConfigName, recipes: Service, response: Response, user: Anyone, version: Version = None
) -> ConfigFile:
    exported = await recipes.export(name, version)
    _name_file(response, exported.name)
    return shown_recipe(exported, with_values=_sees_values(user))


def _sees_values(user: Principal) -> bool:
    """Whether a user may see values of the environment: those may who can change them."""
    return user.role in OPERATORS.roles


def _shown(view: _View, user: Principal) -> _View:
    recipe = shown_recipe(view.recipe, with_values=_sees_values(user))
    return view.model_copy(update={"recipe": recipe})


def _shown_saved(saved: ConfigSaved, user: Principal) -> ConfigSaved:
    return saved.model_copy(update={"config": _shown(saved.config, user)})


def _name_file(response: Response, name: str) -> None:
    """Have a browser keep the answer as a file of this name."""
    response.headers["content-disposition"] = f'attachment; filename="{name}.json"'
