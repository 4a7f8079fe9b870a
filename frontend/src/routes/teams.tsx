/** The address `/teams`. */

import { TeamsPage } from "@/features/access/teams-page";

export default function TeamsRoute() {
  return <TeamsPage />;
}
