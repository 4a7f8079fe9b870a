/** Which pages of access somebody may open. */

import type { Role } from "@/api/types";

export type AccessPage = "users" | "teams" | "keys" | "limits" | "usage" | "audit" | "account";

const FOR_ALL: readonly AccessPage[] = ["keys", "usage", "account"];
const FOR_OPERATORS: readonly AccessPage[] = ["keys", "limits", "usage", "account"];
const FOR_ADMINISTRATORS: readonly AccessPage[] = [
  "users",
  "teams",
  "keys",
  "limits",
  "usage",
  "audit",
  "account",
];

export function pagesOf(role: Role | undefined): readonly AccessPage[] {
  if (role === "administrator") return FOR_ADMINISTRATORS;
  return role === "operator" ? FOR_OPERATORS : FOR_ALL;
}
