/** Finding a model: what is popular, a search with its filters in the address, and what fits. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type RefObject, useEffect, useRef, useState } from "react";
import type { ModelSummary } from "@/api/gen";
import { badgeQuery, type ModelSearch, popularQuery, searchQuery } from "@/api/models";
import { Button } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Tag } from "@/components/chip";
import { BareInput, BareSelect } from "@/components/field";
import { FitChip } from "@/components/fit-panel";
import { Empty, ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { m } from "@/strings/models";
import { compact } from "./figures";
import { Freshness } from "./freshness";
import { obstaclesOf } from "./obstacles";
import { boundsOf, SIZES, type Size } from "./sizes";

const w = m.discover;
const TASKS = ["text-generation", "image-text-to-text", "feature-extraction", "text-ranking"];
const LICENSES = ["apache-2.0", "mit", "llama3", "llama3.1", "gemma", "cc-by-nc-4.0"];
const LIBRARIES = ["transformers", "vllm", "sentence-transformers", "safetensors"];

export interface View {
  q?: string;
  task?: string;
  license?: string;
  library?: string;
  size?: Size;
  sort?: ModelSearch["sort"];
}

/** Whether the element has come into view: once is enough. */
function useSeen<T extends Element>(): [RefObject<T | null>, boolean] {
  const place = useRef<T>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (!place.current || seen) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [seen]);
  return [place, seen];
}

/** Asked only for rows that somebody sees; what can't be known says so. */
function FitBadge({ model }: { model: ModelSummary }) {
  const [place, seen] = useSeen<HTMLSpanElement>();
  const blocked = obstaclesOf(model).length > 0;
  const query = useQuery({ ...badgeQuery(model.repo), enabled: seen && !blocked });
  if (blocked) return <span className="text-muted">–</span>;
  if (query.isError) return <FitChip verdict="unknown" />;
  return (
    <span ref={place} className="text-muted">
      {query.data ? <FitChip verdict={query.data.verdict} /> : "…"}
    </span>
  );
}

function Row({ model }: { model: ModelSummary }) {
  return (
    <tr className="border-t border-line align-top">
      <td className="py-2 pr-3 pl-4">
        <Link
          to="/hub/$"
          params={{ _splat: model.repo }}
          className="font-[520] break-all hover:underline"
        >
          {model.repo}
        </Link>
        <span className="mt-0.5 flex flex-wrap gap-1">
          {model.license ? <Tag>{model.license}</Tag> : null}
          {model.has_safetensors ? <Tag>safetensors</Tag> : null}
          {obstaclesOf(model).map((words) => (
            <Tag key={words}>{words}</Tag>
          ))}
        </span>
      </td>
      <td className="figures py-2 pr-3 whitespace-nowrap max-sm:hidden">
        {compact(model.parameters)}
        <span className="block text-small text-muted">{model.dtypes[0] ?? ""}</span>
      </td>
      <td className="py-2 pr-3">
        <FitBadge model={model} />
      </td>
      <td className="figures py-2 pr-4 text-right whitespace-nowrap max-sm:hidden">
        {compact(model.downloads)}
        <span className="block text-small text-muted">{w.likes(compact(model.likes))}</span>
      </td>
    </tr>
  );
}

function Table({ title, models }: { title: string; models: readonly ModelSummary[] }) {
  return (
    <Card label={title} className="overflow-x-auto">
      <h2 className="px-4 pt-3.5">{title}</h2>
      <table className="w-full text-left">
        <thead className="text-small text-muted">
          <tr>
            <th className="py-2 pr-3 pl-4 font-normal">{w.columns.model}</th>
            <th className="py-2 pr-3 font-normal max-sm:hidden">{w.columns.parameters}</th>
            <th className="py-2 pr-3 font-normal">{w.columns.fits}</th>
            <th className="py-2 pr-4 text-right font-normal max-sm:hidden">
              {w.columns.downloads}
            </th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <Row key={model.repo} model={model} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Loading() {
  return (
    <Card>
      <SkeletonRows />
    </Card>
  );
}

function Popular() {
  const query = useQuery(popularQuery);
  if (query.data)
    return (
      <>
        <Freshness of={query.data} />
        <Table title={w.popular} models={query.data.items} />
      </>
    );
  if (query.isError)
    return <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />;
  return <Loading />;
}

function Results({ search, onClear }: { search: ModelSearch; onClear: () => void }) {
  const query = useInfiniteQuery(searchQuery(search));
  const first = query.data?.pages[0];
  if (!query.data || !first)
    return query.isError ? (
      <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
    ) : (
      <Loading />
    );
  const models = query.data.pages.flatMap((page) => page.items);
  return (
    <>
      <Freshness of={first} />
      {models.length === 0 ? (
        <Card>
          <Empty
            title={w.none}
            why={w.noneWhy}
            action={<Button onClick={onClear}>{w.clear}</Button>}
          />
        </Card>
      ) : (
        <Table title={w.results} models={models} />
      )}
      {query.hasNextPage ? (
        <div className="mt-3 text-center">
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {w.more}
          </Button>
        </div>
      ) : null}
    </>
  );
}

const PAUSE_MS = 350;

function Filters({ view, onView }: { view: View; onView: (view: View) => void }) {
  const asked = view.q ?? "";
  const [text, setText] = useState(asked);
  const latest = useRef(() => {});
  latest.current = () => onView({ ...view, q: text || undefined });
  const sent = useRef(asked);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      latest.current();
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    // The address was changed from elsewhere: by Back, or by clearing the search.
    if (asked === sent.current) return;
    sent.current = asked;
    setText(asked);
  }, [asked]);
  return (
    <search className="mb-3 grid grid-cols-2 gap-2 sm:flex sm:flex-wrap">
      <BareInput
        data-filter
        type="search"
        aria-label={w.search}
        placeholder={w.search}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="min-w-50 flex-1 max-sm:col-span-2"
      />
      <BareSelect
        aria-label={w.task}
        value={view.task ?? ""}
        onChange={(event) => onView({ ...view, task: event.target.value || undefined })}
      >
        <option value="">{w.anyTask}</option>
        {TASKS.map((task) => (
          <option key={task}>{task}</option>
        ))}
      </BareSelect>
      <BareSelect
        aria-label={w.license}
        value={view.license ?? ""}
        onChange={(event) => onView({ ...view, license: event.target.value || undefined })}
      >
        <option value="">{w.anyLicense}</option>
        {LICENSES.map((license) => (
          <option key={license}>{license}</option>
        ))}
      </BareSelect>
      <BareSelect
        aria-label={w.library}
        value={view.library ?? ""}
        onChange={(event) => onView({ ...view, library: event.target.value || undefined })}
      >
        <option value="">{w.anyLibrary}</option>
        {LIBRARIES.map((library) => (
          <option key={library}>{library}</option>
        ))}
      </BareSelect>
      <BareSelect
        aria-label={w.size}
        value={view.size ?? ""}
        onChange={(event) => onView({ ...view, size: (event.target.value || undefined) as Size })}
      >
        <option value="">{w.anySize}</option>
        {SIZES.map((size) => (
          <option key={size} value={size}>
            {w.sizes[size]}
          </option>
        ))}
      </BareSelect>
      <BareSelect
        aria-label={w.sort}
        value={view.sort ?? "trending"}
        onChange={(event) => onView({ ...view, sort: event.target.value as View["sort"] })}
      >
        {Object.entries(w.sorts).map(([id, words]) => (
          <option key={id} value={id}>
            {words}
          </option>
        ))}
      </BareSelect>
    </search>
  );
}

export function DiscoverPage({ view, onView }: { view: View; onView: (view: View) => void }) {
  const { q, task, license, library, size, sort } = view;
  const searching = Boolean(q || task || license || library || size || sort);
  return (
    <>
      <PageHead title={w.title} below={<p className="text-muted">{w.lead}</p>} />
      <StaleNote />
      <Filters view={view} onView={onView} />
      {searching ? (
        <Results
          search={{
            ...(q ? { q } : {}),
            ...(task ? { task } : {}),
            ...(license ? { license } : {}),
            ...(library ? { library } : {}),
            ...(size ? boundsOf(size) : {}),
            sort: sort ?? "trending",
          }}
          onClear={() => onView({})}
        />
      ) : (
        <Popular />
      )}
    </>
  );
}
