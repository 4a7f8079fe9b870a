/** Does for a person what a problem's remedy says. */

import { useNavigate } from "@tanstack/react-router";
import { useDeploymentActions } from "@/api/actions";
import { useMay } from "@/api/rights";
import type { Deployment, DeploymentChange, Remedy } from "@/api/types";
import { t } from "@/strings";

const RESOURCES = new Set(["cpus", "gpus", "tensor_parallel_size", "pipeline_parallel_size"]);

/** The change that a `set_argument` remedy means; null takes an argument out. */
export function changeOf(
  d: Pick<Deployment, "spec">,
  name: string,
  value: unknown,
): DeploymentChange {
  const key = name.replace(/^(arguments|resources)\./, "");
  if (RESOURCES.has(key)) return { resources: { ...d.spec.resources, [key]: value } };
  if (key === "replicas") return { replicas: Number(value) };
  const held = { ...d.spec.arguments } as Record<string, unknown>;
  if (value === null) {
    delete held[key];
    return { arguments: held as DeploymentChange["arguments"] };
  }
  return { arguments: { ...held, [key]: value } as DeploymentChange["arguments"] };
}

interface Applied {
  apply: (remedy: Remedy) => void;
  busy: boolean;
  mayAct: boolean;
}

export function useRemedy(d: Deployment): Applied {
  const { act, change, busy } = useDeploymentActions();
  const mayAct = useMay("operate");
  const navigate = useNavigate();

  const set = async (name: string, value: unknown) => {
    const changed = await change(d.name, changeOf(d, name, value), t.actions.changeFailed(d.name));
    if (changed) await act(d.desired === "stopped" ? "start" : "restart", d.name);
  };
  const apply = (remedy: Remedy) => {
    const given = (remedy.arguments ?? {}) as { name?: unknown; value?: unknown; path?: unknown };
    if (remedy.action === "set_argument") void set(String(given.name), given.value);
    else if (remedy.action === "restart") void act("restart", d.name);
    else if (remedy.action === "open") void navigate({ to: safePath(given.path) });
  };
  return { apply, busy, mayAct };
}

/** Remedies come from our own server, but an address is still only one of ours. */
function safePath(path: unknown): string {
  return typeof path === "string" && /^\/[^/\\]/.test(path) ? path : "/";
}
