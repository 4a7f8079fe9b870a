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
