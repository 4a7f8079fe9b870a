import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { aProblem } from "@/test/samples";
import { ProblemBody } from "./remedies";

test("a problem shows its cause, the line that proves it, and a button for each remedy", async () => {
  const set = {
    label: "Set `x` to 1",
    action: "set_argument" as const,
    arguments: { name: "x", value: 1 },
  };
  const problem = aProblem({
    detail: "It does not fit.",
    causes: [{ message: "Too long a context", evidence: "ValueError: <b>131072</b>" }],
    remediation: [set, { label: "Buy a GPU", action: "none", arguments: {} }],
  });
  const done = vi.fn();
  const { container } = render(<ProblemBody problem={problem} onRemedy={done} busy={false} />);
  expect(screen.getByText("ValueError: <b>131072</b>")).toBeTruthy();
  expect(container.querySelector("b")).toBeNull();
  expect(screen.getAllByRole("button")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: /and retry/ }));
  expect(done).toHaveBeenCalledWith(set);
});

test("an address elsewhere is a link, and a token is asked for before it is set", async () => {
  const visit = {
    label: "Accept the licence",
    action: "visit" as const,
    arguments: { url: "https://hf.co/a/b" },
  };
  const token = { label: "Set it", action: "set_token" as const, arguments: {} };
  const problem = aProblem({ remediation: [visit, token] });
  const done = vi.fn();
  render(<ProblemBody problem={problem} onRemedy={done} busy={false} />);
  const link = screen.getByRole("link", { name: "Accept the licence" });
  expect([link.getAttribute("href"), link.getAttribute("target")]).toEqual([
    "https://hf.co/a/b",
    "_blank",
  ]);
  await userEvent.click(screen.getByRole("button", { name: "Set a Hugging Face token" }));
  expect(done).not.toHaveBeenCalled();
  await userEvent.type(screen.getByLabelText("Hugging Face token"), "hf_x");
  await userEvent.click(screen.getByRole("button", { name: "Set and start again" }));
  expect(done).toHaveBeenCalledWith(token, "hf_x");
});

test("another deployment is stopped only when that was confirmed", async () => {
  const stop = { label: "Stop other", action: "stop" as const, arguments: { name: "other" } };
  const done = vi.fn();
  render(<ProblemBody problem={aProblem({ remediation: [stop] })} onRemedy={done} busy={false} />);
  await userEvent.click(screen.getByRole("button", { name: "Stop other" }));
  await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
  expect(done).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("button", { name: "Stop other" }));
  await userEvent.click(screen.getByRole("button", { name: "Stop it" }));
  expect(done).toHaveBeenCalledWith(stop, "");
});

test("who may not do something reads it as advice", () => {
  const token = { label: "Set it", action: "set_token" as const, arguments: {} };
  const restart = { label: "Restart", action: "restart" as const, arguments: {} };
  const problem = aProblem({ remediation: [token, restart] });
  const { rerender } = render(
    <ProblemBody problem={problem} onRemedy={vi.fn()} busy={false} maySetToken={false} />,
  );
  expect(screen.getAllByRole("button")).toHaveLength(1);
  rerender(<ProblemBody problem={problem} onRemedy={vi.fn()} busy={false} mayAct={false} />);
  expect(screen.queryByRole("button")).toBeNull();
});
