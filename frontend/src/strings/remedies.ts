/** Words of what mends a failed deployment. */

export const remedies = {
  failed: (label: string) => `Could not do it: ${label}`,
  token: "Hugging Face token",
  tokenTitle: "Set a Hugging Face token",
  tokenWhy: "Everybody's models are fetched with it. The deployment is started again then.",
  set: "Set and start again",
  stopTitle: (name: string) => `Stop ${name}?`,
  stopWhy:
    "Requests under way are finished. When it has stopped, this deployment is started again.",
  stop: "Stop it",
};
