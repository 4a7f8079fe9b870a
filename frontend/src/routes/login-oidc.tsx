/** The address `/login/oidc`: where the provider of logins sends people back to. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";
import type { OidcFinished } from "@/api/gen";
import { keys } from "@/api/queries";
import { readReturn } from "@/api/sign-on";
import { buttonClass } from "@/components/button";
import { ArrivalPage } from "@/features/auth/arrival-page";
import { signOn } from "@/strings/sign-on";
import { arrivedWith } from "./arrival";
import { safeNext } from "./search";

const returned = readReturn(arrivedWith);

export default function LoginOidcRoute() {
  const client = useQueryClient();
  const router = useRouter();
  const done = useCallback(
    (finished: OidcFinished) => {
      client.setQueryData(keys.me, finished.session);
      router.history.replace(safeNext(finished.return_to));
    },
    [client, router],
  );
  return (
    <ArrivalPage
      returned={returned}
      onDone={done}
      toLogin={
        <Link to="/login" className={buttonClass("primary")}>
          {signOn.again}
        </Link>
      }
    />
  );
}
