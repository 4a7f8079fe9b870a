/** The address `/downloads`. */

import { DownloadsPage } from "@/features/downloads/downloads-page";

export default function DownloadsRoute() {
  return <DownloadsPage />;
}
