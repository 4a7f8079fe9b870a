/** Runs what a person asked for: what fails is told and kept, what changed is read again. */

import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { addNotice } from "./notices";
import { toProblem } from "./problem";

interface Wanted {
  /** What is said of a refusal, where the attempt itself says nothing else. */
  title: string;
  /** What is read again, whether it worked or not. */
  changed: readonly QueryKey[];
  /** The answer is handed back once that was read again. */
  waits?: boolean;
}

export function useAttempt({ title, changed, waits = false }: Wanted) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  /** The call's answer, or null where it was refused. */
  const attempt = async <T>(call: () => Promise<T>, failed = title): Promise<T | null> => {
    setBusy(true);
    try {
      return await call();
    } catch (error) {
      const problem = toProblem(error);
      const field = problem.errors?.[0];
      const why = field ? `${field.field}: ${field.message}` : problem.detail;
      toast.error(failed, { description: why });
      if (problem.status !== 401) addNotice(failed, problem, null);
      return null;
    } finally {
      setBusy(false);
      const read = changed.map((queryKey) => client.invalidateQueries({ queryKey }));
      if (waits) await Promise.all(read);
    }
  };
  return { busy, attempt };
}
