/** One deployment: its start, its trouble, and everything about it in tabs. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useDeploymentActions } from "@/api/actions";
import { isNotFound } from "@/api/problem";
import { deploymentQuery } from "@/api/queries";
import type { Deployment } from "@/api/types";
import { buttonClass } from "@/components/button";
import { Card } from "@/components/card";
import {
  Doubtful,
  Empty,
  ErrorCard,
  Lost,
  Skeleton,
  SkeletonRows,
  StaleNote,
} from "@/components/states";
import { usePolling } from "@/realtime/provider";
import { t } from "@/strings";
import { Degradations, ErrorBanner, StaleBanner } from "./banners";
import { ConfigTab } from "./config-tab";
import { EventsTab } from "./events-tab";
import { FetchCard } from "./fetch-card";
import { Header } from "./header";
import { ReplicasTab } from "./replicas-tab";
import { SlownessCard } from "./slowness-card";
import { TimelineCard } from "./timeline-card";

export type TabId = keyof typeof t.detail.tabs;

const TABS = Object.entries(t.detail.tabs) as [TabId, string][];

function Tabs({ name, tab }: { name: string; tab: TabId }) {
  return (
    <nav
      aria-label={t.detail.tabList}
      className="mb-3 flex gap-5 overflow-x-auto border-b border-line"
    >
      {TABS.map(([id, label]) => (
        <Link
          key={id}
          to="/deployments/$name"
          params={{ name }}
          search={{ tab: id }}
          replace
          resetScroll={false}
          aria-current={id === tab ? "page" : undefined}
          activeProps={{}}
          className={`-mb-px border-b-2 pt-1 pb-2 ${id === tab ? "border-accent font-[600]" : "border-transparent text-muted hover:text-text"}`}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}

function Missing({ name }: { name: string }) {
  return (
    <Card>
      <Empty
        title={t.detail.missing(name)}
        why={t.detail.missingWhy}
        action={
          <Link to="/deployments" className={buttonClass()}>
            {t.detail.back}
          </Link>
        }
      />
    </Card>
  );
}

function Loaded({
  deployment: d,
  tab,
  logs,
  requests,
}: {
  deployment: Deployment;
  tab: TabId;
  logs: ReactNode;
  requests: ReactNode;
}) {
  const actions = useDeploymentActions();
  return (
    <>
      <Header deployment={d} actions={actions} />
      <StaleNote />
      <StaleBanner deployment={d} actions={actions} />
      <Degradations deployment={d} />
      <ErrorBanner deployment={d} />
      <TimelineCard deployment={d} />
      <FetchCard deployment={d} />
      <SlownessCard deployment={d} />
      <Tabs name={d.name} tab={tab} />
      {tab === "logs" ? logs : null}
      {tab === "requests" ? requests : null}
      {tab === "replicas" ? <ReplicasTab name={d.name} /> : null}
      {tab === "config" ? <ConfigTab deployment={d} /> : null}
      {tab === "events" ? <EventsTab name={d.name} /> : null}
    </>
  );
}

interface Props {
  name: string;
  tab: TabId;
  logs: ReactNode;
  requests: ReactNode;
}

export function DetailPage({ name, tab, logs, requests }: Props) {
  const query = useQuery({ ...deploymentQuery(name), refetchInterval: usePolling() });
  if (query.error && isNotFound(query.error)) return <Missing name={name} />;
  if (query.data)
    return (
      <Doubtful when={query.isRefetchError}>
        <Lost query={query} />
        <Loaded deployment={query.data} tab={tab} logs={logs} requests={requests} />
      </Doubtful>
    );
  if (query.isError) return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <>
      <Skeleton className="mb-4 h-8 w-60" />
      <Card>
        <SkeletonRows rows={4} />
      </Card>
    </>
  );
}
