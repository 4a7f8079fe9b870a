/** What the one who is logged in may do, as far as pages offer it. The server decides. */

import { useQuery } from "@tanstack/react-query";
import { meQuery } from "./queries";
import type { Role } from "./types";

/** `operate`: deploy, configure, download. `administer`: everything else. `ask`: use models. */
export type Right = "operate" | "administer" | "ask";

const WHO: Record<Right, readonly Role[]> = {
  operate: ["administrator", "operator"],
  administer: ["administrator"],
  ask: ["administrator", "operator", "member"],
};

export function rolesOf(right: Right): readonly Role[] {
  return WHO[right];
}

/** A role that is not known yet is offered everything: pages are shown once it is. */
export function may(role: Role | null | undefined, right: Right): boolean {
  return role == null || WHO[right].includes(role);
}

export function useMay(right: Right): boolean {
  return may(useQuery(meQuery).data?.user.role, right);
}
