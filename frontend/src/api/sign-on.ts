/** Single sign-on: whether there is one, where it leads, and what one comes back with. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import { finishOidcLogin, getOidc, type OidcReturn, startOidcLogin } from "./gen";
import { rememberSession } from "./session";

export const signOnQuery = queryOptions({
  queryKey: ["sign-on"],
  queryFn: ({ signal }) => data(getOidc({ signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Returns the address at the provider to send the browser to. */
export async function beginSignOn(returnTo: string): Promise<string> {
  return (await data(startOidcLogin({ body: { return_to: returnTo } }))).url;
}

/** Reads what the provider added to the address with which it sent the browser back. */
export function readReturn(search: string): OidcReturn {
  const found = new URLSearchParams(search);
  const text = (name: string) => found.get(name) ?? undefined;
  return {
    state: text("state") ?? "",
    code: text("code"),
    error: text("error"),
    error_description: text("error_description"),
    iss: text("iss"),
  };
}

/** Finishes the login. It works once, so it is asked once, however often a page is drawn. */
export const finishQuery = (returned: OidcReturn) =>
  queryOptions({
    queryKey: ["sign-on", returned.state],
    queryFn: async () => {
      const finished = await data(finishOidcLogin({ body: returned }));
      rememberSession(finished.session);
      return finished;
    },
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
