/** Runs a change about requests: what fails is told and kept, and the lists are read again. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "sonner";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";
import { requestKeys } from "@/api/requests";
import { r } from "@/strings/requests";

export function useRequestAction() {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  /** The call's answer, or null where it was refused. */
  const attempt = async <T>(call: () => Promise<T>): Promise<T | null> => {
    setBusy(true);
    try {
      return await call();
    } catch (error) {
      const problem = toProblem(error);
      toast.error(r.refused, { description: problem.detail });
      if (problem.status !== 401) addNotice(r.refused, problem, null);
      return null;
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: requestKeys.all });
      void client.invalidateQueries({ queryKey: requestKeys.captures });
    }
  };
  return { busy, attempt };
}
