/** A problem in full: what happened, the line that proves it, and buttons that mend it. */

import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { addressOf, placeOf } from "@/api/remedies";
import type { ProblemDetails, Remedy } from "@/api/types";
import { t } from "@/strings";
import { remedies as w } from "@/strings/remedies";
import { Advice, Causes } from "./advice";
import { Button, buttonClass } from "./button";
import { KeyRotation } from "./key-rotation";
import { Prose } from "./prose";
import { type Patient, questionOf, RemedyQuestion } from "./remedy-question";

interface Done {
  /** `token`: the one that was typed, for `set_token`. */
  onRemedy: (remedy: Remedy, token?: string) => void;
  busy: boolean;
  /** Without it, what would change something is advice: the server would refuse it. */
  mayAct?: boolean;
  /** The same for the installation's token. */
  maySetToken?: boolean;
  /** The deployment that they are done to. */
  patient?: Patient | null;
}

interface Props extends Done {
  remedies: readonly Remedy[];
  /** What tells their buttons from those beside another problem, to a screen reader. */
  about?: string;
  extra?: ReactNode;
}

const WRAPS = "h-auto! min-h-6.5 max-w-full py-0.5 whitespace-normal!";
/** Verbs that tell nobody anything who may not do them. */
const VERBS = new Set(["restart", "stop", "scale", "rotate"]);

function isDoable(remedy: Remedy, mayAct: boolean, maySetToken: boolean): boolean {
  switch (remedy.action ?? "none") {
    case "none":
      return false;
    case "open":
    case "rotate":
      return true;
    case "visit":
      return addressOf(remedy) !== null;
    case "set_token":
      return mayAct && maySetToken;
    default:
      return mayAct;
  }
}

export function ProblemBody({ problem, ...done }: Done & { problem: ProblemDetails }) {
  return (
    <div className="space-y-2">
      <p className="break-words">
        <Prose text={problem.detail} />
      </p>
      <Causes problem={problem} />
      <Remedies remedies={problem.remediation ?? []} {...done} />
    </div>
  );
}

/** What can be done, as buttons; the rest as words. */
export function Remedies(props: Props) {
  const { remedies, onRemedy, mayAct = true, maySetToken = mayAct, patient = null, extra } = props;
  const [asked, setAsked] = useState<Remedy | null>(null);
  const doable = remedies.filter((r) => isDoable(r, mayAct, maySetToken));
  const advice = remedies.filter((r) => !doable.includes(r) && !VERBS.has(r.action ?? "none"));
  const press = (r: Remedy) => {
    if (r.action === "rotate" || questionOf(r, patient)) setAsked(r);
    else onRemedy(r);
  };
  const close = () => setAsked(null);
  const rotates = asked?.action === "rotate";
  const first = doable.find((r) => r.action !== "open" && r.action !== "stop");
  return (
    <div className="space-y-2">
      <Advice remedies={advice} />
      {doable.length > 0 || extra ? (
        <div className="flex flex-wrap gap-2 pt-0.5">
          {doable.map((r) => (
            <RemedyButton
              key={r.label}
              remedy={r}
              isFirst={r === first}
              busy={props.busy}
              about={props.about}
              onPress={() => press(r)}
            />
          ))}
          {extra ? <span className="ml-auto flex gap-2">{extra}</span> : null}
        </div>
      ) : null}
      <RemedyQuestion
        remedy={rotates ? null : asked}
        patient={patient}
        onClose={close}
        onAnswer={onRemedy}
      />
      <KeyRotation remedy={rotates ? asked : null} onClose={close} />
    </div>
  );
}

interface ButtonProps {
  remedy: Remedy;
  isFirst: boolean;
  busy: boolean;
  about: string | undefined;
  onPress: () => void;
}

function RemedyButton({ remedy, isFirst, busy, about, onPress }: ButtonProps) {
  const kind = isFirst ? "primary" : "plain";
  const address = addressOf(remedy);
  const words = wordsOf(remedy);
  const label = about ? { "aria-label": `${words}: ${about}` } : {};
  if (address !== null)
    return (
      <a
        href={address}
        target="_blank"
        rel="noopener noreferrer"
        className={`${buttonClass(kind, "small")} ${WRAPS} break-all`}
        {...label}
      >
        <Prose text={words} />
      </a>
    );
  if (remedy.action === "open")
    return (
      <Link {...placeOf(remedy)} className={`${buttonClass(kind, "small")} ${WRAPS}`} {...label}>
        <Prose text={words} />
      </Link>
    );
  return (
    <Button size="small" kind={kind} disabled={busy} onClick={onPress} className={WRAPS} {...label}>
      <Prose text={words} />
    </Button>
  );
}

/** The server's words also name the command line's verb, which no button needs. */
function wordsOf(remedy: Remedy): string {
  if (remedy.action === "set_argument") return t.errors.andRetry(remedy.label);
  return remedy.action === "set_token" ? w.tokenTitle : remedy.label;
}
