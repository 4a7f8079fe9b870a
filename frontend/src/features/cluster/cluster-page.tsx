/** The machine: processor, memory, GPUs with whoever holds their memory, disks. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Gpu, HardwareSnapshot } from "@/api/gen";
import { hardwareQuery } from "@/api/machine";
import { Card, PageHead } from "@/components/card";
import { Chip, Tag } from "@/components/chip";
import { bytes, count, UNKNOWN } from "@/components/format";
import { ErrorCard, Lost, SkeletonRows, StaleNote } from "@/components/states";
import { machine as w } from "@/strings/machine";
import { inUse } from "./figures";

function Bar({ used, total }: { used: number | null; total: number | null }) {
  const share = used != null && total ? Math.min(1, used / total) : null;
  return (
    <div aria-hidden="true" className="mt-1 h-2 overflow-hidden rounded-full bg-sunken">
      {share === null ? null : (
        <div className="h-full bg-data-1" style={{ width: `${(share * 100).toFixed(1)}%` }} />
      )}
    </div>
  );
}

function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value ?? UNKNOWN}</dd>
        </div>
      ))}
    </dl>
  );
}

const unit = (value: number | null, of: string) =>
  value == null ? UNKNOWN : `${count(value)} ${of}`;

function GpuItem({ gpu }: { gpu: Gpu }) {
  return (
    <li className="border-t border-line py-3 first:border-t-0">
      <div className="flex flex-wrap items-center gap-2">
        <span className="font-[520]">
          {gpu.index} · {gpu.name ?? UNKNOWN}
        </span>
        {gpu.state === "ok" ? null : <Chip tone="failed">{w.lost[gpu.state]}</Chip>}
        <span className="figures ml-auto text-small text-muted">
          {w.used(bytes(gpu.memory_used_bytes), bytes(gpu.memory_total_bytes))}
        </span>
      </div>
      <Bar used={gpu.memory_used_bytes} total={gpu.memory_total_bytes} />
      <p className="mt-1 text-small text-muted">
        {w.utilisation} {unit(gpu.utilization_percent, "%")} · {w.temperature}{" "}
        {unit(gpu.temperature_celsius, "°C")} · {w.power} {unit(gpu.power_watts, "W")}
      </p>
      {gpu.used_by?.length ? (
        <p className="text-small text-muted">{w.givenTo(gpu.used_by.join(", "))}</p>
      ) : null}
      <ul aria-label={w.processes} className="mt-1 text-small">
        {gpu.processes === null ? (
          <li className="text-muted">{UNKNOWN}</li>
        ) : gpu.processes.length === 0 ? (
          <li className="text-muted">{w.nobody}</li>
        ) : (
          gpu.processes.map((process) => (
            <li key={process.pid} className="flex flex-wrap items-center gap-2">
              <span>{process.name ?? UNKNOWN}</span>
              <span className="text-muted">{w.pid(process.pid)}</span>
              <span className="figures">{bytes(process.memory_used_bytes)}</span>
              {process.ours === false ? <Chip tone="warning">{w.foreign}</Chip> : null}
              {process.ours ? <Tag>{w.ours}</Tag> : null}
            </li>
          ))
        )}
      </ul>
    </li>
  );
}

function Loaded({ hardware: h }: { hardware: HardwareSnapshot }) {
  const { cpu, memory } = h.host;
  const used = inUse(memory.total_bytes, memory.available_bytes);
  return (
    <>
      {h.problems.length > 0 ? (
        <Card label={w.problems} className="mb-3 border-l-3 border-l-warning px-4 py-3">
          <h2>{w.problems}</h2>
          {h.problems.map((problem) => (
            <p key={`${problem.probe}${problem.detail}`} className="break-words">
              {problem.detail}
              {problem.used_by?.length ? ` ${w.concerns(problem.used_by.join(", "))}` : null}
            </p>
          ))}
        </Card>
      ) : null}
      <div className="grid items-start gap-3 lg:grid-cols-2">
        <Card label={w.processor} className="p-4">
          <h2 className="mb-2">{h.host.hostname}</h2>
          <Facts
            rows={[
              [w.processor, cpu.name],
              [w.sockets, count(cpu.sockets)],
              [w.cores, count(cpu.cores)],
              [w.usable, count(cpu.usable_cpus)],
              [w.sets, cpu.instruction_sets?.join(" ") ?? null],
            ]}
          />
        </Card>
        <Card label={w.memory} className="p-4">
          <h2 className="mb-2">{w.memory}</h2>
          <p>{w.used(bytes(used), bytes(memory.total_bytes))}</p>
          <Bar used={used} total={memory.total_bytes} />
          <h2 className="mt-4 mb-2">{w.disks}</h2>
          {h.disks.map((disk) => (
            <div key={disk.purpose} className="mb-2">
              <p className="flex flex-wrap justify-between gap-2">
                <span>{w.purposes[disk.purpose]}</span>
                <span className="figures text-small text-muted">
                  {w.free(bytes(disk.free_bytes), bytes(disk.total_bytes))}
                </span>
              </p>
              <Bar used={inUse(disk.total_bytes, disk.free_bytes)} total={disk.total_bytes} />
              <p className="font-mono text-tiny break-all text-muted">{disk.path}</p>
            </div>
          ))}
        </Card>
      </div>
      <Card label={w.gpus} className="mt-3 p-4">
        <h2>{w.gpus}</h2>
        {h.gpus.length === 0 ? (
          <p className="mt-1 text-muted">{w.noGpus}</p>
        ) : (
          <ul>
            {h.gpus.map((gpu) => (
              <GpuItem key={gpu.uuid ?? gpu.index} gpu={gpu} />
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}

export function ClusterPage() {
  const query = useQuery(hardwareQuery);
  return (
    <>
      <PageHead title={w.title} below={<p className="text-muted">{w.lead}</p>} />
      <StaleNote />
      <Lost query={query} />
      {query.data ? (
        <Loaded hardware={query.data} />
      ) : query.isError ? (
        <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
      ) : (
        <Card>
          <SkeletonRows rows={5} />
        </Card>
      )}
    </>
  );
}
