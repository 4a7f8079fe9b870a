/** Who is told: made anew, or changed. Of a webhook's address the host alone is shown again. */

import { type FormEvent, useState } from "react";
import { data } from "@/api/client";
import { type Alert, changeReceiver, createReceiver, type Receiver } from "@/api/gen";
import { Dialog, FormButtons } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { t } from "@/strings";
import { receiverWords as w } from "@/strings/alerts";
import { useAlertAction } from "./use-alert-action";

type Severity = Alert["severity"];

function useDraft(known: Receiver | null) {
  const [kind, setKind] = useState<Receiver["kind"]>(known?.kind ?? "webhook");
  const [least, setLeast] = useState<Severity>(known?.least_severity ?? "warning");
  const [name, setName] = useState("");
  const [target, setTarget] = useState(known?.kind === "email" ? known.target : "");
  const [secret, setSecret] = useState("");
  const signs = kind === "webhook" && secret !== "";
  const fields = { kind, least, name, target, secret };
  const set = { setKind, setLeast, setName, setTarget, setSecret };
  const body = {
    name: name.trim(),
    kind,
    target: target.trim(),
    secret: signs ? secret : null,
    least_severity: least,
  };
  return { fields, set, body };
}

type Draft = ReturnType<typeof useDraft>;

function Who({ draft: { fields, set } }: { draft: Draft }) {
  return (
    <div className="grid grid-cols-2 gap-3">
      <TextField
        label={w.name}
        hint={w.nameHint}
        required
        autoComplete="off"
        pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
        value={fields.name}
        onChange={(event) => set.setName(event.target.value)}
      />
      <SelectField
        label={w.kind}
        value={fields.kind}
        onChange={(event) => set.setKind(event.target.value as Receiver["kind"])}
      >
        <option value="webhook">{w.kinds.webhook}</option>
        <option value="email">{w.kinds.email}</option>
      </SelectField>
    </div>
  );
}

function Where({ draft: { fields, set }, known }: { draft: Draft; known: Receiver | null }) {
  const { kind } = fields;
  return (
    <>
      <TextField
        label={w.target[kind]}
        hint={kind === "email" ? undefined : known ? w.targetKept(known.target) : w.targetHint}
        type={kind === "email" ? "email" : "url"}
        required={!known}
        value={fields.target}
        onChange={(event) => set.setTarget(event.target.value)}
      />
      {kind === "webhook" ? (
        <TextField
          label={w.secret}
          hint={known?.is_signed ? w.secretKept : undefined}
          type="password"
          autoComplete="new-password"
          minLength={16}
          value={fields.secret}
          onChange={(event) => set.setSecret(event.target.value)}
        />
      ) : null}
      <SelectField
        label={w.least}
        value={fields.least}
        onChange={(event) => set.setLeast(event.target.value as Severity)}
      >
        {(["critical", "warning", "info"] as const).map((severity) => (
          <option key={severity} value={severity}>
            {w.leasts[severity]}
          </option>
        ))}
      </SelectField>
    </>
  );
}

export function ReceiverDialog({
  known,
  onClose,
}: {
  known: Receiver | null;
  onClose: () => void;
}) {
  const draft = useDraft(known);
  const { busy, attempt } = useAlertAction();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { target, secret, least_severity } = draft.body;
    const done = known
      ? await attempt(
          () =>
            data(
              changeReceiver({
                path: { receiver_id: known.id },
                body: {
                  least_severity,
                  ...(target ? { target } : {}),
                  ...(secret ? { secret } : {}),
                },
              }),
            ),
          w.changed(known.name),
        )
      : await attempt(() => data(createReceiver({ body: draft.body })), w.added(draft.body.name));
    if (done) onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(next) => (next ? undefined : onClose())}
      title={known ? w.changeTitle(known.name) : w.add}
    >
      <form onSubmit={(event) => void submit(event)} className="space-y-3">
        {known ? null : <Who draft={draft} />}
        <Where draft={draft} known={known} />
        <FormButtons submit={known ? t.words.save : w.add} disabled={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
