/** The address `/users`. */

import { Restricted } from "@/components/restricted";
import { UsersPage } from "@/features/access/users-page";

export default function UsersRoute() {
  return (
    <Restricted right="administer">
      <UsersPage />
    </Restricted>
  );
}
