"""The network: the hub that models come from, and the ranks that compute together."""

from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.rule import Rule, rule

_CORE_KILLED: Final = "The engine's computing process was killed before it could say why."


def _was_told_to_end(case: Case, at: int) -> bool:
    """Return whether the server was ending in order when it said the line at `at`.

    It ends its core first, and then complains that the core is dead.
    """
    told = case.said("[shutdown] API server: shutdown triggered")
    return told is not None and told < at


HUB: Final[tuple[Rule, ...]] = (
    rule(
        "model_gated",
        r"GatedRepoError|access a gated repo|gated repo",
        "The model is gated: its licence must be accepted on the hub, and a token of that account "
        "set "
        "here.",
    ),
    rule(
        "token_rejected",
        r"Invalid user token|Invalid credentials in Authorization header|User Access Token .* is "
        r"expired",
        "The hub rejects the token that is set here: it was mistyped, revoked, or has expired. Set "
        "another one.",
    ),
    rule(
        "revision_not_found",
        r"RevisionNotFoundError|(?P<name>\S+) is not a valid git identifier",
        "The hub has the model, but not this revision {name}. Correct the revision, or take it "
        "out.",
    ),
    rule(
        "model_not_found",
        r"RepositoryNotFoundError|(?P<name>\S+) is not a local folder and is not a valid model "
        r"identifier",
        "The hub knows no model of this name {name}, or shows it only to a token that may see it. "
        "Correct the name, or set a token.",
    ),
    rule(
        "hub_limited",
        r"429 Too Many Requests|HTTP Error 429",
        "The hub asks to slow down (429): too many requests came from here. Wait some minutes; "
        "with a "
        "token more is allowed.",
    ),
    rule(
        "hub_unreachable",
        r"We couldn't connect to '(?P<hub>[^']*)'|LocalEntryNotFoundError|OfflineModeIsEnabled|"
        r"outgoing traffic has been disabled|Max retries exceeded with url",
        "The hub {hub} can't be reached from this node, or the engine is offline "
        "(HF_HUB_OFFLINE), and "
        "the model is not on its disk. Download the model first, or mend the connection.",
        standing="general",
    ),
    rule(
        "hub_refused",
        r"(?:401|403) Client Error|Client error '(?P<status>40[13])",
        "The hub refuses to hand out the model. Check that the token set here may read it.",
        standing="general",
    ),
)

RANKS: Final[tuple[Rule, ...]] = (
    rule(
        "nccl_failed",
        r"(?:NCCL error|ncclSystemError|ncclUnhandledCudaError|ncclInternalError|ncclInvalidUsage)"
        r"(?::? (?P<why>[^\n]{3,160}))?",
        "The GPUs could not join for computing together (NCCL): {why} With NCCL_DEBUG=INFO in the "
        "deployment's environment the log says more; NCCL_P2P_DISABLE=1 and NCCL_IB_DISABLE=1 "
        "rule out "
        "the links between them.",
    ),
    rule(
        "ranks_did_not_meet",
        r"Timed out (?:after \d+ seconds )?waiting for clients\. (?P<have>\d+)/(?P<all>\d+) "
        r"clients joined",
        "Only {have} of {all} workers came together in time. One did not start, or a firewall is "
        "between the nodes.",
    ),
    rule(
        "ranks_did_not_meet",
        r"client socket has timed out after (?P<ms>\d+)\s*ms while trying to connect to "
        r"\((?P<where>[^)]*)\)",
        "A worker could not reach the first one at {where} in time. Check that the nodes reach "
        "each "
        "other on every port.",
    ),
    rule(
        "collective_timeout",
        r"Watchdog caught collective operation timeout|DistBackendError.*[Tt]imeout|"
        r"Timed out waiting \d+ms for (?:recv|send) operation",
        "The workers waited for one of them in vain: it hangs, or the link between them does. "
        "Check the "
        "GPUs and links of the nodes (nvidia-smi topo -m).",
    ),
    rule(
        "rank_lost",
        r"Worker proc (?P<name>\S+) died unexpectedly",
        "One of the engine's workers ({name}) died, so the others could not go on. What it printed "
        "before tells why; where it printed nothing it was killed.",
        standing="consequence",
        applies=lambda case, _at: case.asked.tensor_parallel_size > 1,
    ),
    rule(
        "rank_lost",
        r"Connection closed by peer|Connection reset by peer.*rank|ncclRemoteError",
        "A worker lost the connection to another one, which died or whose node was lost.",
        standing="consequence",
    ),
    rule(
        "core_killed",
        r"(?:Engine core|Worker) proc (?P<name>\S+) died unexpectedly|Failed core proc\(s\): \{\}",
        _CORE_KILLED,
        standing="consequence",
    ),
    rule(
        "core_killed",
        r"EngineDeadError: EngineCore encountered an issue",
        _CORE_KILLED,
        standing="consequence",
        applies=lambda case, at: not _was_told_to_end(case, at),
    ),
    rule(
        "warm_up_hangs",
        r"No available shared memory broadcast block found in (?P<seconds>\d+) seconds",
        "A worker did not answer for {seconds} s or more: it compiles for long, or hangs.",
        standing="consequence",
        any_line=True,
    ),
)
