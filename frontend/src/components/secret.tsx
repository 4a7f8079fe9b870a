/** A secret that is shown once, a key or a link: over any page, and until it was kept. */

import { type ReactNode, useSyncExternalStore } from "react";
import { access } from "@/strings/access";
import { Button } from "./button";
import { CopyButton } from "./copy";
import { Dialog } from "./dialog";

export interface Secret {
  title: string;
  why: string;
  text: string;
  below?: ReactNode;
}

let shown: Secret | null = null;
const listeners = new Set<() => void>();

/** Whatever asked for it may go away before it was read: an alert that is over with it, a row. */
export function showSecret(secret: Secret | null): void {
  shown = secret;
  for (const listener of listeners) listener();
}

const listen = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** It goes away by its button alone, not by a slip. */
export function ShownSecret() {
  const secret = useSyncExternalStore(listen, () => shown);
  return (
    <Dialog
      open={secret !== null}
      onOpenChange={() => undefined}
      title={secret?.title ?? access.onceTitle}
      {...(secret ? { description: secret.why } : {})}
      wide
    >
      <div className="flex items-center gap-2 rounded-control border border-line bg-sunken px-3 py-2">
        <code data-secret className="min-w-0 flex-1 font-mono [overflow-wrap:anywhere]">
          {secret?.text}
        </code>
        <CopyButton text={secret?.text ?? ""} />
      </div>
      {secret?.below}
      <div className="mt-4 flex justify-end">
        <Button kind="primary" onClick={() => showSecret(null)}>
          {access.onceDone}
        </Button>
      </div>
    </Dialog>
  );
}
