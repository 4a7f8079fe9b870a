import { useQuery } from "@tanstack/react-query";
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { addNotice } from "@/api/notices";
import { ApiError } from "@/api/problem";
import { showPage } from "@/test/page";
import { aProblem } from "@/test/samples";
import { Notices } from "./notices";
import { Doubtful, ErrorCard, Lost, useUnsure } from "./states";

const problem = aProblem({
  causes: [{ message: "The port is taken", evidence: "Errno 98" }],
  remediation: [{ label: "Choose another `port`", action: "none", arguments: {} }],
});

test("an error says what proves it and what to do, on its page and among what failed", async () => {
  addNotice("Could not start demo", problem, null);
  showPage(() => (
    <>
      <ErrorCard error={new ApiError(problem)} />
      <Notices />
    </>
  ));
  expect(await screen.findAllByText("Errno 98")).toHaveLength(2);
  expect(screen.getAllByText("port")).toHaveLength(2);
});

function Sure() {
  return <p>{useUnsure() ? "grey" : "green"}</p>;
}

let works = true;

function Page() {
  const query = useQuery({
    queryKey: ["figures"],
    queryFn: async () => {
      if (!works) throw new Error("away");
      return "figures";
    },
  });
  return (
    <>
      <button type="button" onClick={() => void query.refetch()}>
        again
      </button>
      <Lost query={query} />
      <Doubtful when={query.isRefetchError}>
        {query.data} <Sure />
      </Doubtful>
    </>
  );
}

test("what was read before stays when it can't be read again, said and in doubt", async () => {
  showPage(Page);
  await screen.findByText("green");
  works = false;
  await userEvent.click(screen.getByRole("button", { name: "again" }));
  await screen.findByText(/This can't be read now: it is shown as it was at/);
  screen.getByText("grey");
  screen.getByText("figures");
  works = true;
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  await waitFor(() => screen.getByText("green"));
});
