/** The address `/audit`. */

import { Restricted } from "@/components/restricted";
import { AuditPage } from "@/features/access/audit-page";

export default function AuditRoute() {
  return (
    <Restricted right="administer">
      <AuditPage />
    </Restricted>
  );
}
