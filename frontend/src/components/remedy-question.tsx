/** What must be asked before a remedy is done: the token, or whether to stop or restart something. */

import { type FormEvent, useState } from "react";
import type { Deployment, Remedy } from "@/api/types";
import { remedies as w } from "@/strings/remedies";
import { Dialog, FormButtons } from "./dialog";
import { TextField } from "./field";

/** Which deployment remedies are done to. */
export type Patient = Pick<Deployment, "name" | "phase">;

interface Asked {
  title: string;
  why: string;
  verb: string;
  danger: boolean;
}

const serves = (patient: Patient | null) =>
  patient?.phase === "ready" || patient?.phase === "degraded";

/** Null: it is done without a word. */
export function questionOf(remedy: Remedy, patient: Patient | null): Asked | null {
  switch (remedy.action) {
    case "set_token":
      return { title: w.tokenTitle, why: w.tokenWhy, verb: w.set, danger: false };
    case "stop": {
      const name = String(remedy.arguments?.name ?? "");
      const itself = serves(patient) ? w.stopItselfWhy : w.giveUpWhy;
      const why = name === patient?.name ? itself : w.stopWhy;
      return { title: w.stopTitle(name), why, verb: w.stop, danger: true };
    }
    case "restart":
    case "set_argument":
    case "refetch":
    case "download":
      return serves(patient)
        ? {
            title: w.restartTitle(patient?.name ?? ""),
            why: w.restartWhy,
            verb: w.restart,
            danger: true,
          }
        : null;
    default:
      return null;
  }
}

interface Props {
  /** Null: closed. */
  remedy: Remedy | null;
  patient: Patient | null;
  onClose: () => void;
  onAnswer: (remedy: Remedy, token: string) => void;
}

export function RemedyQuestion({ remedy, patient, onClose, onAnswer }: Props) {
  const [token, setToken] = useState("");
  const asked = remedy ? questionOf(remedy, patient) : null;
  const asksToken = remedy?.action === "set_token";
  const close = () => {
    setToken("");
    onClose();
  };
  const answer = (event: FormEvent) => {
    event.preventDefault();
    const given = token.trim();
    if (remedy === null || (asksToken && !given)) return;
    close();
    onAnswer(remedy, given);
  };
  return (
    <Dialog
      open={asked !== null}
      onOpenChange={close}
      title={asked?.title ?? ""}
      {...(asked ? { description: asked.why } : {})}
    >
      <form onSubmit={answer}>
        {asksToken ? (
          <TextField
            label={w.token}
            type="password"
            autoComplete="off"
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        ) : null}
        <FormButtons
          submit={asked?.verb ?? ""}
          danger={asked?.danger ?? false}
          disabled={asksToken && !token.trim()}
          onCancel={close}
        />
      </form>
    </Dialog>
  );
}
