/** Runs a call on configs; its page opens with what is new. */

import { configKeys } from "@/api/configs";
import { useAttempt } from "@/api/use-attempt";
import { c } from "@/strings/configs";

export const useConfigAction = () =>
  useAttempt({ title: c.failed, changed: [configKeys.all], waits: true });
