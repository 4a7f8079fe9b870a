/** One alert: what is so, since when, who sees to it, and what can be done about it. */

import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { data } from "@/api/client";
import { type Alert, acknowledgeAlert } from "@/api/gen";
import { addressOf, pathOf } from "@/api/remedies";
import type { Remedy } from "@/api/types";
import { Advice } from "@/components/advice";
import { Ago } from "@/components/ago";
import { Button, buttonClass } from "@/components/button";
import { Card } from "@/components/card";
import { Chip } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { TextField } from "@/components/field";
import { dateTime, type Tone } from "@/components/format";
import { Prose } from "@/components/prose";
import { useUnsure } from "@/components/states";
import { t } from "@/strings";
import { alertWords as w } from "@/strings/alerts";
import { useMay } from "./may";
import { SilenceDialog } from "./silence-dialog";
import { useAlertAction } from "./use-alert-action";

const TONES: Record<Alert["severity"], Tone> = {
  critical: "failed",
  warning: "warning",
  info: "working",
};
const EDGES: Record<Alert["severity"], string> = {
  critical: "border-l-failed",
  warning: "border-l-warning",
  info: "border-l-working",
};

function AcknowledgeDialog({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [note, setNote] = useState(alert.note ?? "");
  const { busy, attempt } = useAlertAction();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = { note: note.trim() || null };
    const call = () => data(acknowledgeAlert({ path: { alert_id: alert.id }, body }));
    if (await attempt(call, w.acknowledged)) onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(next) => (next ? undefined : onClose())}
      title={w.acknowledgeTitle}
      description={w.acknowledgeWhy}
    >
      <form onSubmit={(event) => void submit(event)}>
        <TextField
          label={w.note}
          maxLength={1000}
          value={note}
          onChange={(event) => setNote(event.target.value)}
        />
        <div className="mt-4 flex justify-end gap-2">
          <Button onClick={onClose}>{t.words.cancel}</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            {w.acknowledge}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Steps that lead to a page are links, here or elsewhere; the others are done there, so they are said. */
function Steps({ alert }: { alert: Alert }) {
  const isLink = (r: Remedy) => r.action === "open" || addressOf(r) !== null;
  const style = buttonClass("plain", "small");
  return (
    <>
      <Advice remedies={alert.remediation.filter((r) => !isLink(r))} />
      {alert.remediation.filter(isLink).map((r) => {
        const address = addressOf(r);
        const label = `${r.label}: ${alert.title}`;
        return address === null ? (
          <Link key={r.label} to={pathOf(r)} className={style} aria-label={label}>
            {r.label}
          </Link>
        ) : (
          <a
            key={r.label}
            href={address}
            target="_blank"
            rel="noreferrer"
            className={style}
            aria-label={label}
          >
            {r.label}
          </a>
        );
      })}
    </>
  );
}

function Standing({ alert }: { alert: Alert }) {
  const parts = [
    alert.resolved_at ? w.over(dateTime(alert.resolved_at)) : null,
    alert.acknowledged_by ? w.seenBy(alert.acknowledged_by) : null,
    alert.note,
    alert.silenced_until && !alert.resolved_at
      ? w.silentUntil(dateTime(alert.silenced_until))
      : null,
  ].filter((part) => part !== null);
  return parts.length > 0 ? (
    <p className="mt-1 text-small break-words text-muted">{parts.join(" · ")}</p>
  ) : null;
}

export function AlertCard({ alert }: { alert: Alert }) {
  const [asked, setAsked] = useState<"acknowledge" | "silence" | null>(null);
  const may = useMay();
  const unsure = useUnsure();
  const isOn = alert.resolved_at === null;
  const isKnown = alert.is_known && !unsure;
  const edge = isOn && isKnown ? EDGES[alert.severity] : "border-l-line-strong";
  return (
    <Card className={`border-l-3 px-4 py-3.5 ${edge}`}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="min-w-0 font-[600] break-words">{alert.title}</h3>
        <Chip tone={isOn && isKnown ? TONES[alert.severity] : "idle"}>
          {w.severity[alert.severity]}
        </Chip>
        <span className="text-small text-muted">
          {w.since} <Ago at={alert.since} />
        </span>
        {isOn && !isKnown ? (
          <span className="text-small text-muted" title={w.unknownWhy}>
            {w.unknown}
          </span>
        ) : null}
      </div>
      <p className="mt-1 break-words">
        <Prose text={alert.detail} />
      </p>
      <Standing alert={alert} />
      <div className="mt-2 flex flex-wrap gap-2">
        <Steps alert={alert} />
        {isOn && may.see ? (
          <>
            <Button size="small" onClick={() => setAsked("acknowledge")}>
              {w.acknowledge}
            </Button>
            <Button size="small" onClick={() => setAsked("silence")}>
              {w.silence}
            </Button>
          </>
        ) : null}
      </div>
      {asked === "acknowledge" ? (
        <AcknowledgeDialog alert={alert} onClose={() => setAsked(null)} />
      ) : null}
      <SilenceDialog open={asked === "silence"} onClose={() => setAsked(null)} about={alert} />
    </Card>
  );
}
