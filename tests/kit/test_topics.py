"""The hub: who gets which message, what can be replayed, what a slow reader loses."""

from vllm_manager.kit.topics import Hub


def ids(messages: object) -> list[int]:
    assert isinstance(messages, list)
    return [message.id for message in messages]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


async def test_a_subscriber_gets_messages_of_its_topics_in_order():
    hub = Hub("epoch")
    subscription = hub.subscribe({"a", "b"})
    for topic in ("a", "other", "b"):
        hub.publish(topic, "event", {"topic": topic})
    assert [m.topic for m in await subscription.wait(1)] == ["a", "b"]


async def test_a_subscriber_gets_nothing_from_before_it_came():
    hub = Hub("epoch")
    hub.publish("a", "event", {})
    assert await hub.subscribe({"a"}).wait(0) == []


async def test_a_wait_ends_with_the_first_message():
    hub = Hub("epoch")
    subscription = hub.subscribe({"a"})
    hub.publish("a", "event", {})
    assert ids(await subscription.wait(3600)) == [1]


async def test_a_closed_subscription_is_forgotten_and_closing_twice_is_fine():
    hub = Hub("epoch")
    subscription = hub.subscribe({"a"})
    subscription.close()
    subscription.close()
    assert hub.subscriber_count == 0


async def test_a_slow_reader_loses_all_that_was_queued_and_is_told_so():
    hub = Hub("epoch")
    slow, quick = hub.subscribe({"a"}, capacity=2), hub.subscribe({"a"}, capacity=10)
    for _ in range(3):
        hub.publish("a", "event", {})
    assert slow.lost
    assert ids(await slow.wait(0)) == [3]
    assert not quick.lost
    assert ids(await quick.wait(0)) == [1, 2, 3]


def test_what_came_after_an_id_is_replayed_for_the_topics_asked_for():
    hub = Hub("epoch")
    for topic in ("a", "b", "a"):
        hub.publish(topic, "event", {})
    assert ids(hub.replay(0, {"a"})) == [1, 3]
    assert ids(hub.replay(1, {"a", "b"})) == [2, 3]
    assert hub.replay(3, {"a"}) == []


def test_a_past_that_is_too_short_is_not_replayed_in_part():
    hub = Hub("epoch", past=2)
    for _ in range(5):
        hub.publish("a", "event", {})
    assert hub.replay(2, {"a"}) is None
    assert ids(hub.replay(3, {"a"})) == [4, 5]


def test_ids_that_this_hub_never_gave_are_not_replayed():
    hub = Hub("epoch")
    hub.publish("a", "event", {})
    assert hub.replay(7, {"a"}) is None
    assert hub.replay(-5, {"a"}) is None
