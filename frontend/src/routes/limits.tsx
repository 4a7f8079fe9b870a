/** The address `/limits`. */

import { Restricted } from "@/components/restricted";
import { LimitsPage } from "@/features/access/limits-page";

export default function LimitsRoute() {
  return (
    <Restricted right="operate">
      <LimitsPage />
    </Restricted>
  );
}
