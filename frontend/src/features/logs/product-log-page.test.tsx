import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { useState } from "react";
import { expect, test } from "vitest";
import type { ProductLogFilter } from "@/api/logs";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { ProductLogPage } from "./product-log-page";

const entry = (id: string) => ({
  id,
  time: "2026-11-23T10:00:00Z",
  process: "gateway",
  message: `line ${id}`,
});

function Page() {
  const [filter, setFilter] = useState<ProductLogFilter>({});
  return <ProductLogPage filter={filter} onFilter={setFilter} />;
}

function answer(log: (asked: URLSearchParams) => Response) {
  server.use(
    http.get(api("/deployments"), () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get(api("/logs"), ({ request }) => log(new URL(request.url).searchParams)),
  );
}

test("one can type on while the lines of the first letters come", async () => {
  const asked: string[] = [];
  answer((search) => {
    asked.push(search.get("q") ?? "");
    return HttpResponse.json({ items: [entry("1")], next_cursor: null });
  });
  showPage(Page);
  const box = await screen.findByLabelText("Text in the line");
  await userEvent.type(box, "time");
  await waitFor(() => expect(asked).toContain("time"));
  expect(document.activeElement).toBe(box);
  await userEvent.type(box, "out");
  await waitFor(() => expect(asked).toContain("timeout"));
  expect((box as HTMLInputElement).value).toBe("timeout");
  expect(document.activeElement).toBe(box);
});

test("lines that can't be read anew stay, and it is said", async () => {
  let works = true;
  answer(() =>
    works
      ? HttpResponse.json({ items: [entry("1")], next_cursor: null })
      : HttpResponse.json({ title: "Away", detail: "Gone.", code: "away" }, { status: 503 }),
  );
  showPage(Page);
  await screen.findByText("1 line");
  works = false;
  await screen.findByText(/This can't be read now/);
  screen.getByText("1 line");
  works = true;
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => expect(screen.queryByText(/This can't be read now/)).toBeNull());
});
