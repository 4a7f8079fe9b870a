/** Copying text, and blocks of code that can be copied. */

import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { t } from "@/strings";
import { Button } from "./button";

async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain HTTP on another machine has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

interface Props {
  text: string | (() => string);
  label?: string;
}

export function CopyButton({ text, label = t.words.copy }: Props) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <Button
      size="small"
      onClick={() => {
        void toClipboard(typeof text === "string" ? text : text()).then(() => setDone(true));
      }}
    >
      {done ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
      <span aria-live="polite">{done ? t.words.copied : label}</span>
    </Button>
  );
}

interface Tab {
  name: string;
  text: string;
}

/** The same thing said in several ways, one at a time. */
export function CodeTabs({ tabs, note }: { tabs: Tab[]; note?: ReactNode }) {
  const [chosen, setChosen] = useState(tabs[0]?.name);
  const tab = tabs.find((x) => x.name === chosen) ?? tabs[0];
  if (!tab) return null;
  return (
    <div>
      <div className="flex flex-wrap items-center gap-1.5">
        {tabs.map((x) => (
          <button
            key={x.name}
            type="button"
            aria-pressed={x.name === tab.name}
            onClick={() => setChosen(x.name)}
            className="h-5.5 rounded-chip border border-line px-1.5 text-tiny text-muted hover:border-line-strong aria-pressed:border-transparent aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {x.name}
          </button>
        ))}
        <span className="text-small text-muted">{note}</span>
        <span className="ml-auto">
          <CopyButton text={tab.text} />
        </span>
      </div>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        className="mt-2 max-h-80 overflow-auto rounded-control border border-line bg-sunken px-3 py-2.5 font-mono text-small whitespace-pre-wrap [overflow-wrap:anywhere]"
      >
        {tab.text}
      </pre>
    </div>
  );
}
