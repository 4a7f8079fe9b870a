/** Words of requests that wait for a model. */

import type { KeyView } from "@/api/gen";

export const queueing = {
  queued: "Most requests waiting",
  wait: "Longest wait, seconds",
  installation: "as usual here",
  priority: "Priority",
  priorityHint: "Whose requests go first where they must wait for a model",
  priorities: { low: "low", normal: "normal", high: "high" } satisfies Record<
    KeyView["priority"],
    string
  >,
  tag: (priority: string) => `${priority} priority`,
};
