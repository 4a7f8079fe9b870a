/** The address `/alerts`. */

import { AlertsPage } from "@/features/alerts/alerts-page";

export default function AlertsRoute() {
  return <AlertsPage />;
}
