/** The address `/configs`. */

import { ConfigsPage } from "@/features/configs/list-page";

export default function ConfigsRoute() {
  return <ConfigsPage />;
}
