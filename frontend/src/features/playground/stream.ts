/** Streams a chat completion from the OpenAI-compatible address, with the login's cookie. */

import { ApiError, problemOf } from "@/api/problem";
import { csrf, sessionLost } from "@/api/session";

export interface Turn {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface ChatRequest {
  model: string;
  messages: Turn[];
  temperature: number;
  max_tokens: number;
}

/** What one chunk says; `tokens` is the number of the reply's tokens so far, where the engine tells. */
export interface Piece {
  text: string;
  tokens: number | null;
  finish: string | null;
}

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { completion_tokens?: number } | null;
  error?: { message?: string };
}

export function readPiece(chunk: Chunk): Piece {
  const choice = chunk.choices?.[0];
  return {
    text: choice?.delta?.content ?? "",
    tokens: chunk.usage?.completion_tokens ?? null,
    finish: choice?.finish_reason ?? null,
  };
}

/** Splits server-sent events from text that comes in arbitrary pieces; returns data and the unfinished rest. */
export function splitEvents(text: string): { data: string[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const data = blocks.flatMap((block) => {
    const lines = block.split("\n").filter((line) => line.startsWith("data:"));
    return lines.length > 0 ? [lines.map((line) => line.slice(5).trimStart()).join("\n")] : [];
  });
  return { data, rest };
}

async function open(request: ChatRequest, signal: AbortSignal): Promise<Response> {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf() ?? "" },
    body: JSON.stringify({
      ...request,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    }),
    signal,
  });
  if (response.ok) return response;
  if (response.status === 401) sessionLost();
  const body: unknown = await response.json().catch(() => null);
  throw new ApiError(problemOf(body, response));
}

/** Yields the reply piece by piece; aborting the signal also ends the engine's work. */
export async function* streamChat(
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<Piece, void> {
  const response = await open(request, signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const events = splitEvents(rest + (value ?? (done ? "\n\n" : "")));
      rest = events.rest;
      for (const data of events.data) {
        if (data === "[DONE]") return;
        const chunk = JSON.parse(data) as Chunk;
        if (chunk.error) throw new ApiError(problemOf({ error: chunk.error }, response));
        yield readPiece(chunk);
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
