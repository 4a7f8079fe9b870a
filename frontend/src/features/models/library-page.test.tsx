import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { showPage } from "@/test/page";
import { aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import { LibraryPage } from "./library-page";

const USED = {
  id: "acme/used",
  repo: "acme/used",
  revisions: ["main"],
  commit: "0".repeat(40),
  state: "complete",
  size_bytes: 10,
  freed_bytes: 10,
  files_count: 1,
  used_by: ["chat", "search"],
  last_used_at: null,
  reasons: [],
};

test("a model in use can't be deleted, and the page says by whom it is used", async () => {
  server.use(
    http.get(api("/models"), () => HttpResponse.json({ items: [USED], next_cursor: null })),
    http.get(api("/models/adoptable"), () => HttpResponse.json({ items: [], next_cursor: null })),
  );
  showPage(() => <LibraryPage unused={false} onUnused={() => undefined} />);
  expect(await screen.findByText(/delete or change what uses it first: chat, search/)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Delete" })).toHaveProperty("disabled", true);
});

test("what else is on the machine could not be read: that is said, and can be tried again", async () => {
  let isBroken = true;
  const found = {
    repo: "acme/elsewhere",
    folder: "/cache",
    commit: null,
    size_bytes: 10,
    is_adopted: false,
    state: "complete",
    how: "link",
  };
  server.use(
    http.get(api("/models"), () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get(api("/models/adoptable"), () =>
      isBroken
        ? HttpResponse.json(aProblem({ status: 500, detail: "The folder is locked." }), {
            status: 500,
            headers: { "Content-Type": "application/problem+json" },
          })
        : HttpResponse.json({ items: [found], next_cursor: null }),
    ),
  );
  showPage(() => <LibraryPage unused={false} onUnused={() => undefined} />);
  expect((await screen.findByRole("alert")).textContent).toContain("The folder is locked.");
  isBroken = false;
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  expect(await screen.findByText("acme/elsewhere")).toBeTruthy();
  await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
});

test("what no deployment uses can be seen alone, what frees most first", async () => {
  const unused = (repo: string, freed_bytes: number) => ({
    ...USED,
    ...{ id: repo, repo, freed_bytes, used_by: [] },
  });
  const items = [unused("acme/small", 1), USED, unused("acme/large", 5)];
  server.use(
    http.get(api("/models"), () => HttpResponse.json({ items, next_cursor: null })),
    http.get(api("/models/adoptable"), () => HttpResponse.json({ items: [], next_cursor: null })),
  );
  showPage(() => <LibraryPage unused onUnused={() => undefined} />);
  await screen.findByText("acme/large");
  expect(screen.getAllByText(/^acme\//).map((found) => found.textContent)).toEqual([
    "acme/large",
    "acme/small",
  ]);
});
