import { describe, expect, test } from "vitest";
import type { Alert } from "@/api/gen";
import { byUrgency, forOverview } from "./order";

const alert = (id: string, more: Partial<Alert>): Alert => ({
  id,
  rule: "disk_low",
  subject: "/srv",
  severity: "warning",
  title: id,
  detail: "",
  deployment: null,
  remediation: [],
  since: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  resolved_at: null,
  acknowledged_at: null,
  acknowledged_by: null,
  note: null,
  silenced_until: null,
  is_known: true,
  ...more,
});

describe("alerts", () => {
  test("stand by severity, then the newest first; what somebody sees to comes last", () => {
    const order = byUrgency([
      alert("seen", { severity: "critical", acknowledged_by: "ada" }),
      alert("old", {}),
      alert("new", { since: "2026-01-02T00:00:00Z" }),
      alert("notice", { severity: "info" }),
      alert("worst", { severity: "critical" }),
    ]);
    expect(order.map((a) => a.id)).toEqual(["worst", "new", "old", "notice", "seen"]);
  });

  test("of deployments are left to their own cards", () => {
    const shown = forOverview([alert("a", { rule: "deployment_failed" }), alert("b", {})]);
    expect(shown.map((a) => a.id)).toEqual(["b"]);
  });

  test("of a deployment that starts again and again are shown: it has no card", () => {
    const shown = forOverview([alert("a", { rule: "deployment_restarting" })]);
    expect(shown.map((a) => a.id)).toEqual(["a"]);
  });
});
