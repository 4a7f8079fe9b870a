/** A problem in full: what happened, the line that proves it, and buttons that mend it. */

import { type FormEvent, type ReactNode, useState } from "react";
import { addressOf } from "@/api/remedies";
import type { ProblemDetails, Remedy } from "@/api/types";
import { t } from "@/strings";
import { remedies as w } from "@/strings/remedies";
import { Advice, Causes } from "./advice";
import { Button, buttonClass } from "./button";
import { Dialog } from "./dialog";
import { TextField } from "./field";
import { Prose } from "./prose";

interface Props {
  problem: ProblemDetails;
  /** `token`: the one that was typed, for `set_token`. */
  onRemedy: (remedy: Remedy, token?: string) => void;
  busy: boolean;
  /** Without it, what would change something is advice: the server would refuse it. */
  mayAct?: boolean;
  /** The same for the installation's token. */
  maySetToken?: boolean;
  extra?: ReactNode;
}

const WRAPS = "h-auto min-h-6.5 whitespace-normal";

function isDoable(remedy: Remedy, mayAct: boolean, maySetToken: boolean): boolean {
  switch (remedy.action ?? "none") {
    case "none":
      return false;
    case "open":
      return true;
    case "visit":
      return addressOf(remedy) !== null;
    case "set_token":
      return mayAct && maySetToken;
    default:
      return mayAct;
  }
}

export function ProblemBody(props: Props) {
  const { problem, onRemedy, busy, mayAct = true, maySetToken = mayAct, extra } = props;
  const [asked, setAsked] = useState<Remedy | null>(null);
  const remedies = problem.remediation ?? [];
  const doable = remedies.filter((r) => isDoable(r, mayAct, maySetToken));
  const advice = remedies.filter((r) => !doable.includes(r));
  const press = (r: Remedy) => {
    if (r.action === "set_token" || r.action === "stop") setAsked(r);
    else onRemedy(r);
  };
  return (
    <div className="space-y-2">
      <p className="break-words">
        <Prose text={problem.detail} />
      </p>
      <Causes problem={problem} />
      <Advice remedies={advice} />
      {doable.length > 0 || extra ? (
        <div className="flex flex-wrap gap-2 pt-0.5">
          {doable.map((r, n) => (
            <RemedyButton
              key={r.label}
              remedy={r}
              isFirst={n === 0}
              busy={busy}
              onPress={() => press(r)}
            />
          ))}
          {extra}
        </div>
      ) : null}
      <Question
        remedy={asked}
        onClose={() => setAsked(null)}
        onAnswer={(remedy, token) => onRemedy(remedy, token)}
      />
    </div>
  );
}

interface ButtonProps {
  remedy: Remedy;
  isFirst: boolean;
  busy: boolean;
  onPress: () => void;
}

function RemedyButton({ remedy, isFirst, busy, onPress }: ButtonProps) {
  const kind = isFirst ? "primary" : "plain";
  const address = addressOf(remedy);
  if (address !== null)
    return (
      <a
        href={address}
        target="_blank"
        rel="noopener noreferrer"
        className={`${buttonClass(kind, "small")} ${WRAPS} break-all`}
      >
        <Prose text={remedy.label} />
      </a>
    );
  return (
    <Button size="small" kind={kind} disabled={busy} onClick={onPress} className={WRAPS}>
      <Prose text={wordsOf(remedy)} />
    </Button>
  );
}

/** The server's words also name the command line's verb, which no button needs. */
function wordsOf(remedy: Remedy): string {
  if (remedy.action === "set_argument") return t.errors.andRetry(remedy.label);
  return remedy.action === "set_token" ? w.tokenTitle : remedy.label;
}

interface QuestionProps {
  remedy: Remedy | null;
  onClose: () => void;
  onAnswer: (remedy: Remedy, token: string) => void;
}

/** What must be asked before a remedy is done: the token, or whether to stop another deployment. */
function Question({ remedy, onClose, onAnswer }: QuestionProps) {
  const [token, setToken] = useState("");
  const close = () => {
    setToken("");
    onClose();
  };
  const answer = (event: FormEvent) => {
    event.preventDefault();
    const given = token.trim();
    if (remedy === null || (remedy.action === "set_token" && !given)) return;
    close();
    onAnswer(remedy, given);
  };
  const asksToken = remedy?.action === "set_token";
  return (
    <Dialog
      open={remedy !== null}
      onOpenChange={close}
      title={asksToken ? w.tokenTitle : w.stopTitle(String(remedy?.arguments?.name ?? ""))}
      description={asksToken ? w.tokenWhy : w.stopWhy}
    >
      <form onSubmit={answer}>
        {asksToken ? (
          <TextField
            label={w.token}
            type="password"
            autoComplete="off"
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        ) : null}
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={close}>{t.words.cancel}</Button>
          <Button
            type="submit"
            kind={asksToken ? "primary" : "danger"}
            disabled={asksToken && !token.trim()}
          >
            {asksToken ? w.set : w.stop}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
