import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { showPage } from "@/test/page";
import { aDeployment, anOperation, aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import { ErrorBanner } from "./banners";

const remediation = [
  { label: "Stop other", action: "stop" as const, arguments: { name: "other" } },
  { label: "Set a token", action: "set_token" as const, arguments: { scope: "installation" } },
];
const failed = aDeployment({
  phase: "failed",
  desired: "running",
  last_error: aProblem({ remediation }),
});

function serve(role: string, asked: string[]) {
  const done = { deployment: failed, operation: anOperation({ status: "succeeded" }) };
  server.use(
    http.get(api("/auth/me"), () => HttpResponse.json({ user: { role }, csrf_token: "c" })),
    http.post(api("/deployments/:name/:verb"), ({ params }) => {
      asked.push(`${params.verb} ${params.name}`);
      return HttpResponse.json(done, { status: 202 });
    }),
  );
}

test("another deployment has stopped before this one is started again", async () => {
  const asked: string[] = [];
  serve("operator", asked);
  showPage(() => <ErrorBanner deployment={failed} />);
  await userEvent.click(await screen.findByRole("button", { name: "Stop other" }));
  await userEvent.click(screen.getByRole("button", { name: "Stop it" }));
  await waitFor(() => expect(asked).toEqual(["stop other", "restart demo"]));
});

test("the installation's token is set by administrators alone", async () => {
  serve("operator", []);
  showPage(() => <ErrorBanner deployment={failed} />);
  await screen.findByRole("button", { name: "Stop other" });
  await waitFor(() =>
    expect(screen.queryByRole("button", { name: "Set a Hugging Face token" })).toBeNull(),
  );
  expect(screen.getByText("Set a token")).toBeTruthy();
});
