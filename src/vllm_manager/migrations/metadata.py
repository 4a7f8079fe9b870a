"""Every room's tables in one place, for Alembic to compare with."""

from vllm_manager.audit import tables as audit_tables
from vllm_manager.auth import tables as auth_tables
from vllm_manager.catalog import tables as catalog_tables
from vllm_manager.configs import tables as config_tables
from vllm_manager.db import Base, lease
from vllm_manager.deployments import tables as deployment_tables
from vllm_manager.downloads import tables as download_tables
from vllm_manager.limits import tables as limits_tables
from vllm_manager.limits.policies import tables as policy_tables
from vllm_manager.limits.prices import tables as price_tables
from vllm_manager.monitoring.alerts import tables as alert_tables
from vllm_manager.monitoring.samples import tables as sample_tables
from vllm_manager.operations import tables as operation_tables

# Importing a module registers its tables.
SOURCES = (
    alert_tables,
    audit_tables,
    auth_tables,
    catalog_tables,
    config_tables,
    deployment_tables,
    download_tables,
    lease,
    limits_tables,
    operation_tables,
    policy_tables,
    sample_tables,
    price_tables,
)
METADATA = Base.metadata
