/** What a list already knows against serving a model, each in two or three words. Pure. */

import type { ModelSummary } from "@/api/gen";
import { m } from "@/strings/models";

type Known = Pick<ModelSummary, "gate" | "supported" | "needs_own_code" | "has_safetensors">;

export function obstaclesOf(model: Known): string[] {
  const found: [boolean, string][] = [
    [model.gate != null && model.gate !== "open", m.discover.gated],
    [model.supported === false, m.discover.unsupported],
    [model.needs_own_code === true, m.discover.ownCode],
    [model.has_safetensors === false, m.discover.notSafetensors],
  ];
  return found.filter(([is]) => is).map(([, words]) => words);
}
