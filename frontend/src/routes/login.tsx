/** The address `/login`. */

import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { keys } from "@/api/queries";
import { LoginPage } from "@/features/auth/login-page";
import { safeNext } from "./search";

const route = getRouteApi("/login");

export default function LoginRoute() {
  const { next } = route.useSearch();
  const client = useQueryClient();
  const router = useRouter();
  return (
    <LoginPage
      next={safeNext(next)}
      onDone={(session) => {
        client.setQueryData(keys.me, session);
        router.history.push(safeNext(next));
      }}
    />
  );
}
