/** Runs a change about requests: the lists are read again. */

import { requestKeys } from "@/api/requests";
import { useAttempt } from "@/api/use-attempt";
import { r } from "@/strings/requests";

export const useRequestAction = () =>
  useAttempt({ title: r.refused, changed: [requestKeys.all, requestKeys.captures] });
