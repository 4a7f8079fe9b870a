/** Runs a call on the library. */

import { modelKeys } from "@/api/models";
import { useAttempt } from "@/api/use-attempt";

export function useModelAction() {
  const { busy, attempt: run } = useAttempt({ title: "", changed: [modelKeys.library] });
  /** Whether the call was accepted; `title` says what was not, where it was refused. */
  const attempt = async (title: string, call: () => Promise<unknown>): Promise<boolean> =>
    (await run(call, title)) !== null;
  return { busy, attempt };
}
