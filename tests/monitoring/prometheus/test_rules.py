"""The shipped configuration and rules, as Prometheus' own tool sees them."""

import re
from pathlib import Path

import pytest

from support.prometheus import SHIPPED, configuration, promtool

pytestmark = pytest.mark.product  # of the set-up for tests with whole processes

RULES = sorted((SHIPPED / "rules").glob("*.yml"))
TESTS = Path(__file__).with_name("rules_test.yml")


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    file = configuration(tmp_path / "prometheus", "127.0.0.1:8800", "vm-key")
    done = promtool("check", "config", file)
    assert done.returncode == 0, done.stderr
    assert f"{len(RULES)} rule files found" in done.stdout


def test_the_rules_are_valid() -> None:
    done = promtool("check", "rules", "--lint-fatal", *RULES)
    assert done.returncode == 0, done.stderr


def test_each_alert_fires_for_what_it_is_for_and_for_nothing_else() -> None:
    alerts = re.findall(r"- alert: (\w+)", (SHIPPED / "rules" / "alerts.yml").read_text())
    assert len(alerts) == 19
    assert [alert for alert in alerts if f'alertname="{alert}"' not in TESTS.read_text()] == []
    done = promtool("test", "rules", TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
