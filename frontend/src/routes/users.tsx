/** The address `/users`. */

import { UsersPage } from "@/features/access/users-page";

export default function UsersRoute() {
  return <UsersPage />;
}
