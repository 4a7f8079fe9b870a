"""What a machine's hardware looks like to a client: unknown is null, never 0."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_GIB = 1024**3
_GPU: dict[str, JsonValue] = {
    "vendor": "nvidia",
    "index": 0,
    "uuid": "GPU-5fd4b04e-3c3f-4b0e-9d0c-2f6b7f0a1c11",
    "name": "NVIDIA GeForce RTX 4090",
    "state": "ok",
    "memory_total_bytes": 24 * _GIB,
    "memory_used_bytes": 2 * _GIB,
    "memory_free_bytes": 22 * _GIB,
    "is_memory_unified": False,
    "cores": None,
    "compute_capability": "8.9",
    "utilization_percent": 12.0,
    "memory_utilization_percent": 3.0,
    "temperature_celsius": 41.0,
    "power_watts": 61.4,
    "power_limit_watts": 450.0,
    "clocks": {
        "graphics_mhz": 2520,
        "memory_mhz": 10501,
        "graphics_max_mhz": 3105,
        "memory_max_mhz": 10501,
    },
    "ecc": None,
    "mig": None,
    "pcie": {
        "bus_id": "00000000:01:00.0",
        "generation": 4,
        "max_generation": 4,
        "width": 16,
        "max_width": 16,
    },
    "numa_node": 0,
    "processes": [
        {
            "pid": 4720,
            "name": "VLLM::EngineCore",
            "memory_used_bytes": 2 * _GIB,
            "mig_gpu_instance": None,
            "ours": True,
        }
    ],
    "used_by": ["demo"],
}


class NumaNode(BaseModel):
    """A group of CPUs with the memory that is near to them."""

    index: int
    cpus: list[int] = Field(description="Numbers of its logical CPUs.")
    memory_total_bytes: int | None


class Cpu(BaseModel):
    """The machine's processors."""

    name: str | None
    vendor: str | None
    architecture: str = Field(description="`x86_64`, `arm64`…")
    sockets: int | None
    cores: int | None = Field(description="Physical cores of all sockets.")
    threads: int | None = Field(description="Logical CPUs of the machine.")
    usable_cpus: float | None = Field(
        description="Logical CPUs that this process may use: affinity and the container's quota."
    )
    performance_cores: int | None = Field(description="Of Apple's chips; null elsewhere.")
    efficiency_cores: int | None = Field(description="Of Apple's chips; null elsewhere.")
    numa_nodes: list[NumaNode] | None
    instruction_sets: list[str] | None = Field(
        description="Those that matter to an engine: `avx2`, `avx512f`, `amx_tile`, `neon`…"
    )


class Memory(BaseModel):
    """The machine's memory, as far as this process may use it."""

    total_bytes: int | None = Field(description="The container's limit where that is lower.")
    available_bytes: int | None = Field(
        description="What programs can still take without swapping, within the container's limit."
    )
    machine_total_bytes: int | None = Field(description="What is built in.")
    limit_bytes: int | None = Field(description="The container's limit; null where there is none.")
    swap_total_bytes: int | None
    swap_free_bytes: int | None
    is_unified: bool = Field(description="The GPU uses this memory, too.")


class Host(BaseModel):
    """The machine that the control plane runs on."""

    hostname: str
    os_name: str | None = Field(description="`macOS`, `Debian GNU/Linux`…")
    os_version: str | None
    kernel_version: str | None
    model: str | None = Field(description="The manufacturer's name of the machine.")
    cpu: Cpu
    memory: Memory


class GpuProcess(BaseModel):
    """A process that holds memory of a GPU."""

    pid: int
    name: str | None
    memory_used_bytes: int | None = Field(
        description="Null where the driver does not say, as in some containers."
    )
    mig_gpu_instance: int | None = Field(description="In which MIG instance; null elsewhere.")
    ours: bool | None = Field(
        description="Whether it belongs to a deployment of this product; null where the process "
        "can't be seen from here."
    )


class GpuClocks(BaseModel):
    """Clocks now, and the highest there are."""

    graphics_mhz: int | None
    memory_mhz: int | None
    graphics_max_mhz: int | None
    memory_max_mhz: int | None


class GpuEcc(BaseModel):
    """Error correction of the GPU's memory."""

    is_enabled: bool
    is_enabled_after_reboot: bool | None
    corrected_errors: int | None = Field(description="Since the driver was loaded.")
    uncorrected_errors: int | None = Field(description="Since the driver was loaded.")


class MigInstance(BaseModel):
    """A part of a GPU that works as a GPU of its own."""

    index: int
    uuid: str | None
    name: str | None = Field(description="Its profile, as `1g.10gb`.")
    gpu_instance: int | None
    compute_instance: int | None
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    memory_free_bytes: int | None


class GpuMig(BaseModel):
    """Whether the GPU is split into instances, and which."""

    is_enabled: bool
    is_enabled_after_reset: bool | None
    instances: list[MigInstance]


class GpuPcie(BaseModel):
    """How the GPU is plugged in. Generation and width sink while it is idle."""

    bus_id: str | None
    generation: int | None
    max_generation: int | None
    width: int | None = Field(description="Lanes.")
    max_width: int | None


class Gpu(BaseModel):
    """One GPU. Each field is null where the driver or the GPU does not know it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GPU]})

    vendor: Literal["nvidia", "apple"]
    index: int
    uuid: str | None
    name: str | None
    state: Literal["ok", "lost", "failed"] = Field(
        description="`lost`: it has fallen off the bus; `failed`: it does not answer. `problems` "
        "of the snapshot says why."
    )
    memory_total_bytes: int | None
    memory_used_bytes: int | None = Field(description="By every process, and the driver's own.")
    memory_free_bytes: int | None
    is_memory_unified: bool | None = Field(description="Its memory is the machine's own memory.")
    cores: int | None = Field(description="GPU cores of Apple's chips; null elsewhere.")
    compute_capability: str | None = Field(description="As `8.9`.")
    utilization_percent: float | None
    memory_utilization_percent: float | None = Field(
        description="Share of time in which memory was read or written."
    )
    temperature_celsius: float | None
    power_watts: float | None
    power_limit_watts: float | None
    throttled_by: list[Literal["heat", "power", "hardware"]] | None = Field(
        default=None,
        description="What slows it down now: `heat`, `power` (its limit, or the supply), or "
        "`hardware`, which does not say which. Null where it does not tell.",
    )
    clocks: GpuClocks | None
    ecc: GpuEcc | None = Field(description="Null where the GPU has no ECC.")
    mig: GpuMig | None = Field(description="Null where the GPU can't be split.")
    pcie: GpuPcie | None
    numa_node: int | None
    processes: list[GpuProcess] | None = Field(description="Null where they can't be listed.")
    used_by: list[str] = Field(
        default_factory=list[str], description="Deployments that it was given to, by name."
    )

    @classmethod
    def of(cls, **known: object) -> "Gpu":
        """Return a GPU of which this is known, and nothing else."""
        unknown = [name for name, field in cls.model_fields.items() if field.is_required()]
        return cls.model_validate({**dict.fromkeys(unknown), **known})


class GpuLink(BaseModel):
    """How two GPUs reach each other."""

    first: int = Field(description="Index of a GPU.")
    second: int
    nvlinks: int | None = Field(description="Active NVLink lanes between them, direct or switched.")
    path: Literal["same_board", "one_switch", "switches", "host_bridge", "numa_node", "system"] | (
        None
    ) = Field(description="The nearest that PCIe paths meet; `system` crosses sockets.")


class GpuDriver(BaseModel):
    """The driver of the GPUs."""

    version: str | None
    cuda_version: str | None = Field(description="The newest CUDA that this driver can run.")
    source: Literal["nvml", "nvidia-smi"] = Field(description="What answered.")


class Disk(BaseModel):
    """A file system that the product or its engines keep things on."""

    purpose: Literal["models", "home", "temporary", "shared_memory"] = Field(
        description="`home` holds database, logs and secrets; `temporary` Ray's session and what "
        "engines write for a while."
    )
    path: str
    mount_point: str | None
    filesystem: str | None = Field(description="`ext4`, `nfs4`, `apfs`…")
    total_bytes: int | None
    used_bytes: int | None
    free_bytes: int | None = Field(description="For this user.")


class ProbeProblem(BaseModel):
    """Something that could not be read, and why; everything else is still told."""

    probe: str = Field(description="`nvidia`, `apple`, `host`, `disks`…")
    code: str = Field(description="Stable name: `gpu_lost`, `driver_not_loaded`, `timeout`…")
    detail: str
    gpu_index: int | None = Field(default=None, description="The GPU that it is about.")
    used_by: list[str] = Field(
        default_factory=list[str], description="Deployments that run on that GPU, or did."
    )


class HardwareSnapshot(BaseModel):
    """A machine at one moment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-11-23T10:00:00Z",
                    "platform": "linux",
                    "host": {
                        "hostname": "gpu-a",
                        "os_name": "Debian GNU/Linux",
                        "os_version": "12",
                        "kernel_version": "6.1.0-18-amd64",
                        "model": None,
                        "cpu": {
                            "name": "AMD Ryzen 9 7950X 16-Core Processor",
                            "vendor": "AuthenticAMD",
                            "architecture": "x86_64",
                            "sockets": 1,
                            "cores": 16,
                            "threads": 32,
                            "usable_cpus": 32.0,
                            "performance_cores": None,
                            "efficiency_cores": None,
                            "numa_nodes": None,
                            "instruction_sets": ["avx2", "avx512f", "avx512_vnni"],
                        },
                        "memory": {
                            "total_bytes": 64 * _GIB,
                            "available_bytes": 51 * _GIB,
                            "machine_total_bytes": 64 * _GIB,
                            "limit_bytes": None,
                            "swap_total_bytes": 0,
                            "swap_free_bytes": 0,
                            "is_unified": False,
                        },
                    },
                    "driver": {"version": "570.86.15", "cuda_version": "12.8", "source": "nvml"},
                    "gpus": [_GPU],
                    "gpu_links": [],
                    "disks": [
                        {
                            "purpose": "models",
                            "path": "/srv/models",
                            "mount_point": "/srv",
                            "filesystem": "ext4",
                            "total_bytes": 2000 * _GIB,
                            "used_bytes": 700 * _GIB,
                            "free_bytes": 1300 * _GIB,
                        }
                    ],
                    "problems": [],
                }
            ]
        }
    )

    at: datetime
    platform: Literal["linux", "macos", "other"]
    host: Host
    driver: GpuDriver | None = Field(description="Null where there is no NVIDIA driver.")
    gpus: list[Gpu]
    gpu_links: list[GpuLink]
    disks: list[Disk]
    problems: list[ProbeProblem]
