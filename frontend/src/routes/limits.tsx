/** The address `/limits`. */

import { LimitsPage } from "@/features/access/limits-page";

export default function LimitsRoute() {
  return <LimitsPage />;
}
