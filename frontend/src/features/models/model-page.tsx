/** One model of the hub: what it is, what keeps it from being served, whether it fits, its files. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, lazy, Suspense, useId, useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import { createDownload, type ModelDetails } from "@/api/gen";
import { cardQuery, filesQuery, modelKeys, modelQuery } from "@/api/models";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";
import { Ago } from "@/components/ago";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { BareInput } from "@/components/field";
import { FitPanel } from "@/components/fit-panel";
import { bytes, count, UNKNOWN } from "@/components/format";
import { Prose } from "@/components/prose";
import { Allowed } from "@/components/restricted";
import { ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { m } from "@/strings/models";
import { compact } from "./figures";
import { Freshness } from "./freshness";

const Markdown = lazy(() => import("@/components/markdown"));
const w = m.model;

const FILES_SHOWN = 200;

interface Chosen {
  repo: string;
  /** A branch, tag or commit; the default branch where there is none. */
  revision: string | undefined;
}

function Actions({ details, revision }: { details: ModelDetails } & Omit<Chosen, "repo">) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const { repo } = details.model;
  const fetchModel = async () => {
    setBusy(true);
    try {
      await data(createDownload({ body: { repo, ...(revision ? { revision } : {}) } }));
      void client.invalidateQueries({ queryKey: modelKeys.downloads });
      toast(w.downloading(repo));
      await navigate({ to: "/downloads" });
    } catch (error) {
      const problem = toProblem(error);
      toast.error(problem.title, { description: problem.detail });
      if (problem.status !== 401) addNotice(problem.title, problem, null);
    } finally {
      setBusy(false);
    }
  };
  const search = { model: repo, ...(revision ? { revision } : {}) };
  return (
    <>
      <Button disabled={busy} onClick={() => void fetchModel()}>
        {w.download}
      </Button>
      <Link to="/configs/new" search={search} className={buttonClass()}>
        {w.config}
      </Link>
      <Link to="/deployments/new" search={search} className={buttonClass("primary")}>
        {w.deploy}
      </Link>
    </>
  );
}

function Obstacles({ details }: { details: ModelDetails }) {
  if (details.findings.length === 0) return null;
  return (
    <Card label={w.obstacles} className="mb-3 border-l-3 border-l-warning px-4 py-3.5">
      <h2 className="mb-1">{w.obstacles}</h2>
      {details.findings.map((finding) => (
        <div key={finding.code} className="mt-1">
          <p className="break-words">
            <Prose text={finding.detail} />
          </p>
          <ul className="list-disc pl-4.5 text-muted">
            {(finding.remediation ?? []).map((remedy) => (
              <li key={remedy.label}>
                <Prose text={remedy.label} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </Card>
  );
}

function Facts({ details: d }: { details: ModelDetails }) {
  const rows: [string, string | null][] = [
    [w.rows.license, d.model.license],
    [w.rows.task, d.model.task],
    [
      w.rows.parameters,
      d.model.parameters == null
        ? null
        : `${compact(d.model.parameters)} (${d.model.dtypes.join(", ") || UNKNOWN})`,
    ],
    [w.rows.weights, `${bytes(d.weights_bytes)} · ${d.weight_format}`],
    [w.rows.context, d.context_tokens == null ? null : w.tokens(count(d.context_tokens))],
    [w.rows.architecture, d.model.architectures.join(", ") || null],
    [w.rows.commit, d.commit.slice(0, 12)],
  ];
  return (
    <Card label={w.facts} className="p-4">
      <h2 className="mb-2">{w.facts}</h2>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0 break-words">{value ?? UNKNOWN}</dd>
          </div>
        ))}
        {d.model.updated_at ? (
          <div className="contents">
            <dt className="text-muted">{w.rows.updated}</dt>
            <dd>
              <Ago at={d.model.updated_at} />
            </dd>
          </div>
        ) : null}
      </dl>
      <a
        href={d.url}
        target="_blank"
        rel="noreferrer noopener"
        className="mt-2 inline-block text-small underline"
      >
        {w.onHub}
      </a>
    </Card>
  );
}

function Revision({
  chosen,
  onRevision,
}: { chosen: string | undefined } & Pick<Props, "onRevision">) {
  const id = useId();
  const [text, setText] = useState(chosen ?? "");
  const choose = (event: FormEvent) => {
    event.preventDefault();
    onRevision(text.trim());
  };
  return (
    <form className="mt-3 flex items-center gap-2" onSubmit={choose}>
      <label htmlFor={id} className="text-small text-muted">
        {w.revision}
      </label>
      <BareInput
        id={id}
        placeholder={w.revisionHint}
        value={text}
        maxLength={128}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        className="max-w-60 font-mono"
      />
      <Button type="submit" disabled={text.trim() === (chosen ?? "")}>
        {w.showRevision}
      </Button>
    </form>
  );
}

function Files({ repo, revision, details }: { details: ModelDetails } & Chosen) {
  const query = useQuery(filesQuery(repo, revision));
  const [shown, setShown] = useState(FILES_SHOWN);
  const hidden = Math.max(0, (query.data?.files.length ?? 0) - shown);
  return (
    <Card label={w.files} className="mt-3 p-4">
      <div className="mb-2 flex items-baseline gap-2">
        <h2>{w.files}</h2>
        <span className="text-small text-muted">
          {w.filesOf(count(details.files_count), bytes(details.files_bytes))}
        </span>
      </div>
      {query.isError ? (
        <p role="status" className="text-failed-text">
          <Prose text={toProblem(query.error).detail} />
        </p>
      ) : query.data ? (
        <ul className="max-h-80 overflow-y-auto text-small">
          {query.data.files.slice(0, shown).map((file) => (
            <li key={file.path} className="flex gap-3 border-t border-line py-1">
              <span className="min-w-0 flex-1 font-mono break-all">{file.path}</span>
              <span className="figures shrink-0 text-muted">{bytes(file.size_bytes)}</span>
            </li>
          ))}
          {hidden > 0 ? (
            <li className="border-t border-line py-2">
              <Button size="small" onClick={() => setShown(shown + 5 * FILES_SHOWN)}>
                {w.moreFiles(count(Math.min(hidden, 5 * FILES_SHOWN)))}
              </Button>
            </li>
          ) : null}
        </ul>
      ) : (
        <SkeletonRows rows={3} />
      )}
    </Card>
  );
}

function ModelCardText({ repo, revision }: Chosen) {
  const query = useQuery(cardQuery(repo, revision));
  return (
    <Card label={w.card} className="mt-3 p-4">
      <h2 className="mb-2">{w.card}</h2>
      {query.data?.text ? (
        <Suspense fallback={<SkeletonRows rows={3} />}>
          <Markdown text={query.data.text} />
        </Suspense>
      ) : query.isPending ? (
        <SkeletonRows rows={3} />
      ) : (
        <p className="text-muted">
          {query.isError ? <Prose text={toProblem(query.error).detail} /> : w.noCard}
        </p>
      )}
    </Card>
  );
}

interface Props extends Chosen {
  onRevision: (revision: string) => void;
}

export function ModelPage({ repo, revision, onRevision }: Props) {
  const query = useQuery(modelQuery(repo, revision));
  const choice = <Revision chosen={revision} onRevision={onRevision} />;
  const details = query.data;
  if (!details)
    return query.isError ? (
      <>
        <PageHead title={repo} below={choice} />
        <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
      </>
    ) : (
      <Card>
        <SkeletonRows rows={5} />
      </Card>
    );
  return (
    <>
      <PageHead
        title={details.model.repo}
        actions={
          <Allowed right="operate">
            <Actions details={details} revision={revision} />
          </Allowed>
        }
        below={choice}
      />
      <StaleNote />
      <Freshness of={details} />
      <Obstacles details={details} />
      <div className="grid items-start gap-3 lg:grid-cols-[minmax(0,1fr)_384px]">
        <div className="min-w-0">
          <Facts details={details} />
          <Files repo={repo} revision={revision} details={details} />
          <ModelCardText repo={repo} revision={revision} />
        </div>
        <Card className="p-4 max-lg:order-first lg:sticky lg:top-17">
          <FitPanel asked={{ model: repo, ...(revision ? { revision } : {}) }} />
        </Card>
      </div>
    </>
  );
}
