/** The address `/account`. */

import { AccountPage } from "@/features/access/account-page";

export default function AccountRoute() {
  return <AccountPage />;
}
