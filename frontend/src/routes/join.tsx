/** The address `/join#token`: where an invitation or a reset of the password leads. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useLocation, useRouter } from "@tanstack/react-router";
import { keys } from "@/api/queries";
import { buttonClass } from "@/components/button";
import { JoinPage } from "@/features/access/join-page";
import { join } from "@/strings/access";

export default function JoinRoute() {
  const token = useLocation().hash;
  const client = useQueryClient();
  const router = useRouter();
  return (
    <JoinPage
      key={token}
      token={token}
      toLogin={
        <Link to="/login" className={buttonClass("primary")}>
          {join.toLogin}
        </Link>
      }
      onDone={(session) => {
        client.clear();
        client.setQueryData(keys.me, session);
        void router.navigate({ to: "/" });
      }}
    />
  );
}
