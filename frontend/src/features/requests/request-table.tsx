/** Requests as rows, with what can be done about each. */

import { type ReactNode, useState } from "react";
import { data } from "@/api/client";
import { cancelRequest, type RequestView } from "@/api/gen";
import type { Session } from "@/api/types";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { Chip } from "@/components/chip";
import { Dialog } from "@/components/dialog";
import { brief, rate, seconds } from "@/components/format";
import { r } from "@/strings/requests";
import { Details } from "./details";
import { useRequestAction } from "./use-request-action";
import { mayCancel, stateWords, tokensOf, toneOf, whoOf } from "./words";

const CELL = "px-2 py-2 first:pl-4 last:pr-4";
const RIGHT = `${CELL} text-right whitespace-nowrap`;

interface RowProps {
  request: RequestView;
  unsure: boolean;
  cancellable: boolean;
  onOpen: () => void;
  onCancel: () => void;
}

function Row({ request: q, unsure, cancellable, onOpen, onCancel }: RowProps) {
  const tone = toneOf(q, unsure);
  const faded = unsure || !q.is_current ? "text-muted" : "";
  return (
    <tr className={`border-t border-line ${faded}`}>
      <td className={CELL}>
        <button
          type="button"
          onClick={onOpen}
          title={q.id}
          className="block max-w-40 truncate font-mono text-small hover:underline"
        >
          {q.id}
        </button>
      </td>
      <td className={`${CELL} max-w-40 truncate`}>{q.model}</td>
      <td className={CELL}>
        <Chip tone={tone} busy={tone === "working"}>
          {stateWords(q, unsure)}
          {q.status == null || q.status === 200 ? "" : ` ${q.status}`}
        </Chip>
      </td>
      <td className={RIGHT}>{seconds(q.seconds)}</td>
      <td className={RIGHT}>{brief(q.ttft_seconds)}</td>
      <td className={RIGHT}>{rate(q.tokens_per_second)}</td>
      <td className={RIGHT}>{tokensOf(q)}</td>
      <td className={`${CELL} max-w-60 truncate`} title={q.client}>
        {whoOf(q)}
      </td>
      <td className={`${CELL} text-right`}>
        {cancellable ? (
          <Button size="small" onClick={onCancel} aria-label={`${r.cancel} ${q.id}`}>
            {r.cancel}
          </Button>
        ) : null}
      </td>
    </tr>
  );
}

function CancelDialog({ request, onClose }: { request: RequestView; onClose: () => void }) {
  const { busy, attempt } = useRequestAction();
  const cancel = async () => {
    await attempt(() => data(cancelRequest({ path: { request_id: request.id } })));
    onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={r.cancelTitle}
      description={r.cancelWhat(request.id, whoOf(request))}
    >
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{r.keep}</Button>
        <Button kind="danger" disabled={busy} onClick={() => void cancel()}>
          {r.cancelTitle.replace("?", "")}
        </Button>
      </div>
    </Dialog>
  );
}

const HEADS = [
  ["id", ""],
  ["model", ""],
  ["state", ""],
  ["elapsed", "text-right"],
  ["ttft", "text-right"],
  ["pace", "text-right"],
  ["tokens", "text-right"],
  ["who", ""],
] as const;

interface Props {
  requests: RequestView[];
  /** Shown in place of the table where there are none; an open dialog stays. */
  empty: ReactNode;
  unsure: boolean;
  session: Session | undefined;
}

export function RequestTable({ requests, empty, unsure, session }: Props) {
  const [opened, setOpened] = useState<RequestView | null>(null);
  const [ending, setEnding] = useState<RequestView | null>(null);
  const me = session?.user;
  const newest = (old: RequestView) =>
    requests.find((q) => q.id === old.id && q.started_at === old.started_at) ?? old;
  return (
    <>
      {requests.length === 0 ? (
        <Card>{empty}</Card>
      ) : (
        <Card className="overflow-hidden">
          <section
            aria-label={r.title}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
            tabIndex={0}
            className="relative overflow-x-auto -outline-offset-2"
          >
            <table className="figures w-full min-w-220 text-left">
              <thead className="text-small text-muted">
                <tr>
                  {HEADS.map(([id, align]) => (
                    <th key={id} className={`${CELL} font-normal ${align}`}>
                      {r.columns[id]}
                    </th>
                  ))}
                  <th className={CELL}>
                    <span className="sr-only">{r.columns.actions}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {requests.map((request) => (
                  <Row
                    key={`${request.worker} ${request.started_at} ${request.id}`}
                    request={request}
                    unsure={unsure}
                    cancellable={mayCancel(request, me?.role, me?.id ?? "")}
                    onOpen={() => setOpened(request)}
                    onCancel={() => setEnding(request)}
                  />
                ))}
              </tbody>
            </table>
          </section>
        </Card>
      )}
      {opened ? (
        <Details
          request={newest(opened)}
          unsure={unsure}
          session={session}
          onCancel={(request) => {
            setEnding(request);
            setOpened(null);
          }}
          onClose={() => setOpened(null)}
        />
      ) : null}
      {ending ? <CancelDialog request={ending} onClose={() => setEnding(null)} /> : null}
    </>
  );
}
