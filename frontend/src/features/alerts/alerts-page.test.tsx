import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { Alert } from "@/api/gen";
import { ShownSecret } from "@/components/secret";
import { showPage } from "@/test/page";
import { aDeployment, anOperation } from "@/test/samples";
import { api, server } from "@/test/server";
import { AlertCard } from "./alert-card";
import { AlertsPage } from "./alerts-page";
import { OverviewAlerts } from "./overview-alerts";

const none = () => HttpResponse.json({ items: [], next_cursor: null });
const away = () =>
  HttpResponse.json({ title: "Away", detail: "Gone.", code: "away" }, { status: 503 });

function answer(alerts: () => Response) {
  server.use(
    http.get(api("/auth/me"), () =>
      HttpResponse.json({ user: { id: "usr_1", username: "ada", role: "viewer" }, teams: [] }),
    ),
    http.get(api("/alerts"), alerts),
    http.get(api("/alerts/silences"), none),
    http.get(api("/alerts/rules"), none),
  );
}

test("that nothing needs attention is not said once nobody knows", async () => {
  let works = true;
  answer(() => (works ? none() : away()));
  showPage(AlertsPage);
  await screen.findByText("Nothing needs attention");
  works = false;
  await screen.findByText("Nobody knows whether something needs attention");
  expect(screen.queryByText("Nothing needs attention")).toBeNull();
});

test("alerts that can't be read are no absence of alerts on the overview", async () => {
  answer(away);
  showPage(OverviewAlerts);
  await screen.findByText("The alerts could not be read");
  screen.getByRole("button", { name: "Retry" });
});

const alert = (more: Partial<Alert>): Alert => ({
  id: "alr_1",
  rule: "queue_growing",
  subject: "demo",
  severity: "warning",
  title: "The queue of demo grows",
  detail: "8 requests wait.",
  deployment: "demo",
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
const remediation: Alert["remediation"] = [
  { label: "Scale to 2 replicas", action: "scale", arguments: { replicas: 2 } },
  { label: "Restart", action: "restart", arguments: {} },
  { label: "Stop demo", action: "stop", arguments: { name: "demo" } },
  { label: "Open it", action: "open", arguments: { path: "/deployments/demo" } },
];

function serve(role: string): string[] {
  const asked: string[] = [];
  const demo = aDeployment({ phase: "ready" });
  const answer = async (request: Request) => {
    const said = request.method === "PATCH" ? ` ${await request.text()}` : "";
    asked.push(`${request.method} ${new URL(request.url).pathname}${said}`);
  };
  const accepted = { deployment: demo, operation: anOperation() };
  server.use(
    http.get(api("/auth/me"), () => HttpResponse.json({ user: { role }, csrf_token: "c" })),
    http.get(api("/deployments/demo"), () => HttpResponse.json(demo)),
    http.patch(api("/deployments/demo"), async ({ request }) => {
      await answer(request);
      return HttpResponse.json(demo);
    }),
    http.post(api("/deployments/demo/:verb"), async ({ request }) => {
      await answer(request);
      return HttpResponse.json(accepted, { status: 202 });
    }),
    http.post(api("/keys/key_1/rotate"), async ({ request }) => {
      await answer(request);
      return HttpResponse.json({ secret: "vm-new", key: { models: null } }, { status: 201 });
    }),
  );
  return asked;
}

test("an alert's remedies are done by their buttons; what ends requests is asked about", async () => {
  const asked = serve("operator");
  showPage(() => <AlertCard alert={alert({ remediation })} />);
  const press = async (name: RegExp) =>
    userEvent.click(await screen.findByRole("button", { name }));
  await press(/^Scale to 2 replicas/);
  await waitFor(() => expect(asked).toEqual(['PATCH /api/v1/deployments/demo {"replicas":2}']));
  await press(/^Restart:/);
  within(await screen.findByRole("dialog")).getByText(/It serves now/);
  await press(/^Restart it$/);
  await waitFor(() => expect(asked[1]).toBe("POST /api/v1/deployments/demo/restart"));
  await press(/^Stop demo/);
  within(await screen.findByRole("dialog")).getByText(/stays stopped/);
  await press(/^Stop it$/);
  await waitFor(() => expect(asked.slice(2)).toEqual(["POST /api/v1/deployments/demo/stop"]));
});

test("who may not do something is not offered it", async () => {
  serve("member");
  showPage(() => <AlertCard alert={alert({ remediation })} />);
  await screen.findByRole("link", { name: /^Open it/ });
  await waitFor(() => expect(screen.queryByRole("button")).toBeNull());
  expect(screen.queryByText(/Scale to 2 replicas/)).toBeNull();
});

test("a key is rotated from its alert, and shown even when the alert is over", async () => {
  const asked = serve("administrator");
  const rotate = { key_id: "key_1", name: "ci", owner: "ada", days: 30 };
  const one = alert({
    deployment: null,
    remediation: [{ label: "Rotate ci", action: "rotate", arguments: rotate }],
  });
  const { rerender } = showPage(() => (
    <>
      <AlertCard alert={one} />
      <ShownSecret />
    </>
  ));
  await userEvent.click(await screen.findByRole("button", { name: /^Rotate ci/ }));
  const until = screen.getByLabelText<HTMLInputElement>(/^The new key works until/);
  expect(Date.parse(until.value)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  await userEvent.click(screen.getByRole("button", { name: "Rotate" }));
  expect(await screen.findByText("vm-new")).toBeTruthy();
  expect(asked).toEqual(["POST /api/v1/keys/key_1/rotate"]);
  rerender(<ShownSecret />);
  expect(screen.getByText("vm-new")).toBeTruthy();
});
