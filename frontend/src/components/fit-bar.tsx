/** A device's memory as a bar: who takes how much, and what stays free. */

import type { FitDevice } from "@/api/gen";
import { fit } from "@/strings/configs";
import { bytes } from "./format";

const PARTS = [
  ["weights_bytes", "bg-data-1"],
  ["kv_cache_bytes", "bg-data-2"],
  ["activations_bytes", "bg-data-3"],
  ["graphs_bytes", "bg-data-4"],
  ["overhead_bytes", "bg-line-strong"],
  ["lora_bytes", "bg-working"],
  ["other_processes_bytes", "bg-faint"],
] as const;

export interface Part {
  name: string;
  colour: string;
  bytes: number;
}

/** The parts that are known and not nothing, in their order; what is not known has no width. */
export function partsOf(device: FitDevice): Part[] {
  return PARTS.flatMap(([key, colour]) => {
    const size = device[key];
    return size ? [{ name: fit.parts[key], colour, bytes: size }] : [];
  });
}

/** Which parts the estimate could not tell. */
export function unknownOf(device: FitDevice): string[] {
  return PARTS.filter(([key]) => device[key] == null).map(([key]) => fit.parts[key]);
}

export function FitBar({ device }: { device: FitDevice }) {
  const parts = partsOf(device);
  const used = parts.reduce((sum, part) => sum + part.bytes, 0);
  const whole = Math.max(device.total_bytes ?? used, used, 1);
  const label = device.index == null ? fit.machine : fit.gpu(device.index, device.name ?? null);
  const unknown = unknownOf(device);
  return (
    <figure className="space-y-1.5">
      <figcaption className="flex justify-between gap-2 text-small">
        <span className="truncate font-[520]">{label}</span>
        <span className="shrink-0 text-muted">
          {fit.of(bytes(parts.length > 0 ? used : null), bytes(device.total_bytes))}
        </span>
      </figcaption>
      <div
        aria-hidden="true"
        className="flex h-3 overflow-hidden rounded-[4px] border border-line bg-sunken"
      >
        {parts.map((part) => (
          <span
            key={part.name}
            className={`${part.colour} border-r border-surface last:border-r-0`}
            style={{ width: `${(part.bytes / whole) * 100}%` }}
          />
        ))}
      </div>
      <ul className="flex flex-wrap gap-x-3 gap-y-0.5 text-tiny text-muted">
        {parts.map((part) => (
          <li key={part.name} className="inline-flex items-center gap-1">
            <span aria-hidden="true" className={`size-2 rounded-[2px] ${part.colour}`} />
            {part.name} {bytes(part.bytes)}
          </li>
        ))}
        {device.total_bytes != null && whole > used ? (
          <li>
            {fit.parts.rest} {bytes(whole - used)}
          </li>
        ) : null}
        {unknown.map((name) => (
          <li key={name}>
            {name} {fit.unknownPart}
          </li>
        ))}
      </ul>
    </figure>
  );
}
