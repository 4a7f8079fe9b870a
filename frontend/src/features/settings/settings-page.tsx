/** Settings: the hub's token, for all and for oneself, and what is installed. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import { deleteHubToken, putHubToken, testHubToken } from "@/api/gen";
import { machineKeys, type Scope, tokenQuery, versionQuery } from "@/api/machine";
import { useAttempt } from "@/api/use-attempt";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Chip } from "@/components/chip";
import { TextField } from "@/components/field";
import { UNKNOWN } from "@/components/format";
import { Allowed } from "@/components/restricted";
import { ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { settings as w } from "@/strings/machine";

function useTokenAction() {
  const { busy, attempt: run } = useAttempt({ title: w.failed, changed: [machineKeys.token] });
  const attempt = async <T,>(call: () => Promise<T>, done: (answer: T) => string) => {
    const answer = await run(call);
    if (answer === null) return false;
    toast(done(answer));
    return true;
  };
  return { busy, attempt };
}

function Token({ scope }: { scope: Scope }) {
  const query = useQuery(tokenQuery(scope));
  const [text, setText] = useState("");
  const { busy, attempt } = useTokenAction();
  const save = async () => {
    const body = { token: text.trim() };
    const kept = await attempt(
      () => data(putHubToken({ query: { scope }, body })),
      () => w.saved,
    );
    if (kept) setText("");
  };
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonRows rows={2} />;
  const token = query.data;
  const used = token.in_force === scope;
  return (
    <form
      className="border-t border-line py-3"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <h3 className="font-[520]">{w.scopes[scope]}</h3>
        {used ? <Chip tone="ready">{w.inForce}</Chip> : null}
        <span className="text-small text-muted">
          {token.is_set ? w.set(token.last_four ?? UNKNOWN) : w.notSet}{" "}
          {token.account ? w.account(token.account) : ""}
        </span>
      </div>
      <div className="flex flex-wrap items-end gap-2">
        <TextField
          label={w.field}
          type="password"
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="min-w-60 flex-1"
        />
        <Button type="submit" kind="primary" disabled={busy || !text.trim()}>
          {w.save}
        </Button>
        {used ? (
          <Button
            disabled={busy}
            onClick={() =>
              void attempt(
                () => data(testHubToken()),
                ({ account }) => w.tested(account),
              )
            }
          >
            {w.test}
          </Button>
        ) : null}
        {token.is_set ? (
          <Button
            kind="danger"
            disabled={busy}
            onClick={() =>
              void attempt(
                () => data<unknown>(deleteHubToken({ query: { scope } })),
                () => w.removed,
              )
            }
          >
            {w.remove}
          </Button>
        ) : null}
      </div>
    </form>
  );
}

function About() {
  const { data: found } = useQuery(versionQuery);
  return (
    <Card label={w.about} className="mt-3 p-4">
      <h2 className="mb-2">{w.about}</h2>
      <p>
        {w.version} {found?.version ?? UNKNOWN}
      </p>
    </Card>
  );
}

function Support() {
  return (
    <Card label={w.support} className="mt-3 p-4">
      <h2 className="mb-1">{w.support}</h2>
      <p className="mb-3 text-muted">{w.supportWhy}</p>
      <a href="/api/v1/diagnostics" download className={buttonClass()}>
        {w.bundle}
      </a>
    </Card>
  );
}

export function SettingsPage() {
  return (
    <>
      <PageHead title={w.title} />
      <StaleNote />
      <Allowed right="operate">
        <Card label={w.token} className="px-4 pt-3.5">
          <h2>{w.token}</h2>
          <p className="mb-3 text-muted">{w.tokenWhy}</p>
          <Token scope="installation" />
          <Token scope="user" />
        </Card>
      </Allowed>
      <Allowed right="administer">
        <Support />
      </Allowed>
      <About />
    </>
  );
}
