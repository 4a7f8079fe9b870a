/** A request's state and figures, as people read them. */

import type { RequestView } from "@/api/gen";
import type { Role } from "@/api/types";
import { count, type Tone } from "@/components/format";
import { r } from "@/strings/requests";

const TONES: Record<RequestView["state"], Tone> = {
  queued: "warning",
  prefill: "working",
  decode: "working",
  working: "working",
  done: "ready",
  refused: "warning",
  upstream_failed: "failed",
  client_left: "idle",
  cancelled: "idle",
};

/** Never coloured where nobody knows whether it is still so. */
export function toneOf(request: RequestView, unsure: boolean): Tone {
  if (unsure || !request.is_current) return "idle";
  return request.is_cancelling ? "warning" : TONES[request.state];
}

export function stateWords(request: RequestView, unsure: boolean): string {
  const words = request.is_cancelling ? r.cancelling : r.states[request.state];
  return (unsure && request.is_active) || !request.is_current ? `${words}?` : words;
}

export function whoOf(request: RequestView): string {
  const user = request.user_name ?? request.user;
  if (!request.key) return `${user} · ${r.login}`;
  const mark = request.key_last_four ? ` …${request.key_last_four}` : "";
  return `${user} · ${request.key_name ?? request.key}${mark}`;
}

export function tokensOf(request: RequestView): string {
  return r.tokens(count(request.prompt_tokens), count(request.completion_tokens));
}

export function mayCancel(request: RequestView, role: Role | undefined, me: string): boolean {
  if (!request.is_active || !request.is_current || request.is_cancelling) return false;
  if (role === "administrator" || role === "operator") return true;
  return role === "member" && request.user === me;
}
