import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { showPage } from "@/test/page";
import { api, server } from "@/test/server";
import { DiscoverPage, type View } from "./discover-page";

const model = (repo: string) => ({
  repo,
  dtypes: ["BF16"],
  architectures: [],
  gate: "open",
  has_safetensors: true,
});
const pageOf = (repos: string[]) =>
  HttpResponse.json({ items: repos.map(model), next_cursor: null, source: "hub", age_seconds: 0 });

/** What the browser would say of rows that come into view: here, the test says it. */
class Views {
  static readonly all = new Set<Views>();
  private element: Element | undefined;
  constructor(private readonly say: (entries: { isIntersecting: boolean }[]) => void) {
    Views.all.add(this);
  }
  observe(element: Element) {
    this.element = element;
  }
  disconnect() {
    Views.all.delete(this);
  }
  static seen(row: Element) {
    for (const one of Views.all)
      if (one.element && row.contains(one.element)) one.say([{ isIntersecting: true }]);
  }
}

function Page({ first, views }: { first: View; views: View[] }) {
  const [view, setView] = useState(first);
  const onView = (next: View) => {
    views.push(next);
    setView(next);
  };
  return <DiscoverPage view={view} onView={onView} />;
}

/** Returns the views that the page asks for. */
function show(first: View = {}): View[] {
  vi.stubGlobal("IntersectionObserver", Views);
  const views: View[] = [];
  showPage(() => <Page first={first} views={views} />);
  return views;
}

test("estimates are asked for the rows in view alone, and four at once", async () => {
  const repos = Array.from({ length: 9 }, (_, n) => `acme/m${n}`);
  const asked: string[] = [];
  const open: (() => void)[] = [];
  server.use(
    http.get(api("/catalog/popular"), () => pageOf(repos)),
    http.post(api("/fit"), async ({ request }) => {
      asked.push(((await request.json()) as { model: string }).model);
      await new Promise<void>((resolve) => open.push(resolve));
      return HttpResponse.json({ verdict: "fits" });
    }),
  );
  show();
  const rows = (await screen.findAllByRole("row")).slice(1);
  expect(asked).toEqual([]);
  act(() => {
    for (const row of rows.slice(0, 6)) Views.seen(row);
  });
  await waitFor(() => expect(open).toHaveLength(4));
  open[0]?.();
  await waitFor(() => expect(open).toHaveLength(5));
  for (const answer of open.slice(1)) answer();
  await waitFor(() => expect(open).toHaveLength(6));
  open[5]?.();
  await waitFor(() => expect(screen.getAllByText("fits")).toHaveLength(6));
  expect([...asked].sort()).toEqual(repos.slice(0, 6));
});

test("the filters of the address are what the hub is asked", async () => {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(api("/catalog/search"), ({ request }) => {
      asked.push(new URL(request.url).searchParams);
      return pageOf(["acme/found"]);
    }),
  );
  show({ q: "chat", library: "vllm", size: "1b-4b", sort: "likes" });
  expect(await screen.findByText("acme/found")).toBeTruthy();
  expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({
    q: "chat",
    library: "vllm",
    min_parameters: "1000000000",
    max_parameters: "4000000000",
    sort: "likes",
  });
  expect(screen.getByLabelText("Size")).toHaveProperty("value", "1b-4b");
});

test("typing goes on in the box while the results under it change", async () => {
  server.use(
    http.get(api("/catalog/popular"), () => pageOf(["acme/popular"])),
    http.get(api("/catalog/search"), ({ request }) =>
      pageOf([`acme/found-${new URL(request.url).searchParams.get("q")}`]),
    ),
  );
  const views = show();
  const box = await screen.findByRole("searchbox");
  await userEvent.type(box, "tin");
  expect(await screen.findByText("acme/found-tin")).toBeTruthy();
  expect(document.activeElement).toBe(box);
  await userEvent.keyboard("y");
  expect(await screen.findByText("acme/found-tiny")).toBeTruthy();
  expect(document.activeElement).toBe(box);
  expect(screen.getByRole("searchbox")).toBe(box);
  expect(box).toHaveProperty("value", "tiny");
  expect(views.at(-1)).toEqual({ q: "tiny" });
});

test("a name with markup is text", async () => {
  const name = "acme/<img src=x onerror=alert(1)>";
  server.use(http.get(api("/catalog/popular"), () => pageOf([name])));
  show();
  const link = await screen.findByRole("link", { name });
  expect(within(link).queryByRole("img")).toBeNull();
});
