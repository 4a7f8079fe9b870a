/** Runs a change of alerts, and says that it was made. */

import { toast } from "sonner";
import { alertKeys } from "@/api/alerts";
import { useAttempt } from "@/api/use-attempt";
import { alertWords as w } from "@/strings/alerts";

export function useAlertAction() {
  const { busy, attempt: run } = useAttempt({ title: w.actionFailed, changed: [alertKeys.alerts] });
  /** Whether the call was accepted. */
  const attempt = async (call: () => Promise<unknown>, done: string): Promise<boolean> => {
    const isDone = (await run(call)) !== null;
    if (isDone) toast(done);
    return isDone;
  };
  return { busy, attempt };
}
