/** Asks for a user name and a password; counts down when the server says to wait. */

import { type FormEvent, useEffect, useRef, useState } from "react";
import { toProblem } from "@/api/problem";
import { login } from "@/api/queries";
import type { ProblemDetails, Session } from "@/api/types";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { t } from "@/strings";

function useCountdown(): [number, (seconds: number) => void] {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return [left, setLeft];
}

export function LoginForm({ onDone }: { onDone: (session: Session) => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const [left, wait] = useCountdown();
  const passwordField = useRef<HTMLInputElement>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      onDone(await login(username, password));
    } catch (error) {
      const p = toProblem(error);
      setProblem(p);
      if (p.status === 429) wait(Math.ceil(p.retry_after_seconds ?? 30));
      passwordField.current?.select();
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={submit} className="space-y-3">
      <TextField
        label={t.login.username}
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      <TextField
        ref={passwordField}
        label={t.login.password}
        name="password"
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      {problem ? (
        <p role="alert" className="rounded-control bg-failed-soft px-3 py-2 text-failed-text">
          {left > 0 ? t.login.wait(left) : problem.detail}
        </p>
      ) : null}
      <Button kind="primary" type="submit" disabled={busy || left > 0} className="w-full">
        {busy ? t.login.busy : t.login.submit}
      </Button>
    </form>
  );
}
