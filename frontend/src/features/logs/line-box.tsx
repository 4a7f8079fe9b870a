/** A box of log lines that follows the end until one scrolls up; only the lines in view are drawn. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { type Span, spans } from "./ansi";

const LINE_PX = 18;
/** This close to the end counts as being at the end. */
const END_PX = 30;
const COLOURS = [
  "text-muted",
  "text-failed-text",
  "text-ready-text",
  "text-warning-text",
  "text-working-text",
  "text-data-4",
  "text-data-2",
  "",
];

function classOf(span: Span): string {
  const colour = span.colour === null ? "" : COLOURS[span.colour];
  return `${colour} ${span.bold ? "font-[600]" : ""} ${span.dim ? "text-muted" : ""}`;
}

/** A line's text with a terminal's colours; nothing in it is ever markup. */
export function Coloured({ text }: { text: string }) {
  return spans(text).map((span, n) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: spans of an unchanging line
    <span key={n} className={classOf(span)}>
      {span.text}
    </span>
  ));
}

interface Props<T> {
  label: string;
  lines: readonly T[];
  /** Names a line, so that the view stays where it is when older ones come in front. */
  keyOf: (line: T) => string;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  height: string;
  children: (line: T) => ReactNode;
}

export function LineBox<T>({ label, lines, keyOf, follow, onFollow, height, children }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const first = useRef<string | null>(null);
  useLayoutEffect(() => {
    const before = first.current;
    const now = lines[0];
    first.current = now === undefined ? null : keyOf(now);
    if (follow || before === null || before === first.current || !box.current) return;
    const moved = lines.findIndex((line) => keyOf(line) === before);
    if (moved > 0) box.current.scrollTop += moved * LINE_PX;
  }, [lines, follow, keyOf]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new line moves the end
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [follow, lines]);
  return (
    <div
      ref={box}
      role="log"
      aria-label={label}
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        onFollow(scrollHeight - scrollTop - clientHeight < END_PX);
      }}
      className={`${height} overflow-auto py-2 font-mono text-small`}
    >
      <div className="relative min-w-max" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          return line === undefined ? null : (
            <div
              key={item.key}
              className="absolute left-0 h-4.5 px-3 whitespace-pre"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {children(line)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
