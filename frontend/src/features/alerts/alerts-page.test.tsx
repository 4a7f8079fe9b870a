import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
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
