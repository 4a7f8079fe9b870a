"""The catalog: models that can be had, what is known of them, and the tokens to have them with."""

from vllm_manager.catalog.queries import SearchQuery
from vllm_manager.catalog.schemas import FileEntry, HubFile, Listing, ModelFacts
from vllm_manager.catalog.service import Catalog
from vllm_manager.catalog.tokens import Tokens

__all__ = ["Catalog", "FileEntry", "HubFile", "Listing", "ModelFacts", "SearchQuery", "Tokens"]
