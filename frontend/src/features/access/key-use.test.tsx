import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { KeyView } from "@/api/gen";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { KeyUse } from "./key-use";

const KEY = { id: "key_1", name: "nightly" } as KeyView;
const USED = {
  model: "demo",
  requests: 12,
  prompt_tokens: 900,
  completion_tokens: 100,
  cost: null,
  currency: null,
};

test("a key's use and every limit that it falls under are shown, each where it can be read", async () => {
  const asked: string[] = [];
  server.use(
    http.get(api("/usage"), ({ request }) => {
      asked.push(new URL(request.url).searchParams.get("key") ?? "");
      return HttpResponse.json({ items: [USED], next_cursor: null });
    }),
    http.get(api("/limits/effective"), () =>
      HttpResponse.json({
        key: "key_1",
        tightest: {},
        items: [
          {
            scope: "team",
            subject: "team_1",
            name: "research",
            limits: { tokens_per_day: 5000 },
            updated_at: null,
            used: { day: "2026-11-23", tokens_today: 1000, tokens_this_month: 2000 },
          },
        ],
      }),
    ),
  );
  showPage(() => <KeyUse one={KEY} onClose={() => {}} />);
  await screen.findByText("12 requests · 1,000 tokens");
  await screen.findByText("Team research");
  await screen.findByText("5,000 tokens/day");
  screen.getByText("used 1,000 tokens today, 2,000 this month");
  expect(asked).toContain("key_1");
});

test("what can't be read says so, with the rest beside it", async () => {
  server.use(
    http.get(api("/usage"), () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get(api("/limits/effective"), () =>
      HttpResponse.json({ title: "No", detail: "No.", code: "no" }, { status: 403 }),
    ),
  );
  showPage(() => <KeyUse one={KEY} onClose={() => {}} />);
  await screen.findByText("Nothing was asked with it.");
  await screen.findByText("The limits could not be read");
});
