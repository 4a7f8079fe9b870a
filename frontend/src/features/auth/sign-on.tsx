/** The button that leads to the company's own login, where there is one. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { toProblem } from "@/api/problem";
import { beginSignOn, signOnQuery } from "@/api/sign-on";
import { Button } from "@/components/button";
import { signOn as w } from "@/strings/sign-on";

interface Props {
  /** The page to come back to. */
  returnTo: string;
  /** Whether something on this page would be lost. */
  leaves?: boolean;
  /** Sends the browser away. */
  go?: (address: string) => void;
}

const goTo = (address: string) => window.location.assign(address);

export function SignOn({ returnTo, leaves = false, go = goTo }: Props) {
  const found = useQuery(signOnQuery);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  if (!found.data?.enabled || !found.data.name) return null;

  const begin = async () => {
    setBusy(true);
    setProblem(null);
    try {
      go(await beginSignOn(returnTo));
    } catch (error) {
      setProblem(toProblem(error).detail);
      setBusy(false);
    }
  };

  return (
    <div className="mt-4 space-y-3">
      <p className="flex items-center gap-3 text-small text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        {w.or}
      </p>
      <Button disabled={busy} className="w-full" onClick={() => void begin()}>
        {busy ? w.going : w.with(found.data.name)}
      </Button>
      {leaves ? <p className="text-small text-muted">{w.leaves}</p> : null}
      {problem ? (
        <p role="alert" className="rounded-control bg-failed-soft px-3 py-2 text-failed-text">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
