/** All that is known of one request, and its bodies where they were captured. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { data } from "@/api/client";
import { type RequestBodies, type RequestView, revealBodies } from "@/api/gen";
import { requestQuery } from "@/api/requests";
import { useMay } from "@/api/rights";
import type { Session } from "@/api/types";
import { Button, buttonClass } from "@/components/button";
import { CopyButton } from "@/components/copy";
import { Dialog } from "@/components/dialog";
import { brief, count, dateTime, rate, seconds, UNKNOWN } from "@/components/format";
import { r } from "@/strings/requests";
import { useRequestAction } from "./use-request-action";
import { mayCancel, stateWords, whoOf } from "./words";

type Fact = keyof typeof r.facts;

function factsOf(request: RequestView, unsure: boolean): [Fact, string][] {
  return [
    ["deployment", request.deployment],
    ["model", request.model],
    ["replica", request.replica ?? UNKNOWN],
    ["path", request.path],
    ["kind", request.stream ? r.stream : r.whole],
    ["state", stateWords(request, unsure)],
    ["status", request.status == null ? UNKNOWN : String(request.status)],
    ["started", dateTime(request.started_at)],
    ["elapsed", seconds(request.seconds)],
    ["ttft", brief(request.ttft_seconds)],
    ["pace", rate(request.tokens_per_second)],
    ["prompt", count(request.prompt_tokens)],
    ["cached", count(request.cached_tokens)],
    ["completion", count(request.completion_tokens)],
    ["who", whoOf(request)],
    ["keyClass", r.keyClasses[request.key_class]],
    ["client", request.client || UNKNOWN],
  ];
}

function Text({ title, text }: { title: string; text: string }) {
  return (
    <section aria-label={title} className="mt-3">
      <div className="flex items-center justify-between">
        <h3 className="text-small text-muted">{title}</h3>
        <CopyButton text={text} />
      </div>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="mt-1 max-h-60 overflow-auto rounded-control bg-sunken p-2 font-mono text-small break-all whitespace-pre-wrap"
      >
        {text}
      </pre>
    </section>
  );
}

function Bodies({ request }: { request: RequestView }) {
  const { busy, attempt } = useRequestAction();
  const [found, setFound] = useState<RequestBodies | null>(null);
  const reveal = async () => {
    const path = { request_id: request.id };
    setFound(await attempt(() => data(revealBodies({ path }))));
  };
  if (!found)
    return (
      <div className="mt-3 border-t border-line pt-3">
        <p className="text-small text-muted">{r.revealWhat}</p>
        <Button className="mt-2" disabled={busy} onClick={() => void reveal()}>
          {r.reveal}
        </Button>
      </div>
    );
  return (
    <>
      <Text title={r.asked} text={found.request} />
      <Text title={r.answered} text={found.response} />
      <p className="mt-2 text-small text-muted">
        {found.is_cut ? `${r.cut} ` : ""}
        {r.expires(dateTime(found.expires_at))}
      </p>
    </>
  );
}

interface Props {
  /** As the list last said. */
  request: RequestView;
  unsure: boolean;
  session: Session | undefined;
  onCancel: (request: RequestView) => void;
  onClose: () => void;
}

/** The request as it is now, also once it has left the list. An id may be used twice. */
function useNow(listed: RequestView, unsure: boolean) {
  const query = useQuery(requestQuery(listed.id));
  const found = query.data?.started_at === listed.started_at ? query.data : null;
  const request = found && query.dataUpdatedAt > 0 ? found : listed;
  return { request, unsure: unsure || (query.isError && request.is_active) };
}

export function Details({ request: listed, session, onCancel, onClose, ...rest }: Props) {
  const { request, unsure } = useNow(listed, rest.unsure);
  const me = session?.user;
  const seesLogs = useMay("operate");
  return (
    <Dialog open onOpenChange={onClose} title={r.about(request.id)} wide>
      <div className="flex flex-wrap gap-2">
        <CopyButton text={request.id} />
        {seesLogs ? (
          <Link
            to="/logs"
            search={{ request: request.id }}
            className={buttonClass("plain", "small")}
          >
            {r.logs}
          </Link>
        ) : null}
        {mayCancel(request, me?.role, me?.id ?? "") ? (
          <Button size="small" kind="danger" onClick={() => onCancel(request)}>
            {r.cancel}
          </Button>
        ) : null}
      </div>
      <dl
        className={`figures mt-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 ${unsure ? "text-muted" : ""}`}
      >
        {factsOf(request, unsure).map(([fact, text]) => (
          <div key={fact} className="contents">
            <dt className="text-muted">{r.facts[fact]}</dt>
            <dd className="break-all">{text}</dd>
          </div>
        ))}
      </dl>
      {me?.role === "administrator" && request.has_bodies ? <Bodies request={request} /> : null}
    </Dialog>
  );
}
