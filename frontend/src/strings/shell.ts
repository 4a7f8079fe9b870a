/** The words of the frame around every page: what keys do, and the search. */

export const shortcuts = [
  ["mod K", "Search pages, deployments and actions"],
  ["g then o", "Go to the overview"],
  ["g then d", "Go to the deployments"],
  ["g then p", "Go to the playground"],
  ["c", "Deploy a model"],
  ["/", "Filter the list"],
  ["?", "Show these shortcuts"],
] as const;

export const palette = {
  title: "Search",
  placeholder: "A page, a deployment, something to do…",
  none: "Nothing found.",
  pages: "Pages",
  deployments: "Deployments",
  actions: "Actions",
  verb: (verb: string, name: string) => `${verb} ${name}`,
};
