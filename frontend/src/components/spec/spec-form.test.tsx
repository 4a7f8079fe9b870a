import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test, vi } from "vitest";
import "@/api/client";
import type { FitReport } from "@/api/gen";
import { ApiError } from "@/api/problem";
import type { DeploymentSpec } from "@/api/types";
import { aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import { EMPTY } from "./form-model";
import { SpecForm } from "./spec-form";

const TOO_BIG: FitReport = {
  model: "demo",
  revision: null,
  commit: null,
  verdict: "does_not_fit",
  summary: "It does not fit: 40 GiB are needed.",
  confidence: "high",
  unknowns: [],
  devices: [],
  replicas: 1,
  kv_bytes_per_token: 1024,
  kv_bytes_per_request: 0,
  kv_block_tokens: 16,
  kv_tokens: null,
  max_model_len: 1024,
  largest_max_model_len: 512,
  max_concurrency: null,
  smallest_gpus: null,
  suggestions: [
    { field: "arguments.max_num_seqs", value: 8, gain: "Saves 2 GiB.", verdict: "fits" },
  ],
  assumptions: [],
};

function show(onSubmit: (spec: DeploymentSpec, force: boolean) => Promise<unknown>) {
  const items = [{ name: "max_num_seqs", flag: "--max-num-seqs", type: "integer", default: 256 }];
  server.use(
    http.get(api("/engine/arguments"), () => HttpResponse.json({ items, next_cursor: null })),
    http.post(api("/fit"), () => HttpResponse.json(TOO_BIG)),
    http.get(api("/configs/presets"), () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get(api("/models"), () =>
      HttpResponse.json({ items: [{ repo: "acme/kept", state: "complete" }], next_cursor: null }),
    ),
    http.get(api("/catalog/search"), ({ request }) => {
      const words = new URL(request.url).searchParams.get("q");
      return HttpResponse.json({ items: [{ repo: `acme/${words}-chat` }], next_cursor: null });
    }),
  );
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SpecForm
        initial={EMPTY}
        taken={new Set(["demo"])}
        fixedName={false}
        submitWords={["Deploy", "Deploying…"]}
        onSubmit={onSubmit}
      />
    </QueryClientProvider>,
  );
}

const refuse = (field: string, message: string, suggestion: string | null) => () =>
  Promise.reject(new ApiError(aProblem({ errors: [{ field, message, suggestion }] })));
const deploy = () => userEvent.click(screen.getByRole("button", { name: "Deploy" }));
const field = (label: string) => screen.getByLabelText(label) as HTMLInputElement;

test("a name that is taken is said at the field, before anything is sent", async () => {
  const sent = vi.fn();
  show(sent);
  await userEvent.type(field("Name"), "demo");
  await deploy();
  expect(await screen.findByText("demo is taken by another deployment.")).toBeTruthy();
  expect(document.activeElement).toBe(field("Name"));
  expect(sent).not.toHaveBeenCalled();
});

test("the server's error stands at its field, with the value that works", async () => {
  show(refuse("resources.tensor_parallel_size", "No node has 4 GPUs.", "2"));
  await userEvent.type(field("Name"), "a");
  await deploy();
  expect(await screen.findByText("No node has 4 GPUs.")).toBeTruthy();
  expect(document.activeElement).toBe(field("Tensor parallel"));
  await userEvent.click(screen.getByRole("button", { name: "Use 2" }));
  expect(field("Tensor parallel").value).toBe("2");
});

test("an unknown argument can be replaced by the nearest known one", async () => {
  show(refuse("arguments.max_num_sequences", "Unknown.", "max_num_seqs"));
  await userEvent.type(field("Name"), "a");
  await screen.findByText(/1 known to this vLLM/);
  await userEvent.click(screen.getByRole("button", { name: "Add an argument" }));
  await userEvent.type(field("Argument 1"), "max_num_sequences");
  await deploy();
  await userEvent.click(await screen.findByRole("button", { name: "Use max_num_seqs" }));
  expect(field("Argument 1").value).toBe("max_num_seqs");
});

test("what no field can show stands above the button, with the request's id", async () => {
  show(() => Promise.reject(new ApiError(aProblem({ detail: "Ray is away.", status: 503 }))));
  await userEvent.type(field("Name"), "a");
  await deploy();
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("Ray is away.");
  expect(alert.textContent).toContain("req_1");
});

test("a good form is sent with its values in the engine's types", async () => {
  const sent = vi.fn(() => Promise.resolve());
  show(sent);
  await userEvent.type(field("Name"), "second");
  await userEvent.type(field("Context, tokens"), "512");
  await deploy();
  await waitFor(() => expect(sent).toHaveBeenCalledTimes(1));
  expect(sent).toHaveBeenCalledWith(
    expect.objectContaining({ name: "second", model: "demo", arguments: { max_model_len: 512 } }),
    false,
  );
});

test("what the estimate suggests goes into the form at a click", async () => {
  show(() => Promise.resolve());
  expect(await screen.findByText("does not fit")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Use" }));
  expect(field("Argument 1").value).toBe("max_num_seqs");
  expect(field("Value 1").value).toBe("8");
  await userEvent.click(screen.getByRole("button", { name: "Largest that fits: 512" }));
  expect(field("Context, tokens").value).toBe("512");
});

test("a deployment that can't fit may be forced", async () => {
  const sent = vi.fn((_spec: DeploymentSpec, force: boolean) =>
    force
      ? Promise.resolve()
      : Promise.reject(new ApiError(aProblem({ code: "does_not_fit", status: 422 }))),
  );
  show(sent);
  await userEvent.type(field("Name"), "a");
  await deploy();
  await userEvent.click(await screen.findByRole("button", { name: "Deploy anyway" }));
  await waitFor(() => expect(sent).toHaveBeenLastCalledWith(expect.anything(), true));
});

test("the model's field suggests what is on disk, then what the hub has of the words", async () => {
  show(() => Promise.resolve());
  const offered = () => screen.queryAllByRole("option").map((option) => option.textContent);
  await userEvent.click(field("Model"));
  expect(offered()).toEqual([]);
  await userEvent.keyboard("{ArrowDown}");
  await waitFor(() =>
    expect(offered().slice(0, 2)).toEqual(["demoDemo model", "acme/kepton disk"]),
  );
  await userEvent.clear(field("Model"));
  await userEvent.type(field("Model"), "acme");
  await waitFor(() => expect(offered()).toEqual(["acme/kepton disk", "acme/acme-chat"]));
});

test("a suggested model is chosen by keyboard, which sends nothing", async () => {
  const sent = vi.fn(() => Promise.resolve());
  show(sent);
  const box = screen.getByRole("combobox", { name: "Model" });
  await userEvent.clear(box);
  await userEvent.type(box, "acme");
  await screen.findByRole("option", { name: "acme/acme-chat" });
  await userEvent.keyboard("{ArrowUp}");
  const last = screen.getByRole("option", { selected: true });
  expect(last.textContent).toBe("acme/acme-chat");
  expect(box.getAttribute("aria-activedescendant")).toBe(last.id);
  expect(box.getAttribute("aria-expanded")).toBe("true");
  await userEvent.keyboard("{Enter}");
  expect(field("Model").value).toBe("acme/acme-chat");
  expect(document.activeElement).toBe(box);
  expect(box.getAttribute("aria-expanded")).toBe("false");
  expect(sent).not.toHaveBeenCalled();
});

test("Escape closes the suggestions and leaves what was typed", async () => {
  show(() => Promise.resolve());
  const box = screen.getByRole("combobox", { name: "Model" });
  await userEvent.clear(box);
  await userEvent.type(box, "acme");
  await screen.findByRole("option", { name: "acme/acme-chat" });
  await userEvent.keyboard("{ArrowDown}{Escape}");
  expect(screen.queryByRole("listbox")).toBeNull();
  expect(field("Model").value).toBe("acme");
});

test("what was refused by the estimate is shown as the request that overrules it", async () => {
  const refused = () => Promise.reject(new ApiError(aProblem({ code: "does_not_fit" })));
  show(refused);
  await userEvent.type(screen.getByLabelText("Model"), "demo");
  await userEvent.type(screen.getByLabelText("Name"), "big");
  await userEvent.click(screen.getByRole("button", { name: "CLI" }));
  expect(screen.queryByText(/--force/)).toBeNull();
  await deploy();
  expect(await screen.findByText(/--force/)).toBeTruthy();
});
