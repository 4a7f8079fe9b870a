/** Replaces a key by a new one: until when the old one works, and the new one. */

import { type FormEvent, useState } from "react";
import { accessKeys } from "@/api/access";
import { data } from "@/api/client";
import { type KeyView, type NewKey, rotateKey } from "@/api/gen";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { t } from "@/strings";
import { keyWords as w } from "@/strings/access";
import { useAccessAction } from "./use-access-action";

interface Props {
  one: KeyView;
  onClose: () => void;
  onMade: (made: NewKey) => void;
}

const moment = (local: string): string | null => (local ? new Date(local).toISOString() : null);

export function RotateDialog({ one, onClose, onMade }: Props) {
  const [oldUntil, setOldUntil] = useState("");
  const [until, setUntil] = useState("");
  const { busy, attempt } = useAccessAction(accessKeys.keys);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = { old_until: moment(oldUntil), expires_at: moment(until) };
    const made = await attempt(() => data(rotateKey({ path: { key_id: one.id }, body })));
    if (!made) return;
    onClose();
    onMade(made);
  };
  return (
    <Dialog open onOpenChange={onClose} title={w.rotateTitle(one.name)} description={w.rotateWhy}>
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
        <div className="flex justify-end gap-2 pt-1">
          <Button onClick={onClose}>{t.words.cancel}</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            {w.rotate}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
