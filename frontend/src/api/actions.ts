/** What a person can do to a deployment, from any place, with the same words when it fails. */

import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { toast } from "sonner";
import { t } from "@/strings";
import { data } from "./client";
import {
  changeDeployment,
  createDeployment as create,
  deleteDeployment,
  restartDeployment,
  startDeployment,
  stopDeployment,
} from "./gen";
import { addNotice } from "./notices";
import { toProblem } from "./problem";
import { keys } from "./queries";
import type { Deployment, DeploymentChange, DeploymentRequest, Operation } from "./types";

export type Verb = "start" | "stop" | "restart" | "delete";

const CALLS = {
  start: startDeployment,
  stop: stopDeployment,
  restart: restartDeployment,
  delete: deleteDeployment,
};

export interface Accepted {
  deployment: Deployment;
  operation: Operation;
}

export function createDeployment(
  spec: DeploymentRequest,
  idempotencyKey: string,
): Promise<Accepted> {
  return data(create({ body: spec, headers: { "Idempotency-Key": idempotencyKey } }));
}

export function patchDeployment(name: string, patch: DeploymentChange): Promise<Deployment> {
  return data(changeDeployment({ path: { name }, body: patch }));
}

/** Which verbs make sense in a phase; the server has the last word. */
export function verbsFor(d: Pick<Deployment, "phase" | "desired">): Verb[] {
  if (d.phase === "deleting") return [];
  if (d.desired === "stopped" || d.phase === "stopped") return ["start", "delete"];
  return ["restart", "stop", "delete"];
}

export interface DeploymentActions {
  busy: boolean;
  act: (verb: Verb, name: string) => Promise<boolean>;
  change: (name: string, patch: DeploymentChange, what: string) => Promise<Deployment | null>;
  /** Anything else that is done for a deployment; null where it failed, which is told. */
  attempt: <T>(title: string, name: string, call: () => Promise<T>) => Promise<T | null>;
}

export function useDeploymentActions(): DeploymentActions {
  const client = useQueryClient();
  const [pending, setPending] = useState(0);

  const attempt = useCallback(
    async <T>(title: string, name: string, call: () => Promise<T>): Promise<T | null> => {
      setPending((n) => n + 1);
      try {
        return await call();
      } catch (error) {
        const problem = toProblem(error);
        toast.error(title, { description: problem.detail });
        if (problem.status !== 401) addNotice(title, problem, name);
        return null;
      } finally {
        setPending((n) => n - 1);
        void client.invalidateQueries({ queryKey: keys.deployment(name) });
      }
    },
    [client],
  );

  const act = useCallback(
    async (verb: Verb, name: string) => {
      const done = await attempt(t.actions.failed(verb, name), name, () =>
        data<Accepted>(CALLS[verb]({ path: { name } })),
      );
      if (done) toast(t.actions.accepted(verb, name));
      void client.invalidateQueries({ queryKey: keys.deployments });
      void client.invalidateQueries({ queryKey: keys.operations });
      return done !== null;
    },
    [attempt, client],
  );

  const change = useCallback(
    (name: string, patch: DeploymentChange, what: string) =>
      attempt(what, name, () => patchDeployment(name, patch)),
    [attempt],
  );

  return { busy: pending > 0, act, change, attempt };
}
