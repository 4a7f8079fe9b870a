/** Puts a new key in the place of one: until when the old one works, and the new one, shown once. */

import { type FormEvent, useState } from "react";
import { accessKeys } from "@/api/access";
import { data } from "@/api/client";
import { type KeyView, type NewKey, rotateKey } from "@/api/gen";
import type { Remedy } from "@/api/types";
import { useAttempt } from "@/api/use-attempt";
import { access, keyWords as w } from "@/strings/access";
import { FormButtons, FormDialog } from "./dialog";
import { TextField } from "./field";
import { type Secret, showSecret } from "./secret";

interface Props {
  one: Pick<KeyView, "id" | "name">;
  /** When the new key ends, as it is offered: a local date and time. */
  until?: string;
  onClose: () => void;
}

const moment = (local: string): string | null => (local ? new Date(local).toISOString() : null);

/** A local date and time, as a field of a form has it. */
function inDays(days: number, now = new Date()): string {
  const then = new Date(now);
  then.setDate(then.getDate() + days);
  const local = new Date(then.getTime() - then.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

export function RotateDialog({ one, until: offered = "", onClose }: Props) {
  const [oldUntil, setOldUntil] = useState("");
  const [until, setUntil] = useState(offered);
  const { busy, attempt } = useAttempt({ title: access.failed, changed: [accessKeys.keys] });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = { old_until: moment(oldUntil), expires_at: moment(until) };
    const made = await attempt(() => data(rotateKey({ path: { key_id: one.id }, body })));
    if (!made) return;
    onClose();
    showSecret(keySecret(made));
  };
  return (
    <FormDialog title={w.rotateTitle(one.name)} description={w.rotateWhy} onClose={onClose}>
      <form className="space-y-3" onSubmit={(event) => void submit(event)}>
        <TextField
          label={w.oldUntil}
          hint={w.oldUntilHint}
          type="datetime-local"
          value={oldUntil}
          onChange={(event) => setOldUntil(event.target.value)}
        />
        <TextField
          label={w.newUntil}
          hint={w.newUntilHint}
          type="datetime-local"
          value={until}
          onChange={(event) => setUntil(event.target.value)}
        />
        <FormButtons submit={w.rotate} disabled={busy} onCancel={onClose} />
      </form>
    </FormDialog>
  );
}

const example = (secret: string, model: string) =>
  `curl ${location.origin}/v1/chat/completions \\
  -H "Authorization: Bearer ${secret}" -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`;

/** A key that was just made, with how it is used. */
export const keySecret = (made: NewKey): Secret => ({
  title: w.secretTitle,
  why: w.secretWhy,
  text: made.secret,
  below: (
    <>
      <p className="mt-3 text-small text-muted">{w.use}</p>
      <pre className="mt-1 overflow-x-auto rounded-control border border-line bg-sunken px-3 py-2 font-mono text-small whitespace-pre-wrap [overflow-wrap:anywhere]">
        {example(made.secret, made.key.models?.[0] ?? "demo")}
      </pre>
    </>
  ),
});

/** Asks what a `rotate` remedy leaves open; null: closed. */
export function KeyRotation({ remedy, onClose }: { remedy: Remedy | null; onClose: () => void }) {
  const told = remedy?.arguments;
  return told ? (
    <RotateDialog
      one={{ id: String(told.key_id), name: String(told.name) }}
      until={inDays(Number(told.days))}
      onClose={onClose}
    />
  ) : null;
}
