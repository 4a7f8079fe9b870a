/** Asks for how long, and why, nobody is to be told. */

import { type FormEvent, useState } from "react";
import { data } from "@/api/client";
import { createSilence } from "@/api/gen";
import { Dialog, FormButtons } from "@/components/dialog";
import { SelectField, TextField } from "@/components/field";
import { alertWords as w } from "@/strings/alerts";
import { useAlertAction } from "./use-alert-action";

interface Props {
  open: boolean;
  onClose: () => void;
  /** Null: everything. */
  about: { rule: string; subject: string; title: string } | null;
}

export function SilenceDialog({ open, onClose, about }: Props) {
  const [seconds, setSeconds] = useState<number>(w.lengths[0][0]);
  const [reason, setReason] = useState("");
  const { busy, attempt } = useAlertAction();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = {
      rule: about?.rule ?? null,
      subject: about?.subject ?? null,
      seconds,
      reason: reason.trim(),
    };
    if (!(await attempt(() => data(createSilence({ body })), w.silenced))) return;
    setReason("");
    onClose();
  };
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => (next ? undefined : onClose())}
      title={w.silenceTitle(about ? `“${about.title}”` : w.everything)}
      description={w.silenceWhy}
    >
      <form onSubmit={(event) => void submit(event)} className="space-y-3">
        <SelectField
          label={w.length}
          value={seconds}
          onChange={(event) => setSeconds(Number(event.target.value))}
        >
          {w.lengths.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </SelectField>
        <TextField
          label={w.reason}
          required
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        <FormButtons
          submit={w.silence}
          disabled={busy || reason.trim() === ""}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
