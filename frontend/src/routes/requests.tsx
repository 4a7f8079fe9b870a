/** The address `/requests`. */

import { RequestsPage } from "@/features/requests/requests-page";

export default function RequestsRoute() {
  return <RequestsPage />;
}
