/** Where the question is typed: Enter sends, Shift and Enter make a new line. */

import { type KeyboardEvent, useState } from "react";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { t } from "@/strings";
import type { Parameters } from "./use-chat";

const NUMBER =
  "h-6 w-14 rounded-chip border border-line bg-surface px-1.5 text-right text-small text-text hover:border-line-strong";

interface Props {
  panes: number;
  running: boolean;
  canSend: boolean;
  parameters: Parameters;
  onParameters: (parameters: Parameters) => void;
  onSend: (question: string) => void;
  onStop: () => void;
}

export function Composer({
  panes,
  running,
  canSend,
  parameters,
  onParameters,
  onSend,
  onStop,
}: Props) {
  const [question, setQuestion] = useState("");
  const send = () => {
    if (!canSend || running || question.trim() === "") return;
    onSend(question.trim());
    setQuestion("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <Card className="sticky bottom-2 flex flex-wrap items-end gap-x-3 gap-y-2 px-4 py-3">
      <textarea
        aria-label={t.playground.question}
        placeholder={t.playground.ask(panes)}
        rows={1}
        value={question}
        onChange={(event) => setQuestion(event.target.value)}
        onKeyDown={onKeyDown}
        className="field-sizing-content max-h-40 min-h-7.5 min-w-50 flex-1 resize-none bg-transparent py-1 outline-none focus-visible:outline-none"
      />
      <div className="flex flex-wrap items-center gap-3">
        <label className="flex items-center gap-1.5 text-small text-muted">
          {t.playground.temperature}
          <input
            type="number"
            min={0}
            max={2}
            step={0.1}
            value={parameters.temperature}
            onChange={(event) =>
              onParameters({ ...parameters, temperature: Number(event.target.value) })
            }
            className={NUMBER}
          />
        </label>
        <label className="flex items-center gap-1.5 text-small text-muted">
          <span aria-hidden="true">{t.playground.max}</span>
          <span className="sr-only">{t.playground.maxTokens}</span>
          <input
            type="number"
            min={1}
            max={1_000_000}
            value={parameters.maxTokens}
            onChange={(event) =>
              onParameters({ ...parameters, maxTokens: Number(event.target.value) })
            }
            className={NUMBER}
          />
        </label>
        {running ? (
          <Button onClick={onStop}>{t.playground.stop}</Button>
        ) : (
          <Button kind="primary" onClick={send} disabled={!canSend || question.trim() === ""}>
            {t.playground.send}
          </Button>
        )}
      </div>
    </Card>
  );
}
