/** Asks for the password again, above the page as it stands, when the session ends in mid-work. */

import { useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/queries";
import { useSessionLost } from "@/api/session";
import { Dialog } from "@/components/dialog";
import { t } from "@/strings";
import { LoginForm } from "./login-form";
import { SignOn } from "./sign-on";

export function SessionGuard() {
  const lost = useSessionLost();
  const client = useQueryClient();
  return (
    <Dialog
      open={lost}
      onOpenChange={() => undefined}
      title={t.login.again}
      description={t.login.againWhy}
    >
      <LoginForm
        onDone={(session) => {
          client.setQueryData(keys.me, session);
          void client.invalidateQueries();
        }}
      />
      {lost ? <SignOn leaves returnTo={window.location.pathname + window.location.search} /> : null}
    </Dialog>
  );
}
