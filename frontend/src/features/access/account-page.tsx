/** One's own account: the password, and where one is logged in. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { accessKeys, sessionsQuery } from "@/api/access";
import { data } from "@/api/client";
import { changePassword, endSession, type SessionInfo } from "@/api/gen";
import { meQuery } from "@/api/queries";
import { Button } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { TextField } from "@/components/field";
import { StaleNote } from "@/components/states";
import { roles, account as w } from "@/strings/access";
import { Logins } from "./logins";
import { isUsable, NewPassword } from "./password-fields";
import { useAccessAction } from "./use-access-action";

const NOTHING = { first: "", second: "" };

function PasswordCard() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState(NOTHING);
  const { busy, attempt } = useAccessAction(accessKeys.sessions);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = { current_password: current, new_password: next.first };
    const changed = await attempt(async () => {
      await data<unknown>(changePassword({ body }));
      return true;
    });
    if (!changed) return;
    setCurrent("");
    setNext(NOTHING);
    toast(w.changed);
  };
  return (
    <Card label={w.password} className="p-4">
      <h2>{w.password}</h2>
      <p className="mb-3 text-muted">{w.passwordWhy}</p>
      <form className="max-w-85 space-y-3" onSubmit={(event) => void submit(event)}>
        <TextField
          label={w.current}
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <NewPassword value={next} onValue={setNext} />
        <Button kind="primary" type="submit" disabled={busy || !current || !isUsable(next)}>
          {w.change}
        </Button>
      </form>
    </Card>
  );
}

function SessionsCard() {
  const query = useQuery(sessionsQuery);
  const { busy, attempt } = useAccessAction(accessKeys.sessions);
  const end = async ({ id }: SessionInfo) => {
    const ended = await attempt(async () => {
      await data<unknown>(endSession({ path: { session_id: id } }));
      return true;
    });
    if (ended) toast(w.ended);
  };
  return (
    <Card label={w.sessions} className="mt-3 p-4">
      <h2>{w.sessions}</h2>
      <p className="mb-3 text-muted">{w.sessionsWhy}</p>
      <Logins
        query={query}
        failed={w.sessionsFailed}
        busy={busy}
        onEnd={(login) => void end(login)}
      />
    </Card>
  );
}

export function AccountPage() {
  const me = useQuery(meQuery).data;
  const teams = me?.teams ?? [];
  return (
    <>
      <PageHead
        title={w.title}
        below={
          me ? (
            <p className="text-muted">
              {w.lead(me.user.username, roles[me.user.role])}{" "}
              {teams.length > 0 ? w.teams(teams.map((team) => team.name).join(", ")) : ""}
            </p>
          ) : null
        }
      />
      <StaleNote />
      <PasswordCard />
      <SessionsCard />
    </>
  );
}
