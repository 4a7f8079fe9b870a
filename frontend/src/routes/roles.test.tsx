/** Pages of deployments, configs, models, downloads and settings offer a role what the server lets it do, and nothing that would be refused. */

import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { Role } from "@/api/types";
import { Restricted } from "@/components/restricted";
import { ConfigsPage } from "@/features/configs/list-page";
import { ListPage } from "@/features/deployments/list-page";
import { DownloadsPage } from "@/features/downloads/downloads-page";
import { LibraryPage } from "@/features/models/library-page";
import { SettingsPage } from "@/features/settings/settings-page";
import { showPage } from "@/test/page";
import { aDeployment } from "@/test/samples";
import { api, server } from "@/test/server";

const list = (items: unknown[]) => () => HttpResponse.json({ items, next_cursor: null });
const CONFIG = {
  name: "chat",
  version: 1,
  description: null,
  model: "acme/tiny",
  revision: null,
  message: null,
  author: null,
  created_at: "2026-11-23T10:00:00Z",
  updated_at: "2026-11-23T10:00:00Z",
  used_by: [],
};
const MODEL = {
  id: "acme/tiny",
  repo: "acme/tiny",
  revisions: ["main"],
  commit: null,
  state: "complete",
  size_bytes: 10,
  freed_bytes: 10,
  files_count: 1,
  used_by: [],
  last_used_at: null,
  reasons: [],
};
const DOWNLOAD = {
  id: "dl_1",
  repo: "acme/tiny",
  revision: "main",
  state: "running",
  files_done: 0,
  files_total: 1,
  created_at: "2026-11-23T10:00:00Z",
  priority: 0,
};
const PAGES: [string, () => React.ReactNode, string, string[]][] = [
  ["deployments", () => <ListPage view={{}} onView={() => {}} />, "demo", ["Deploy a model"]],
  ["configs", ConfigsPage, "chat", ["Import", "New config"]],
  [
    "library",
    () => <LibraryPage unused={false} onUnused={() => {}} />,
    "acme/tiny",
    ["Import a folder", "Delete"],
  ],
  ["downloads", DownloadsPage, "acme/tiny", ["Pause"]],
  ["settings", SettingsPage, "Settings", ["Save"]],
];

function answerAs(role: Role) {
  server.use(
    http.get(api("/auth/me"), () =>
      HttpResponse.json({
        user: { id: "usr_1", username: "ada", role },
        teams: [],
        csrf_token: null,
        expires_at: null,
      }),
    ),
    http.get(api("/deployments"), list([aDeployment()])),
    http.get(api("/configs"), list([CONFIG])),
    http.get(api("/models"), list([MODEL])),
    http.get(api("/models/adoptable"), list([])),
    http.get(api("/downloads"), list([DOWNLOAD])),
    http.get(api("/catalog/token"), () => HttpResponse.json({ scope: "user", is_set: false })),
    http.get("http://127.0.0.1:8800/version", () => HttpResponse.json({ version: "1" })),
  );
}

function offered(): string[] {
  const all = [...screen.queryAllByRole("button"), ...screen.queryAllByRole("link")];
  return all.map((one) => one.textContent ?? "");
}

for (const [name, page, proof, actions] of PAGES) {
  test(`${name}: an operator has its actions, a member and a viewer have none`, async () => {
    for (const role of ["operator", "member", "viewer"] as const) {
      answerAs(role);
      const { unmount } = showPage(page);
      expect((await screen.findAllByText(proof)).length).toBeGreaterThan(0);
      await waitFor(() => {
        const found = offered().filter((words) => actions.includes(words));
        if (role === "operator") expect(new Set(found)).toEqual(new Set(actions));
        else expect(found).toEqual([]);
      });
      unmount();
    }
  });
}

test("a page of which everything would be refused says whom it is for", async () => {
  answerAs("viewer");
  showPage(() => <Restricted right="operate">the form</Restricted>);
  expect(await screen.findByText(/role administrator or operator/)).toBeTruthy();
  expect(screen.queryByText("the form")).toBeNull();
});
