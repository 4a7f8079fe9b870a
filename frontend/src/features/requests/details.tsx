/** All that is known of one request, and its bodies where they were captured. */

import { useState } from "react";
import { data } from "@/api/client";
import { type RequestBodies, type RequestView, revealBodies } from "@/api/gen";
import { Button } from "@/components/button";
import { CopyButton } from "@/components/copy";
import { Dialog } from "@/components/dialog";
import { count, dateTime, rate, seconds, UNKNOWN } from "@/components/format";
import { r } from "@/strings/requests";
import { useRequestAction } from "./use-request-action";
import { brief, stateWords, whoOf } from "./words";

type Fact = keyof typeof r.facts;

function factsOf(request: RequestView): [Fact, string][] {
  return [
    ["deployment", request.deployment],
    ["model", request.model],
    ["replica", request.replica ?? UNKNOWN],
    ["path", request.path],
    ["kind", request.stream ? r.stream : r.whole],
    ["state", stateWords(request, false)],
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
  request: RequestView;
  mayRead: boolean;
  /** Undefined where it can't be cancelled, or not by who looks. */
  onCancel: (() => void) | undefined;
  onClose: () => void;
}

export function Details({ request, mayRead, onCancel, onClose }: Props) {
  return (
    <Dialog open onOpenChange={onClose} title={r.about(request.id)} wide>
      <div className="flex gap-2">
        <CopyButton text={request.id} />
        {onCancel ? (
          <Button size="small" kind="danger" onClick={onCancel}>
            {r.cancel}
          </Button>
        ) : null}
      </div>
      <dl className="figures mt-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
        {factsOf(request).map(([fact, text]) => (
          <div key={fact} className="contents">
            <dt className="text-muted">{r.facts[fact]}</dt>
            <dd className="break-all">{text}</dd>
          </div>
        ))}
      </dl>
      {mayRead && request.has_bodies ? <Bodies request={request} /> : null}
    </Dialog>
  );
}
