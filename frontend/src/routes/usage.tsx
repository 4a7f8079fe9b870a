/** The address `/usage`. */

import { UsagePage } from "@/features/access/usage-page";

export default function UsageRoute() {
  return <UsagePage />;
}
