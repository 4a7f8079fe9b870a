/** One alert: what is so, since when, who sees to it, and what can be done about it. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { data } from "@/api/client";
import { type Alert, acknowledgeAlert } from "@/api/gen";
import { deploymentQuery } from "@/api/queries";
import { useMay } from "@/api/rights";
import { useRemedy } from "@/api/use-remedy";
import { Ago } from "@/components/ago";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Chip } from "@/components/chip";
import { Dialog, FormButtons } from "@/components/dialog";
import { TextField } from "@/components/field";
import { dateTime, type Tone } from "@/components/format";
import { Prose } from "@/components/prose";
import { Remedies } from "@/components/remedies";
import { useUnsure } from "@/components/states";
import { alertWords as w } from "@/strings/alerts";
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
        <FormButtons submit={w.acknowledge} disabled={busy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

/** What somebody may do about it here; of a deployment, once that is known. */
function Ways({ alert, extra }: { alert: Alert; extra: ReactNode }) {
  const name = alert.deployment;
  const { data: patient } = useQuery({ ...deploymentQuery(name ?? ""), enabled: name !== null });
  const remedy = useRemedy(patient ?? null);
  return (
    <Remedies
      remedies={alert.remediation}
      about={alert.title}
      extra={extra}
      {...remedy}
      busy={remedy.busy || (name !== null && !patient)}
    />
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
  const mayOperate = useMay("operate");
  const unsure = useUnsure();
  const isOn = alert.resolved_at === null;
  const isKnown = alert.is_known && !unsure;
  const edge = isOn && isKnown ? EDGES[alert.severity] : "border-l-line-strong";
  const seeing = (
    <>
      <Button size="small" onClick={() => setAsked("acknowledge")}>
        {w.acknowledge}
      </Button>
      <Button size="small" onClick={() => setAsked("silence")}>
        {w.silence}
      </Button>
    </>
  );
  return (
    <Card label={alert.title} className={`border-l-3 px-4 py-3.5 ${edge}`}>
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
      {isOn ? (
        <div className="mt-2">
          <Ways alert={alert} extra={mayOperate ? seeing : null} />
        </div>
      ) : null}
      {asked === "acknowledge" ? (
        <AcknowledgeDialog alert={alert} onClose={() => setAsked(null)} />
      ) : null}
      <SilenceDialog open={asked === "silence"} onClose={() => setAsked(null)} about={alert} />
    </Card>
  );
}
