/** Runs a change of alerts: what fails is told and kept, what changed is read again. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { alertKeys } from "@/api/alerts";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";
import { alertWords as w } from "@/strings/alerts";

export function useAlertAction() {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  /** Whether the call was accepted. */
  const attempt = async (call: () => Promise<unknown>, done: string): Promise<boolean> => {
    setBusy(true);
    try {
      await call();
      toast(done);
      return true;
    } catch (error) {
      const problem = toProblem(error);
      const field = problem.errors?.[0];
      toast.error(w.actionFailed, { description: field ? field.message : problem.detail });
      if (problem.status !== 401) addNotice(w.actionFailed, problem, null);
      return false;
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: alertKeys.alerts });
    }
  };
  return { busy, attempt };
}
