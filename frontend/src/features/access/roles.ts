/** What the one who is logged in may do, as far as the pages must know. */

import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/api/queries";
import type { Role } from "@/api/types";

export const ROLES: readonly Role[] = ["administrator", "operator", "member", "viewer"];

export function useRole(): Role | null {
  return useQuery(meQuery).data?.user.role ?? null;
}
