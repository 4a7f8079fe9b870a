/** What somebody may do about alerts, by their role. */

import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/api/queries";

export function useMay(): { see: boolean; tell: boolean } {
  const role = useQuery(meQuery).data?.user.role;
  return {
    /** Acknowledge, silence, and see who is told. */
    see: role === "administrator" || role === "operator",
    /** Say who is told. */
    tell: role === "administrator",
  };
}
