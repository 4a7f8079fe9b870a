/** ⌘K: every page, deployment and action, by typing. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { useDeploymentActions, verbsFor } from "@/api/actions";
import { deploymentsQuery, meQuery } from "@/api/queries";
import { may } from "@/api/rights";
import { Dot } from "@/components/chip";
import { phaseWords, toneOf } from "@/components/format";
import { toggleTheme, useDark } from "@/components/theme";
import { t } from "@/strings";
import { pagesOf } from "./access-pages";

const ITEM =
  "flex h-8 cursor-pointer items-center justify-between gap-3 rounded-[6px] px-2 data-[selected=true]:bg-sunken";
const GROUP =
  "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-tiny [&_[cmdk-group-heading]]:text-muted";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onLogOut: () => void;
}

export default function Palette({ open, onOpenChange, onLogOut }: Props) {
  const { data } = useQuery(deploymentsQuery);
  const role = useQuery(meQuery).data?.user.role;
  const mayOperate = may(role, "operate");
  const { act } = useDeploymentActions();
  const navigate = useNavigate();
  const dark = useDark();
  const deployments = data ?? [];
  const run = (action: () => unknown) => () => {
    onOpenChange(false);
    void action();
  };
  return (
    <Command.Dialog
      open={open}
      onOpenChange={onOpenChange}
      label={t.palette.title}
      loop
      overlayClassName="fixed inset-0 z-40 bg-[var(--overlay)]"
      contentClassName="fixed top-[12vh] left-1/2 z-50 w-[calc(100vw-28px)] max-w-140 -translate-x-1/2 overflow-hidden rounded-card border border-line bg-surface shadow-pop"
    >
      <Command.Input
        placeholder={t.palette.placeholder}
        className="h-11 w-full border-b border-line bg-transparent px-4 text-[14px] outline-none"
      />
      <Command.List className="max-h-[52vh] overflow-y-auto p-1.5">
        <Command.Empty className="px-2 py-6 text-center text-muted">{t.palette.none}</Command.Empty>
        <Command.Group heading={t.palette.pages} className={GROUP}>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/" }))}>
            {t.pages.overview}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/deployments" }))}>
            {t.pages.deployments}
          </Command.Item>
          {mayOperate ? (
            <Command.Item
              className={ITEM}
              onSelect={run(() => navigate({ to: "/deployments/new" }))}
            >
              {t.pages.deploy}
            </Command.Item>
          ) : null}
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/models" }))}>
            {t.pages.models}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/library" }))}>
            {t.pages.library}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/downloads" }))}>
            {t.pages.downloads}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/requests" }))}>
            {t.pages.requests}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/configs" }))}>
            {t.pages.configs}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/monitoring" }))}>
            {t.pages.monitoring}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/alerts" }))}>
            {t.pages.alerts}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/cluster" }))}>
            {t.pages.cluster}
          </Command.Item>
          {role === "administrator" || role === "operator" ? (
            <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/logs" }))}>
              {t.pages.logs}
            </Command.Item>
          ) : null}
          {pagesOf(role).map((page) => (
            <Command.Item
              key={page}
              className={ITEM}
              onSelect={run(() => navigate({ to: `/${page}` }))}
            >
              {t.pages[page]}
            </Command.Item>
          ))}
          <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/settings" }))}>
            {t.pages.settings}
          </Command.Item>
          {may(role, "ask") ? (
            <Command.Item className={ITEM} onSelect={run(() => navigate({ to: "/playground" }))}>
              {t.pages.playground}
            </Command.Item>
          ) : null}
        </Command.Group>
        <Command.Group heading={t.palette.deployments} className={GROUP}>
          {deployments.map((d) => (
            <Command.Item
              key={d.uid}
              value={`${d.name} ${d.spec.model}`}
              className={ITEM}
              onSelect={run(() => navigate({ to: "/deployments/$name", params: { name: d.name } }))}
            >
              <span className="truncate">{d.name}</span>
              <span className="flex shrink-0 items-center gap-1.5 text-small text-muted">
                <Dot tone={toneOf(d.phase)} />
                {phaseWords(d.phase, d.progress)}
              </span>
            </Command.Item>
          ))}
        </Command.Group>
        <Command.Group heading={t.palette.actions} className={GROUP}>
          {(mayOperate ? deployments : []).flatMap((d) =>
            verbsFor(d)
              .filter((verb) => verb !== "delete")
              .map((verb) => (
                <Command.Item
                  key={`${verb} ${d.uid}`}
                  value={`${verb} ${d.name}`}
                  className={ITEM}
                  onSelect={run(() => act(verb, d.name))}
                >
                  {t.palette.verb(t.verbs[verb], d.name)}
                </Command.Item>
              )),
          )}
          <Command.Item className={ITEM} onSelect={run(toggleTheme)}>
            {t.shell.theme(dark)}
          </Command.Item>
          <Command.Item className={ITEM} onSelect={run(onLogOut)}>
            {t.shell.logOut}
          </Command.Item>
        </Command.Group>
      </Command.List>
    </Command.Dialog>
  );
}
