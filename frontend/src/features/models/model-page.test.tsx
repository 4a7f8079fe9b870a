import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test, vi } from "vitest";
import { showPage } from "@/test/page";
import { aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import { ModelPage } from "./model-page";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const MODEL = {
  model: { repo: "acme/many", dtypes: [], architectures: [], gate: "open" },
  revision: "main",
  commit: COMMIT,
  url: "https://hub.example/acme/many",
  files_count: 230,
  files_bytes: 230,
  weight_format: "safetensors",
  weights_bytes: 1,
  context_tokens: null,
  findings: [],
  source: "hub",
  age_seconds: 0,
};
const FILES = Array.from({ length: 230 }, (_, n) => ({ path: `part-${n}`, size_bytes: 1 }));

function show(revision?: string) {
  const asked: (string | null)[] = [];
  const told = vi.fn();
  server.use(
    http.get(api("/catalog/models/:repo"), ({ request }) => {
      asked.push(new URL(request.url).searchParams.get("revision"));
      return HttpResponse.json(MODEL);
    }),
    http.get(api("/catalog/models/:repo/files"), () =>
      HttpResponse.json({ repo: "acme/many", commit: COMMIT, files: FILES }),
    ),
    http.get(api("/catalog/models/:repo/card"), () => HttpResponse.json({ text: "" })),
    http.post(api("/fit"), () => HttpResponse.json(aProblem(), { status: 422 })),
  );
  showPage(() => <ModelPage repo="acme/many" revision={revision} onRevision={told} />);
  return { asked, told };
}

test("a long list says how many files there are, and shows the rest at a click", async () => {
  show();
  expect(await screen.findByText("part-199")).toBeTruthy();
  expect(screen.queryByText("part-200")).toBeNull();
  expect(screen.getByText(/^230 files/)).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Show 30 more" }));
  expect(screen.getByText("part-229")).toBeTruthy();
  expect(screen.queryByRole("button", { name: /more$/ })).toBeNull();
});

test("the revision of the address is asked for; another one is chosen, and the commit shown", async () => {
  const { asked, told } = show("v1");
  expect(await screen.findByText(COMMIT.slice(0, 12))).toBeTruthy();
  expect(asked).toEqual(["v1"]);
  const field = screen.getByLabelText("Revision");
  expect(field).toHaveProperty("value", "v1");
  await userEvent.clear(field);
  await userEvent.type(field, "v2{Enter}");
  expect(told).toHaveBeenCalledWith("v2");
});
