/** Runs a change of access. */

import type { QueryKey } from "@tanstack/react-query";
import { useAttempt } from "@/api/use-attempt";
import { access } from "@/strings/access";

export const useAccessAction = (...changed: readonly QueryKey[]) =>
  useAttempt({ title: access.failed, changed });
