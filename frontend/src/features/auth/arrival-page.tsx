/** Where the company's login sends people back to: finishes the login, or says why not. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import type { OidcFinished, OidcReturn } from "@/api/gen";
import { toProblem } from "@/api/problem";
import { finishQuery } from "@/api/sign-on";
import { Card } from "@/components/card";
import { Mark } from "@/components/mark";
import { t } from "@/strings";
import { signOn as w } from "@/strings/sign-on";

interface Props {
  returned: OidcReturn;
  onDone: (finished: OidcFinished) => void;
  toLogin: ReactNode;
}

export function ArrivalPage({ returned, onDone, toLogin }: Props) {
  const { data, error } = useQuery(finishQuery(returned));
  useEffect(() => {
    if (data) onDone(data);
  }, [data, onDone]);
  return (
    <main className="flex min-h-screen items-center justify-center p-5">
      <div className="w-full max-w-85">
        <div className="mb-5 flex items-center gap-2.5">
          <Mark size={22} />
          <p className="text-[15px] font-[640]">{t.product}</p>
        </div>
        <Card className="p-5">
          {error ? (
            <>
              <h1>{w.failed}</h1>
              <p role="alert" className="mt-1 mb-4 text-muted">
                {toProblem(error).detail}
              </p>
              {toLogin}
            </>
          ) : (
            <p className="text-muted">{w.arriving}</p>
          )}
        </Card>
      </div>
    </main>
  );
}
