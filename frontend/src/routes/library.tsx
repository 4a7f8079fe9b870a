/** The address `/library`. */

import { LibraryPage } from "@/features/models/library-page";

export default function LibraryRoute() {
  return <LibraryPage />;
}
