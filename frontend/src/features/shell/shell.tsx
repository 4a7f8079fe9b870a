/** The frame around every page: where one is, what is going on, and how to get elsewhere. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, type LinkProps, useNavigate } from "@tanstack/react-router";
import { Menu as MenuIcon, Moon, Search, Sun, User } from "lucide-react";
import { Dialog as Drawer } from "radix-ui";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { Toaster } from "sonner";
import "sonner/dist/styles.css";
import { logout, meQuery } from "@/api/queries";
import { useMay } from "@/api/rights";
import { IconButton } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Menu } from "@/components/menu";
import { Notices } from "@/components/notices";
import { keyWords } from "@/components/platform";
import { ShownSecret } from "@/components/secret";
import { toggleTheme, useDark } from "@/components/theme";
import { t } from "@/strings";
import { ConnectionDot } from "./connection-dot";
import type { Shortcut } from "./keys";
import { Sidebar } from "./sidebar";
import { OperationsTray } from "./tray";
import { useShortcuts } from "./use-shortcuts";

const Palette = lazy(() => import("./palette"));

export interface Crumb {
  label: string;
  to?: LinkProps["to"];
}

function Breadcrumb({ crumbs }: { crumbs: Crumb[] }) {
  return (
    <nav aria-label={t.shell.breadcrumb} className="min-w-0">
      <ol className="flex min-w-0 items-center gap-1">
        {crumbs.map((crumb, n) =>
          n === crumbs.length - 1 ? (
            <li key={crumb.label} aria-current="page" className="truncate font-[600]">
              {crumb.label}
            </li>
          ) : (
            <li key={crumb.label} className="shrink-0 text-muted max-sm:hidden">
              {crumb.to ? (
                <Link to={crumb.to} className="hover:text-text">
                  {crumb.label}
                </Link>
              ) : (
                crumb.label
              )}{" "}
              /
            </li>
          ),
        )}
      </ol>
    </nav>
  );
}

function ShortcutsDialog({
  open,
  onOpenChange,
}: {
  open: boolean;
  onOpenChange: (o: boolean) => void;
}) {
  const needed: Partial<Record<string, boolean>> = {
    "g then p": useMay("ask"),
    c: useMay("operate"),
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t.shell.shortcuts}>
      <dl>
        {t.shortcuts
          .filter(([key]) => needed[key] ?? true)
          .map(([key, what]) => (
            <div
              key={key}
              className="flex justify-between border-b border-line py-1.5 last:border-0"
            >
              <dt>{what}</dt>
              <dd>
                <kbd className="rounded-chip border border-line bg-sunken px-1.5 font-mono text-tiny">
                  {keyWords(key)}
                </kbd>
              </dd>
            </div>
          ))}
      </dl>
    </Dialog>
  );
}

function PhoneMenu() {
  const [open, setOpen] = useState(false);
  return (
    <Drawer.Root open={open} onOpenChange={setOpen}>
      <Drawer.Trigger asChild>
        <IconButton label={t.shell.menu} className="-ml-2 md:hidden">
          <MenuIcon size={17} aria-hidden />
        </IconButton>
      </Drawer.Trigger>
      <Drawer.Portal>
        <Drawer.Overlay className="fixed inset-0 z-40 bg-[var(--overlay)]" />
        <Drawer.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 left-0 z-50 w-62 border-r border-line bg-bg"
        >
          <Drawer.Title className="sr-only">{t.shell.menu}</Drawer.Title>
          <Sidebar onNavigate={() => setOpen(false)} />
        </Drawer.Content>
      </Drawer.Portal>
    </Drawer.Root>
  );
}

function useLogOut(): () => Promise<void> {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    await logout().catch(() => undefined);
    client.clear();
    await navigate({ to: "/login" });
  };
}

interface TopbarProps {
  crumbs: Crumb[];
  onSearch: () => void;
  onAccount: () => void;
  onLogOut: () => void;
}

function Topbar({ crumbs, onSearch, onAccount, onLogOut }: TopbarProps) {
  const dark = useDark();
  const { data: session } = useQuery(meQuery);
  const name = session?.user.username ?? "";
  return (
    <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b border-line bg-bg px-3.5 md:px-6">
      <PhoneMenu />
      <Breadcrumb crumbs={crumbs} />
      <div className="ml-auto flex shrink-0 items-center gap-1">
        <button
          type="button"
          onClick={onSearch}
          aria-keyshortcuts="Meta+K Control+K"
          className="mr-1 flex h-7.5 items-center justify-between rounded-control border border-line bg-surface px-2 text-muted hover:border-line-strong max-lg:w-auto lg:w-57"
        >
          <span className="max-lg:sr-only">{t.shell.jump}</span>
          <Search size={15} aria-hidden className="sm:hidden" />
          <span aria-hidden="true" className="text-small max-sm:hidden">
            {keyWords("mod K")}
          </span>
        </button>
        <OperationsTray />
        <span className="px-1">
          <ConnectionDot />
        </span>
        <IconButton label={t.shell.theme(dark)} onClick={toggleTheme}>
          {dark ? <Sun size={15} aria-hidden /> : <Moon size={15} aria-hidden />}
        </IconButton>
        <Menu
          head={name}
          trigger={
            <IconButton label={t.shell.user(name)}>
              <User size={15} aria-hidden />
            </IconButton>
          }
          items={[
            { label: t.pages.account, onSelect: onAccount },
            { label: t.shell.logOut, onSelect: onLogOut },
          ]}
        />
      </div>
    </header>
  );
}

export function Shell({ crumbs, children }: { crumbs: Crumb[]; children: ReactNode }) {
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  const logOut = useLogOut();
  const dark = useDark();
  const title = crumbs.at(-1)?.label;
  const mayAsk = useMay("ask");
  const mayOperate = useMay("operate");

  useEffect(() => {
    document.title = title ? `${title} · ${t.product}` : t.product;
  }, [title]);

  useShortcuts((shortcut: Shortcut) => {
    const does: Record<Shortcut, () => unknown> = {
      palette: () => setPalette((open) => !open),
      help: () => setHelp(true),
      overview: () => navigate({ to: "/" }),
      deployments: () => navigate({ to: "/deployments" }),
      playground: () => (mayAsk ? navigate({ to: "/playground" }) : null),
      deploy: () => (mayOperate ? navigate({ to: "/deployments/new" }) : null),
      filter: () => document.querySelector<HTMLElement>("[data-filter]")?.focus(),
    };
    does[shortcut]();
  });

  return (
    <div className="min-h-screen md:pl-53">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-control focus:bg-accent focus:px-3 focus:py-1.5 focus:text-on-accent"
      >
        {t.shell.skip}
      </a>
      <aside className="fixed inset-y-0 left-0 w-53 overflow-y-auto border-r border-line bg-sunken max-md:hidden">
        <Sidebar />
      </aside>
      <Topbar
        crumbs={crumbs}
        onSearch={() => setPalette(true)}
        onAccount={() => void navigate({ to: "/account" })}
        onLogOut={() => void logOut()}
      />
      <main
        id="content"
        tabIndex={-1}
        className="mx-auto max-w-[1240px] p-3.5 outline-none md:px-6 md:py-5"
      >
        <Notices />
        <ShownSecret />
        {children}
      </main>
      <Suspense>
        {palette ? (
          <Palette open={palette} onOpenChange={setPalette} onLogOut={() => void logOut()} />
        ) : null}
      </Suspense>
      <ShortcutsDialog open={help} onOpenChange={setHelp} />
      <Toaster theme={dark ? "dark" : "light"} position="bottom-right" closeButton />
    </div>
  );
}
