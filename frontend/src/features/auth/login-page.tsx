/** The page for those who are not logged in yet. */

import type { Session } from "@/api/types";
import { Card } from "@/components/card";
import { Mark } from "@/components/mark";
import { t } from "@/strings";
import { LoginForm } from "./login-form";
import { SignOn } from "./sign-on";

interface Props {
  onDone: (session: Session) => void;
  /** The page that the person was going to. */
  next: string;
}

export function LoginPage({ onDone, next }: Props) {
  return (
    <main className="flex min-h-screen items-center justify-center p-5">
      <div className="w-full max-w-85">
        <div className="mb-5 flex items-center gap-2.5">
          <Mark size={22} />
          <div>
            <p className="text-[15px] font-[640]">{t.product}</p>
            <p className="text-small text-muted">{t.login.tagline}</p>
          </div>
        </div>
        <Card className="p-5">
          <h1 className="mb-3">{t.login.title}</h1>
          <LoginForm onDone={onDone} />
          <SignOn returnTo={next} />
        </Card>
        <p className="mt-4 text-small text-muted">
          <strong className="font-[600] text-text">{t.login.firstTime}</strong> {t.login.hint}{" "}
          <code className="font-mono [overflow-wrap:anywhere]">{t.login.hintFile}</code>.
        </p>
      </div>
    </main>
  );
}
