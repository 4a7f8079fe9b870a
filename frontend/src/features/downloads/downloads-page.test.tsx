import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { DownloadsPage } from "./downloads-page";

const MANY = 450;
const DONE = {
  id: "dl_1",
  repo: "acme/many",
  revision: "main",
  state: "succeeded",
  stalled: false,
  priority: 0,
  bytes_done: MANY,
  bytes_total: MANY,
  bytes_per_second: null,
  files_done: MANY,
  files_total: MANY,
  created_at: "2026-11-23T10:00:00Z",
  created_by: null,
  message: null,
  error: null,
};

test("all files of a download can be seen, page by page, and how many are still hidden", async () => {
  server.use(
    http.get(api("/downloads"), () => HttpResponse.json({ items: [DONE], next_cursor: null })),
    http.get(api("/downloads/dl_1/files"), ({ request }) => {
      const asked = new URL(request.url).searchParams;
      const from = Number(asked.get("cursor") ?? 0);
      const to = Math.min(MANY, from + Number(asked.get("limit")));
      const items = Array.from({ length: to - from }, (_, n) => ({
        path: `part-${from + n}`,
        size_bytes: 1,
        bytes_done: 1,
        state: "done",
      }));
      return HttpResponse.json({ items, next_cursor: to < MANY ? String(to) : null });
    }),
  );
  showPage(DownloadsPage);
  await userEvent.click(await screen.findByRole("button", { name: "Files" }));
  await screen.findByText("part-199");
  expect(screen.queryByText("part-200")).toBeNull();
  for (const hidden of [250, 50])
    await userEvent.click(
      await screen.findByRole("button", { name: `Show more: ${hidden} are not shown` }),
    );
  expect(await screen.findByText("part-449")).toBeTruthy();
  await waitFor(() => expect(screen.queryByRole("button", { name: /Show more/ })).toBeNull());
});
