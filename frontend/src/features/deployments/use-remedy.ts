/** Does for a person what a problem's remedy says. */

import { useNavigate } from "@tanstack/react-router";
import { useDeploymentActions } from "@/api/actions";
import { changeOf, pathOf, prepare, settingsOf } from "@/api/remedies";
import { useMay } from "@/api/rights";
import type { Deployment, Remedy } from "@/api/types";
import { t } from "@/strings";
import { remedies as w } from "@/strings/remedies";

interface Applied {
  /** `token`: the one that was typed, for `set_token`. */
  apply: (remedy: Remedy, token?: string) => void;
  busy: boolean;
  mayAct: boolean;
  /** Whether the installation's token may be set. */
  maySetToken: boolean;
}

export function useRemedy(d: Deployment): Applied {
  const { act, change, attempt, busy } = useDeploymentActions();
  const mayAct = useMay("operate");
  const maySetToken = useMay("administer");
  const navigate = useNavigate();

  const isPrepared = async (remedy: Remedy, token: string): Promise<boolean> => {
    if (remedy.action === "set_argument") {
      const patch = changeOf(d, settingsOf(remedy));
      return (await change(d.name, patch, t.actions.changeFailed(d.name))) !== null;
    }
    const steps = async () => {
      await prepare(remedy, token);
      return true;
    };
    return (await attempt(w.failed(remedy.label), d.name, steps)) !== null;
  };
  const mend = async (remedy: Remedy, token: string) => {
    const done = await isPrepared(remedy, token);
    if (done) await act(d.desired === "stopped" ? "start" : "restart", d.name);
  };
  const apply = (remedy: Remedy, token = "") => {
    if (remedy.action === "open") void navigate({ to: pathOf(remedy) });
    else void mend(remedy, token);
  };
  return { apply, busy, mayAct, maySetToken };
}
