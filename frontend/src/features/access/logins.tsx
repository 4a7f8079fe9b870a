/** Where somebody is logged in, each login to be ended by itself. */

import type { UseQueryResult } from "@tanstack/react-query";
import type { SessionInfo } from "@/api/gen";
import { Ago } from "@/components/ago";
import { Button } from "@/components/button";
import { Tag } from "@/components/chip";
import { ErrorCard, Lost, SkeletonRows } from "@/components/states";
import { account as w } from "@/strings/access";
import { agentName } from "./agent-name";

interface LoginProps {
  login: SessionInfo;
  busy: boolean;
  onEnd: () => void;
}

function Login({ login, busy, onEnd }: LoginProps) {
  const agent = agentName(login.user_agent) ?? w.unknownAgent;
  return (
    <li className="flex flex-wrap items-center gap-x-2 gap-y-1 border-t border-line py-2.5">
      <span className="font-[520]" title={login.user_agent ?? undefined}>
        {agent}
      </span>
      {login.is_current ? <Tag>{w.thisOne}</Tag> : null}
      <span className="text-muted">
        {login.address ? `${w.from(login.address)}, ` : ""}
        {w.seen} <Ago at={login.last_seen_at} />
      </span>
      {login.is_current ? null : (
        <Button
          size="small"
          kind="danger"
          className="ml-auto"
          aria-label={w.endOf(agent)}
          disabled={busy}
          onClick={onEnd}
        >
          {w.end}
        </Button>
      )}
    </li>
  );
}

interface Props {
  query: UseQueryResult<SessionInfo[]>;
  failed: string;
  busy: boolean;
  onEnd: (login: SessionInfo) => void;
}

export function Logins({ query, failed, busy, onEnd }: Props) {
  if (query.isError && !query.data)
    return <ErrorCard error={query.error} title={failed} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonRows rows={2} />;
  if (query.data.length === 0) return <p className="text-muted">{w.nowhere}</p>;
  return (
    <>
      <Lost query={query} />
      <ul>
        {query.data.map((login) => (
          <Login key={login.id} login={login} busy={busy} onEnd={() => onEnd(login)} />
        ))}
      </ul>
    </>
  );
}
