/** Does for a person what a problem's remedy says. */

import { toast } from "sonner";
import { t } from "@/strings";
import { remedies as w } from "@/strings/remedies";
import { useDeploymentActions } from "./actions";
import { changeOf, prepare, settingsOf } from "./remedies";
import { useMay } from "./rights";
import type { Deployment, Remedy } from "./types";

interface Applied {
  /** `token`: the one that was typed, for `set_token`. */
  onRemedy: (remedy: Remedy, token?: string) => void;
  busy: boolean;
  mayAct: boolean;
  /** Whether the installation's token may be set. */
  maySetToken: boolean;
  patient: Deployment | null;
}

/** `d`: the deployment that remedies are done to; null where there is none, or it is not known yet. */
export function useRemedy(d: Deployment | null): Applied {
  const { act, change, attempt, busy } = useDeploymentActions();
  const mayAct = useMay("operate");
  const maySetToken = useMay("administer");

  const isPrepared = async (d: Deployment, remedy: Remedy, token: string): Promise<boolean> => {
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
  const scale = async (d: Deployment, replicas: number) => {
    const done = await change(d.name, { replicas }, t.actions.scaleFailed(d.name));
    if (done) toast(w.scaled(d.name, replicas));
  };
  const mend = async (d: Deployment, remedy: Remedy, token: string) => {
    const told = remedy.arguments ?? {};
    if (remedy.action === "scale") await scale(d, Number(told.replicas));
    else if (remedy.action === "stop" && told.name === d.name) await act("stop", d.name);
    else if (await isPrepared(d, remedy, token))
      await act(d.desired === "stopped" ? "start" : "restart", d.name);
  };
  const onRemedy = (remedy: Remedy, token = "") => {
    if (d !== null) void mend(d, remedy, token);
  };
  return { onRemedy, busy, mayAct, maySetToken, patient: d };
}
