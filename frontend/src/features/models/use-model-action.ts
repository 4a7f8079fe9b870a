/** Runs a call on the library: what fails is told and kept, what changed is read again. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { modelKeys } from "@/api/models";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";

export function useModelAction() {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  /** Whether the call was accepted. */
  const attempt = async (title: string, call: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    try {
      await call();
      return true;
    } catch (error) {
      const problem = toProblem(error);
      toast.error(title, { description: problem.detail });
      if (problem.status !== 401) addNotice(title, problem, null);
      return false;
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: modelKeys.library });
    }
  };
  return { busy, attempt };
}
