/** Captures of bodies: said to everybody while one is on; begun and ended by administrators. */

import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { data } from "@/api/client";
import { type Capture, startCapture, stopCapture } from "@/api/gen";
import { capturesQuery } from "@/api/requests";
import { Button } from "@/components/button";
import { Dialog, FormButtons } from "@/components/dialog";
import { TextField } from "@/components/field";
import { clockTime, count } from "@/components/format";
import { PartFailed } from "@/components/states";
import { r } from "@/strings/requests";
import { useRequestAction } from "./use-request-action";

function Note({ capture: c, mayStop }: { capture: Capture; mayStop: boolean }) {
  const { busy, attempt } = useRequestAction();
  const stop = (erase: boolean) =>
    void attempt(() =>
      data<unknown>(stopCapture({ path: { deployment: c.deployment }, query: { erase } })),
    );
  return (
    <div
      role="status"
      className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-control bg-warning-soft px-3 py-1.5 text-warning-text"
    >
      <p className="min-w-0 flex-1 basis-60">
        {r.capturing(c.deployment, count(c.requests_left), clockTime(c.until), c.started_by)}
      </p>
      {mayStop ? (
        <span className="flex gap-2">
          <Button size="small" disabled={busy} onClick={() => stop(false)}>
            {r.stop}
          </Button>
          <Button size="small" disabled={busy} onClick={() => stop(true)}>
            {r.erase}
          </Button>
        </span>
      ) : null}
    </div>
  );
}

/** What is captured now: of one deployment, or of all. */
export function Captures({ deployment, mayStop }: { deployment?: string; mayStop: boolean }) {
  const query = useQuery(capturesQuery);
  const captures = query.data ?? [];
  return (
    <>
      <PartFailed query={query} title={r.capturesFailed} />
      {captures
        .filter((capture) => !deployment || capture.deployment === deployment)
        .map((capture) => (
          <Note key={capture.deployment} capture={capture} mayStop={mayStop} />
        ))}
    </>
  );
}

const FIELDS = [
  ["minutes", r.minutes, 60, "10"],
  ["requests", r.requests, 100, "20"],
  ["keep_hours", r.keepHours, 24, "1"],
] as const;

export function CaptureButton({ deployment }: { deployment: string }) {
  const [open, setOpen] = useState(false);
  const { busy, attempt } = useRequestAction();
  const begin = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = Object.fromEntries(FIELDS.map(([name]) => [name, Number(form.get(name))]));
    if (await attempt(() => data(startCapture({ path: { deployment }, body })))) setOpen(false);
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>{r.capture}</Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={r.captureTitle(deployment)}
        description={r.captureWhat}
      >
        <form onSubmit={(event) => void begin(event)}>
          <div className="grid gap-3 sm:grid-cols-3">
            {FIELDS.map(([name, label, most, usual]) => (
              <TextField
                key={name}
                name={name}
                label={label}
                type="number"
                required
                min={1}
                max={most}
                defaultValue={usual}
              />
            ))}
          </div>
          <FormButtons submit={r.start} disabled={busy} onCancel={() => setOpen(false)} />
        </form>
      </Dialog>
    </>
  );
}
