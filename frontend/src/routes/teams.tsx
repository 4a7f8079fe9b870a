/** The address `/teams`. */

import { Restricted } from "@/components/restricted";
import { TeamsPage } from "@/features/access/teams-page";

export default function TeamsRoute() {
  return (
    <Restricted right="administer">
      <TeamsPage />
    </Restricted>
  );
}
