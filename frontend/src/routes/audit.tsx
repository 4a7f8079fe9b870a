/** The address `/audit`. */

import { AuditPage } from "@/features/access/audit-page";

export default function AuditRoute() {
  return <AuditPage />;
}
