/** Runs a call on configs: what fails is told and kept, what changed is read again. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { configKeys } from "@/api/configs";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";
import { c } from "@/strings/configs";

export function useConfigAction() {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const attempt = async <T>(call: () => Promise<T>): Promise<T | null> => {
    setBusy(true);
    try {
      const done = await call();
      await client.invalidateQueries({ queryKey: configKeys.all });
      return done;
    } catch (error) {
      const problem = toProblem(error);
      toast.error(c.failed, { description: problem.detail });
      if (problem.status !== 401) addNotice(c.failed, problem, null);
      return null;
    } finally {
      setBusy(false);
    }
  };
  return { busy, attempt };
}
