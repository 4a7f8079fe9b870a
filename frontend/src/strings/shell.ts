/** The words of the frame around all pages: their names, the menu, shortcuts, the connection. */

export const pages = {
  overview: "Overview",
  deployments: "Deployments",
  deploy: "Deploy a model",
  newDeployment: "New",
  requests: "Requests",
  playground: "Playground",
  configs: "Configs",
  models: "Discover",
  library: "Library",
  downloads: "Downloads",
  cluster: "Cluster",
  monitoring: "Monitoring",
  alerts: "Alerts",
  logs: "Logs",
  settings: "Settings",
  users: "Users",
  teams: "Teams",
  keys: "Keys",
  limits: "Limits",
  usage: "Usage",
  audit: "Audit log",
  account: "Your account",
  login: "Log in",
};

export const shell = {
  skip: "Skip to the content",
  menu: "Menu",
  closeMenu: "Close the menu",
  models: "Models",
  run: "Run",
  serve: "Serve",
  access: "Access",
  navigation: "Main",
  jump: "Search or jump to…",
  breadcrumb: "Breadcrumb",
  theme: (dark: boolean) => (dark ? "Use the light theme" : "Use the dark theme"),
  user: (name: string) => `Account of ${name}`,
  logOut: "Log out",
  shortcuts: "Keyboard shortcuts",
};

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

export const connection = {
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting",
  staleSince: (clock: string) => `stale since ${clock}`,
  unheard: "The server's stream of events can't be reached. What is shown may no longer be so.",
  lastUpdate: (ago: string) =>
    `The connection to the server was lost: last update ${ago}. What is shown may no longer be so.`,
};
