"""Real receivers are told: once, signed, again after failures, and nobody in a silence."""

import hashlib
import hmac
import json
import secrets
from email import message_from_bytes
from email.message import Message
from email.policy import default as policy
from typing import cast

import pytest

from monitoring.alerts.room import OPERATOR, Mailbox, Room, disk, webhook
from support.http_server import Exchange, HttpServer
from vllm_manager.kit.errors import Problem
from vllm_manager.monitoring.alerts.schemas import (
    Receiver,
    ReceiverChange,
    ReceiverRequest,
    SilenceRequest,
)

SECRET = secrets.token_urlsafe(20)


async def low(room: Room) -> None:
    """Let the disk run low for long enough."""
    await room.look(disks=disk(8))
    await room.look(30, disks=disk(8))


async def enough(room: Room) -> None:
    await room.look(5, disks=disk(50))
    await room.look(31, disks=disk(50))


async def the_only(room: Room) -> Receiver:
    [receiver] = (await room.receivers.all()).items
    return receiver


async def test_a_webhook_is_told_of_the_beginning_and_the_end(room: Room, web: HttpServer) -> None:
    await webhook(room, web.url)
    await low(room)
    await room.delivering.step()
    await room.delivering.step()  # once is enough
    await enough(room)
    await room.delivering.step()
    told = [exchange.json for exchange in web.exchanges]
    assert [(t["event"], t["alert"]["rule"]) for t in told] == [
        ("fired", "disk_low"),
        ("resolved", "disk_low"),
    ]
    assert web.exchanges[0].path == "/hooks/s3cr3t"
    assert told[0]["text"].startswith("The disk of models is nearly full\n8.0 of 100 GiB")
    assert told[1]["text"].startswith("Over: The disk")
    assert told[0]["url"] == "https://models.example.com/alerts"
    receiver = await the_only(room)
    assert (receiver.waiting, receiver.delivered_at) == (0, room.clock.now())


async def test_what_is_sent_is_signed(room: Room, web: HttpServer) -> None:
    secret = SECRET
    await webhook(room, web.url, secret=secret)
    await low(room)
    await room.delivering.step()
    [exchange] = web.exchanges
    wanted = hmac.new(secret.encode(), exchange.body, hashlib.sha256).hexdigest()
    assert exchange.headers["x-vllm-manager-signature"] == f"sha256={wanted}"


async def test_a_mail_arrives_encrypted_and_with_a_login(room: Room, mailbox: Mailbox) -> None:
    asked = ReceiverRequest(name="mail", kind="email", target="ops@example.com")
    await room.receivers.create(asked)
    await low(room)
    await room.delivering.step()
    [envelope] = mailbox.mails
    assert envelope.rcpt_tos == ["ops@example.com"]
    mail = cast("Message", message_from_bytes(envelope.content or b"", policy=policy))  # type: ignore[arg-type]
    assert mail["Subject"] == "[vLLM Manager] The disk of models is nearly full"
    assert mail["From"] == "manager@example.com"
    assert "8.0 of 100 GiB" in str(mail.get_payload(decode=True))


async def test_a_mail_server_that_refuses_is_quoted(room: Room, mailbox: Mailbox) -> None:
    mailbox.change_password()
    asked = ReceiverRequest(name="mail", kind="email", target="ops@example.com")
    receiver = await room.receivers.create(asked)
    with pytest.raises(Problem) as refused:
        await room.receivers.test(receiver.id)
    assert refused.value.code == "not_delivered"
    assert "535" in str(refused.value)
    assert mailbox.first_password not in str(refused.value)


async def test_what_did_not_arrive_is_sent_again_with_the_same_id(
    room: Room, web: HttpServer
) -> None:
    fails = [True, True]

    async def unsteady(exchange: Exchange) -> None:
        exchange.reply_json({}, 500 if fails and fails.pop() else 200)

    web.handler = unsteady
    await webhook(room, web.url)
    await low(room)
    await room.delivering.step()
    await room.delivering.step()  # not yet: it waits for ten seconds
    assert len(web.exchanges) == 1
    assert "answered 500" in ((await the_only(room)).last_error or "")
    room.clock.advance(10)
    await room.delivering.step()
    room.clock.advance(19)
    await room.delivering.step()
    assert len(web.exchanges) == 2
    room.clock.advance(1)
    await room.delivering.step()
    assert len({exchange.json["id"] for exchange in web.exchanges}) == 1
    receiver = await the_only(room)
    assert (receiver.waiting, receiver.last_error) == (0, None)


async def test_a_receiver_that_is_gone_for_a_day_is_given_up(room: Room, web: HttpServer) -> None:
    await webhook(room, web.url)
    await low(room)
    await web.kill()
    await room.delivering.step()
    assert (await the_only(room)).waiting == 1
    room.clock.advance(86_400)
    await room.delivering.step()
    receiver = await the_only(room)
    assert receiver.waiting == 0
    assert "can't be reached" in (receiver.last_error or "")


async def test_nobody_is_told_in_a_silence_nor_afterwards(room: Room, web: HttpServer) -> None:
    await webhook(room, web.url)
    await room.alerts.silence(OPERATOR, SilenceRequest(seconds=60, reason="Maintenance."))
    await low(room)
    await room.look(60, disks=disk(8))
    await room.delivering.step()
    assert web.exchanges == []


async def test_a_receiver_hears_what_is_bad_enough_for_it(room: Room, web: HttpServer) -> None:
    await webhook(room, web.url, least_severity="critical")
    await low(room)
    await room.delivering.step()
    assert web.exchanges == []
    await room.look(5, disks=disk(1))  # it got worse
    await room.delivering.step()
    assert [e.json["alert"]["severity"] for e in web.exchanges] == ["critical"]


async def test_a_receiver_that_is_off_hears_nothing_of_what_begins(
    room: Room, web: HttpServer
) -> None:
    receiver = await webhook(room, web.url)
    await room.receivers.change(receiver.id, ReceiverChange(is_enabled=False))
    await low(room)
    await room.delivering.step()
    assert web.exchanges == []


async def test_a_test_message_says_that_it_is_one(room: Room, web: HttpServer) -> None:
    receiver = await webhook(room, web.url)
    await room.receivers.test(receiver.id)
    assert web.exchanges[0].json["text"].startswith("Test: Alerts reach you here")


async def test_addresses_and_secrets_are_never_shown(room: Room, web: HttpServer) -> None:
    await webhook(room, web.url, secret=SECRET)
    receiver = await the_only(room)
    assert receiver.target == f"{web.url}/…"
    assert receiver.is_signed
    assert "s3cr3t" not in receiver.model_dump_json()


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://169.254.169.254/latest", "refused"),
        ("http://[fe80::1]/x", "refused"),
        ("http://[::ffff:169.254.169.254]/x", "refused"),
        ("http://0.0.0.0/x", "refused"),
        ("http://8.8.8.8/x", "use https"),
        ("http://no-such-host.invalid/x", "can't be looked up"),
    ],
)
async def test_places_that_must_not_be_asked_are_refused(room: Room, url: str, word: str) -> None:
    receiver = await webhook(room, url)
    with pytest.raises(Problem) as refused:
        await room.receivers.test(receiver.id)
    assert word in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("webhook", "file:///etc/passwd"),
        ("webhook", "https://user:password@example.com/x"),
        ("webhook", "https://"),
        ("webhook", "https://[::1"),
        ("webhook", "https://example.com/\nHost: evil"),
        ("email", "nobody"),
        ("email", "a@b\r\nBcc: everybody@example.com"),
        ("email", "a@example.com,b@example.com"),
    ],
)
async def test_what_is_no_address_is_refused(room: Room, kind: str, target: str) -> None:
    body = {"name": "on-call", "kind": kind, "target": target}
    with pytest.raises(Problem) as refused:
        await room.receivers.create(ReceiverRequest.model_validate(body))
    assert refused.value.details.errors[0].field == "target"


async def test_a_redirect_is_not_followed(room: Room, web: HttpServer) -> None:
    async def away(exchange: Exchange) -> None:
        exchange.reply(302, b"", location="http://169.254.169.254/")

    web.handler = away
    receiver = await webhook(room, web.url)
    with pytest.raises(Problem, match="answered 302"):
        await room.receivers.test(receiver.id)
    assert len(web.exchanges) == 1
    assert json.loads(web.exchanges[0].body)["event"] == "test"
