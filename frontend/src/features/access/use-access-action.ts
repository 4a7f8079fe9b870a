/** Runs a change of access: what fails is told and kept, what changed is read again. */

import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";
import { access } from "@/strings/access";

export function useAccessAction(...changed: readonly QueryKey[]) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  /** The call's answer, or null where it was refused. */
  const attempt = async <T>(call: () => Promise<T>): Promise<T | null> => {
    setBusy(true);
    try {
      return await call();
    } catch (error) {
      const problem = toProblem(error);
      const field = problem.errors?.[0];
      const why = field ? `${field.field}: ${field.message}` : problem.detail;
      toast.error(access.failed, { description: why });
      if (problem.status !== 401) addNotice(access.failed, problem, null);
      return null;
    } finally {
      setBusy(false);
      for (const queryKey of changed) void client.invalidateQueries({ queryKey });
    }
  };
  return { busy, attempt };
}
