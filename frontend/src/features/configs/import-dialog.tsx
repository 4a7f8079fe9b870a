/** Configs from a file or from pasted JSON: looked at first, then taken in. */

import { useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import { type ConfigsImported, importConfigs } from "@/api/gen";
import { toProblem } from "@/api/problem";
import type { ProblemDetails } from "@/api/types";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Prose } from "@/components/prose";
import { t } from "@/strings";
import { c } from "@/strings/configs";
import { useConfigAction } from "./use-config-action";

function Outcome({ found }: { found: ConfigsImported }) {
  return (
    <div className="mt-3">
      <p className="text-muted">{c.checked}</p>
      <ul className="mt-1">
        {found.items.map((item) => (
          <li key={item.name}>
            <span className="font-[520]">{item.name}</span> · {c.outcomes[item.outcome]}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Refusal({ problem }: { problem: ProblemDetails }) {
  const errors = problem.errors ?? [];
  return (
    <div role="alert" className="mt-3 rounded-control bg-failed-soft px-3 py-2 text-failed-text">
      {errors.length > 0 ? (
        errors.map((error) => (
          <p key={`${error.field}${error.message}`} className="break-words">
            <Prose text={error.message} />
          </p>
        ))
      ) : (
        <p className="break-words">
          <Prose text={problem.detail} />
        </p>
      )}
    </div>
  );
}

export function ImportDialog({
  open,
  onOpenChange,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<ConfigsImported | null>(null);
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const { busy, attempt } = useConfigAction();
  const change = (next: string) => {
    setText(next);
    setFound(null);
    setProblem(null);
  };
  const send = async (check_only: boolean) => {
    setProblem(null);
    try {
      return await data(importConfigs({ body: { text, check_only } }));
    } catch (error) {
      setFound(null);
      setProblem(toProblem(error));
      return null;
    }
  };
  const take = async () => {
    const done = await attempt(() => send(false));
    if (!done) return;
    toast(done.items.map((item) => `${item.name}: ${c.outcomes[item.outcome]}`).join(", "));
    change("");
    onOpenChange(false);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={c.importTitle}
      description={c.importHint}
      wide
    >
      <label className="mb-2 block text-small">
        <span className="mr-2 text-muted">{c.importFile}</span>
        <input
          type="file"
          accept="application/json,.json"
          className="max-w-full text-small"
          onChange={(event) => void event.target.files?.[0]?.text().then(change)}
        />
      </label>
      <label className="block text-small text-muted">
        {c.importText}
        <textarea
          value={text}
          onChange={(event) => change(event.target.value)}
          rows={12}
          spellCheck={false}
          className="mt-1 w-full rounded-control border border-line bg-surface p-2.5 font-mono text-small text-text"
        />
      </label>
      {problem ? <Refusal problem={problem} /> : null}
      {found ? <Outcome found={found} /> : null}
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>{t.words.cancel}</Button>
        <Button disabled={busy || !text.trim()} onClick={() => void send(true).then(setFound)}>
          {c.check}
        </Button>
        <Button kind="primary" disabled={busy || !text.trim()} onClick={() => void take()}>
          {c.importNow}
        </Button>
      </div>
    </Dialog>
  );
}
