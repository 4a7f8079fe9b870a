"""Choosing a replica."""

from vllm_manager.gateway.balance import Endpoint, choose
from vllm_manager.gateway.snapshot import EndpointEntry


def endpoints(*outstanding: int) -> list[Endpoint]:
    made = [Endpoint(EndpointEntry(f"r{i}", f"http://127.0.0.1:{9000 + i}", "s")) for i in range(3)]
    for endpoint, count in zip(made, outstanding, strict=True):
        endpoint.outstanding = count
    return made


def test_the_least_busy_replica_is_chosen() -> None:
    made = endpoints(2, 0, 1)
    assert choose(made, [], 0) is made[1]


def test_ties_are_broken_at_random() -> None:
    made = endpoints(1, 1, 1)
    assert {choose(made, [], 0) for _ in range(200)} == set(made)


def test_a_replica_that_was_tried_is_not_chosen_again() -> None:
    made = endpoints(0, 1, 2)
    assert choose(made, made[:1], 0) is made[1]
    assert choose(made, made, 0) is None
    assert choose(made[:1], made[:1], 0) is None


def test_a_failing_replica_is_set_aside_and_comes_back_later() -> None:
    made = endpoints(0, 5, 5)
    made[0].failed(now=100)
    assert choose(made, [], 100.1) is not made[0]
    assert choose(made, [], 100.6) is made[0]


def test_failing_again_sets_aside_for_longer_up_to_ten_seconds() -> None:
    endpoint = endpoints(0, 0, 0)[0]
    pauses: list[float] = []
    for _ in range(8):
        endpoint.failed(now=0)
        pauses.append(endpoint.aside_until)
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 10]
    endpoint.succeeded()
    assert endpoint.aside_until == 0


def test_replicas_set_aside_are_used_where_nothing_else_is_left() -> None:
    made = endpoints(3, 1, 2)
    for endpoint in made:
        endpoint.failed(now=0)
    assert choose(made, [], 0) is made[1]


def test_the_secret_and_the_host_go_with_each_request() -> None:
    endpoint = endpoints(0, 0, 0)[0]
    assert b"x-engine-secret: s\r\n" in endpoint.preamble
    assert b"host: 127.0.0.1:9000\r\n" in endpoint.preamble
    assert endpoint.target == ("127.0.0.1", 9000)
