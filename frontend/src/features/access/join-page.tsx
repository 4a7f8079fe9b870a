/** Where a one-time link leads: set a password, and be in. The token stands behind `#`. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { linkQuery } from "@/api/access";
import { data } from "@/api/client";
import { acceptLink } from "@/api/gen";
import { toProblem } from "@/api/problem";
import { rememberSession } from "@/api/session";
import type { ProblemDetails, Session } from "@/api/types";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Mark } from "@/components/mark";
import { SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { join as w } from "@/strings/access";
import { isUsable, NewPassword } from "./password-fields";

interface Props {
  token: string;
  onDone: (session: Session) => void;
  toLogin: ReactNode;
}

function Form({ token, onDone }: Omit<Props, "toLogin">) {
  const [value, setValue] = useState({ first: "", second: "" });
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const headers = { "X-Link-Token": token };
      const session = await data(acceptLink({ headers, body: { password: value.first } }));
      rememberSession(session);
      onDone(session);
    } catch (error) {
      setProblem(toProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="space-y-3" onSubmit={(event) => void submit(event)}>
      <NewPassword value={value} onValue={setValue} />
      {problem ? (
        <p role="alert" className="rounded-control bg-failed-soft px-3 py-2 text-failed-text">
          {problem.errors?.[0]?.message ?? problem.detail}
        </p>
      ) : null}
      <Button kind="primary" type="submit" disabled={busy || !isUsable(value)} className="w-full">
        {busy ? w.busy : w.submit}
      </Button>
    </form>
  );
}

export function JoinPage({ token, onDone, toLogin }: Props) {
  const link = useQuery(linkQuery(token));
  const isGone = token === "" || link.isError;
  return (
    <main className="flex min-h-screen items-center justify-center p-5">
      <div className="w-full max-w-85">
        <div className="mb-5 flex items-center gap-2.5">
          <Mark size={22} />
          <p className="text-[15px] font-[640]">{t.product}</p>
        </div>
        <Card className="p-5">
          {isGone ? (
            <>
              <h1>{w.gone}</h1>
              <p className="mt-1 mb-4 text-muted">{w.goneWhy}</p>
              {toLogin}
            </>
          ) : !link.data ? (
            <SkeletonRows rows={3} />
          ) : (
            <>
              <h1>{w[link.data.kind](link.data.username)}</h1>
              <p className="mt-1 mb-4 text-muted">
                {link.data.kind === "reset" ? w.resetWhy : w.invitationWhy}
              </p>
              <Form token={token} onDone={onDone} />
            </>
          )}
        </Card>
      </div>
    </main>
  );
}
