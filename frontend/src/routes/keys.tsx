/** The address `/keys`. */

import { KeysPage } from "@/features/access/keys-page";

export default function KeysRoute() {
  return <KeysPage />;
}
