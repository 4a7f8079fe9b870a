import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { RequestView } from "@/api/gen";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { Details } from "./details";

const OPEN = {
  id: "req_1",
  deployment: "demo",
  model: "demo",
  replica: null,
  path: "/v1/chat/completions",
  stream: true,
  state: "decode",
  status: null,
  started_at: "2026-11-23T10:00:00Z",
  seconds: 1,
  ttft_seconds: 0.2,
  tokens_per_second: 20,
  prompt_tokens: 4,
  cached_tokens: null,
  completion_tokens: 9,
  user: "usr_1",
  user_name: "ada",
  key: null,
  key_class: "session",
  client: "",
  is_active: true,
  is_current: true,
  is_cancelling: false,
  has_bodies: false,
  worker: "w1",
} as unknown as RequestView;

const me = { user: { id: "usr_1", username: "ada", role: "operator" }, teams: [] };

function answer(request: () => Response) {
  server.use(
    http.get(api("/auth/me"), () => HttpResponse.json(me)),
    http.get(api("/requests/req_1"), request),
  );
}

const show = () =>
  showPage(() => (
    <Details
      request={OPEN}
      unsure={false}
      session={undefined}
      onCancel={() => {}}
      onClose={() => {}}
    />
  ));

test("an open request that has ended meanwhile is shown as it ended, and leads to its log", async () => {
  answer(() =>
    HttpResponse.json({ ...OPEN, state: "done", status: 200, is_active: false, seconds: 3 }),
  );
  show();
  await screen.findByText("done");
  const link = await screen.findByRole("link", { name: "Follow it in the logs" });
  expect(link.getAttribute("href")).toBe("/logs?request=req_1");
});

test("another request of the same id is not taken for it; what can't be asked is in doubt", async () => {
  let works = true;
  answer(() =>
    works
      ? HttpResponse.json({ ...OPEN, started_at: "2026-11-23T11:00:00Z", state: "done" })
      : HttpResponse.json({ title: "No", detail: "No.", code: "no" }, { status: 404 }),
  );
  show();
  await screen.findByText("decode");
  works = false;
  await screen.findByText("decode?");
});
